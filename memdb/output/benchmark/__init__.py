"""Text for a benchmark."""

from collections.abc import Iterator
from typing import Any

from rich import table as tabular

from memdb.benchmark.study import Study
from memdb.output.benchmark import words
from memdb.output.benchmark.table import Table
from memdb.output.benchmark.tables import tables
from memdb.output.rendering import render
from memdb.output.streams import styled

_STYLES = {"good": "bold green", "bad": "bold red", "warn": "bold cyan", "plain": "bold cyan"}


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
    yield from (styled(("note:", "bold yellow"), f" {note}") for note in words.notes(study))
    for remark in reversed(list(words.remarks(study))):
        word = remark.word.upper() if remark.tone in ("good", "bad") else f"{remark.word}:"
        yield styled((word, _STYLES[remark.tone]), f" {remark.code}{remark.text}")


def _table(table: Table) -> Any:
    shown = tabular.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(table.columns):
        text = place == 0 or name in table.wide
        shown.add_column(name, justify="left" if text else "right", no_wrap=place == 0)
    for row, cells in enumerate(table.rows):
        styles = ("bold red" if (row, column) in table.missed else "" for column in range(len(cells)))
        shown.add_row(*(styled((cell, style)) for cell, style in zip(cells, styles, strict=True)))
    return shown
