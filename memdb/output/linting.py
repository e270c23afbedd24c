"""Text for lint."""

from collections.abc import Iterator
from typing import Any

from memdb.linting.findings import Finding
from memdb.linting.lint import Review
from memdb.output.rendering import Annotation, annotate, render
from memdb.output.streams import styled
from memdb.words import count, listed

_COLORS = {"error": "bold red", "warning": "yellow"}


@render.register
def _(result: Review) -> Iterator[Any]:
    """The findings, and a line that sums up."""
    for finding in result.findings:
        yield from _block(finding)
    yield summary(result)
    yield from (f"Note: {note}" for note in result.notes)


@annotate.register
def _(result: Review) -> Iterator[Annotation | str]:
    for finding in result.findings:
        message = "\n".join(filter(None, (finding.message, finding.help)))
        yield Annotation(finding.level, finding.rule, message, finding.file, finding.line, finding.column)
    yield from (Annotation("notice", "memdb lint", note) for note in result.notes)
    yield summary(result)


def _block(finding: Finding) -> Iterator[Any]:
    place = f"{finding.file}:{finding.line}:{finding.column}: "
    yield styled(place, (finding.level, _COLORS[finding.level]), f"[{finding.rule}]")
    yield from (f"    {text}" for text in (finding.message, finding.help) if text)


def summary(result: Review) -> str:
    """One line: how much was found in how many files."""
    files = count(len(result.files), "file")
    if not result.files:
        return "Nothing to review: no migration is pending."
    done = "read, applied and rolled back" if result.rehearsed else "read"
    if not result.findings:
        return f"Nothing found in {files} {done}."
    counts = {level: sum(finding.level == level for finding in result.findings) for level in _COLORS}
    found = listed([count(number, level) for level, number in counts.items() if number])
    return f"{found} in {files} {done}."
