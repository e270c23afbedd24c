"""A study as Markdown, for a pull request."""

import re
from collections.abc import Iterator

from memdb.benchmark.study import Study
from memdb.output.benchmark import words
from memdb.output.benchmark.table import Table
from memdb.output.benchmark.tables import tables
from memdb.words import printable

TITLE = "## Similarity search"


def document(study: Study) -> str:
    """The verdict first; tables that need room are folded."""
    return "\n".join(_lines(study)) + "\n"


def _lines(study: Study) -> Iterator[str]:
    yield TITLE
    yield ""
    yield f"{_text(words.summary(study))}. {_text(words.surroundings(study))}."
    yield ""
    for remark in words.remarks(study):
        word = f"**{remark.word.capitalize()}:** " if remark.word not in ("advice", "recommended") else ""
        code = f"`{printable(remark.code).replace('`', '')}`" if remark.code else ""
        yield f"- {word}{code}{_text(remark.text)}"
    first, second, *others = tables(study)
    for table in (first, second):
        yield from ("", f"### {table.title}", "", *_table(table))
    for table in others:
        yield from ("", f"<details><summary>{table.title}</summary>", "", *_table(table), "", "</details>")
    yield ""
    yield from (f"- {_text(note)}" for note in words.notes(study))


def _table(table: Table) -> Iterator[str]:
    yield _row(table.columns)
    yield _row(["---" if place == 0 or name in table.wide else "---:" for place, name in enumerate(table.columns)])
    for row, cells in enumerate(table.rows):
        missed = [(row, column) in table.missed for column in range(len(cells))]
        shown = map(_text, cells)
        yield _row([f"**{cell}**" if bold else cell for cell, bold in zip(shown, missed, strict=True)])
    yield ""
    yield _text(table.note)


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _text(text: str) -> str:
    """Names of indexes and roles are others', and are to be read as they are: no tag, no link, no line of their own."""
    return re.sub(r"[\\\[\]`]", r"\\\g<0>", printable(text)).replace("&", "&amp;").replace("<", "&lt;")
