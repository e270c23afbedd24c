"""Text for a benchmark."""

from collections.abc import Iterator
from typing import Any

from memdb.benchmark.recommending import Recommendation
from memdb.benchmark.study import Study
from memdb.output import styled
from memdb.output.benchmark import words
from memdb.output.benchmark.table import Table
from memdb.output.benchmark.tables import tables
from memdb.output.rendering import render


@render.register
def _(study: Study) -> Iterator[Any]:
    """Tables first, and at the end, where it is read, the verdict."""
    yield words.summary(study)
    for table in tables(study):
        if table.folded:
            continue
        yield ""
        yield styled((table.title, "bold"))
        yield styled((table.note, "dim"))
        yield _table(table)
    yield ""
    yield words.surroundings(study)
    yield from (styled(("note:", "bold yellow"), f" {note}") for note in study.notes)
    yield from (styled(("advice:", "bold cyan"), f" {advice}") for advice in study.verdict.advice)
    yield from (_recommendation(one) for one in study.verdict.recommendations)
    if study.changes is not None:
        yield words.comparison(study.changes)
        yield from (f"note: {note}" for note in study.changes.notes)
        yield from (styled(("BETTER", "bold green"), f" {words.sentence(one)}") for one in study.changes.better)
        yield from (styled(("WORSE", "bold red"), f" {words.sentence(one)}") for one in study.changes.worse)
    yield from (styled(("MISSED", "bold red"), f" {failure}") for failure in study.verdict.failures)
    if not study.verdict.failures:
        yield styled(("MET", "bold green"), f" {words.conclusion(study)}")


def _recommendation(one: Recommendation) -> Any:
    what = f"{one.setting} = {one.value}{words.now(one)}"
    return styled(("recommended:", "bold cyan"), f" {what}: {one.because}")


def _table(table: Table) -> Any:
    from rich import table as tabular

    shown = tabular.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(table.columns):
        text = place == 0 or name in table.wide
        shown.add_column(name, justify="left" if text else "right", no_wrap=place == 0)
    for row, cells in enumerate(table.rows):
        styles = ("bold red" if (row, column) in table.missed else "" for column in range(len(cells)))
        shown.add_row(*(styled((cell, style)) for cell, style in zip(cells, styles, strict=True)))
    return shown
