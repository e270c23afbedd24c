"""Text for lint, and the choice between its formats."""

from collections.abc import Iterator
from typing import Any

from memdb import output
from memdb.linting.findings import Finding
from memdb.linting.lint import Review
from memdb.output.rendering import render
from memdb.output.streams import styled
from memdb.words import count, listed

_COLORS = {"error": "bold red", "warning": "yellow"}


def emit(result: Review, format: str) -> None:
    """Prints the result: as output.emit does, or as annotations for GitHub."""
    if format == "github":
        from memdb.output import github

        for finding in result.findings:
            output.write_line(_annotation(finding, github))
        for note in result.notes:
            output.write_line(github.command("notice", note, title="memdb lint"))
        output.write_line(summary(result))
    else:
        output.emit(result, format)


def _annotation(finding: Finding, github: Any) -> str:
    message = "\n".join(filter(None, (finding.message, finding.help)))
    place = {"file": github.annotatable(finding.file), "line": str(finding.line), "col": str(finding.column)}
    return str(github.command(finding.level, message, title=finding.rule, **place))


@render.register
def _(result: Review) -> Iterator[Any]:
    """The findings, and a line that sums up."""
    for finding in result.findings:
        yield from _block(finding)
    yield summary(result)
    yield from (f"Note: {note}" for note in result.notes)


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
