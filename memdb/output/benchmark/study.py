"""Text for a study."""

from collections.abc import Iterator
from typing import Any

from memdb.benchmark.recommending import Recommendation
from memdb.benchmark.study import Study
from memdb.output.benchmark import words
from memdb.output.benchmark.table import Table
from memdb.output.benchmark.tables import tables


def render(study: Study) -> Iterator[Any]:
    """Tables first, and at the end, where it is read, the verdict."""
    from rich.text import Text

    yield words.summary(study)
    for table in tables(study):
        if table.folded:
            continue
        yield ""
        yield Text(table.title, "bold")
        yield Text(table.note, "dim")
        yield _table(table)
    yield ""
    yield words.surroundings(study)
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

    what = f"{one.setting} = {one.value}{words.now(one)}"
    return Text.assemble(("recommended:", "bold cyan"), f" {what}: {one.because}")


def _table(table: Table) -> Any:
    from rich import table as tabular
    from rich.text import Text

    shown = tabular.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(table.columns):
        text = place == 0 or name in table.wide
        shown.add_column(name, justify="left" if text else "right", no_wrap=place == 0)
    for row, cells in enumerate(table.rows):
        styles = ("bold red" if (row, column) in table.missed else "" for column in range(len(cells)))
        shown.add_row(*(Text(cell, style) for cell, style in zip(cells, styles, strict=True)))
    return shown
