"""Text for a study."""

from collections.abc import Iterator
from typing import Any

from memdb.benchmark.recommending import Recommendation
from memdb.benchmark.study import Study
from memdb.output.benchmark import words


def render(study: Study) -> Iterator[Any]:
    """Tables first, and at the end, where it is read, the verdict."""
    from rich.text import Text

    yield words.summary(study)
    for table in words.tables(study):
        yield ""
        yield Text(table.title, "bold")
        yield _table(table)
    yield ""
    yield f"versions  {', '.join(f'{name} {version}' for name, version in study.versions.items())}"
    yield from (Text.assemble(("note:", "bold yellow"), f" {note}") for note in study.notes)
    yield from (Text.assemble(("advice:", "bold cyan"), f" {advice}") for advice in study.verdict.advice)
    yield from (_recommendation(one) for one in study.verdict.recommendations)
    if study.changes is not None:
        yield words.comparison(study.changes)
        yield from (f"note: {note}" for note in study.changes.notes)
        yield from (Text.assemble(("BETTER", "bold green"), f" {words.sentence(one)}") for one in study.changes.better)
        yield from (Text.assemble(("WORSE", "bold red"), f" {words.sentence(one)}") for one in study.changes.worse)
    yield from (Text.assemble(("MISSED", "bold red"), f" {failure}") for failure in study.verdict.failures)
    if not study.verdict.failures:
        yield Text.assemble(("MET", "bold green"), f" {words.conclusion(study)}")


def _recommendation(one: Recommendation) -> Any:
    from rich.text import Text

    now = "" if one.current is None else f" (now {one.current})"
    return Text.assemble(("recommended:", "bold cyan"), f" {one.setting} = {one.value}{now}: {one.because}")


def _table(table: words.Table) -> Any:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(table.columns):
        text = place == 0 or name in table.wide
        shown.add_column(name, justify="left" if text else "right", no_wrap=place == 0)
    for row in table.rows:
        shown.add_row(*row)
    return shown
