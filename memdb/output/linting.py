"""Text for lint, and the choice between its formats."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from memdb import output
from memdb.linting.findings import Finding
from memdb.linting.lint import Review

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


@singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result of memdb.linting."""
    raise NotImplementedError(type(result))


@render.register
def _(result: Review) -> Iterator[Any]:
    for finding in result.findings:
        yield from _block(finding)
    yield summary(result)
    yield from (f"Note: {note}" for note in result.notes)


def _block(finding: Finding) -> Iterator[Any]:
    place = f"{finding.file}:{finding.line}:{finding.column}: "
    yield output.styled(place, (finding.level, _COLORS[finding.level]), f"[{finding.rule}]")
    yield from (f"    {text}" for text in (finding.message, finding.help) if text)


def summary(result: Review) -> str:
    """One line: how much was found in how many files."""
    files = _count(len(result.files), "file")
    if not result.files:
        return "Nothing to review: no migration is pending."
    done = "read, applied and rolled back" if result.rehearsed else "read"
    if not result.findings:
        return f"Nothing found in {files} {done}."
    counts = {level: sum(finding.level == level for finding in result.findings) for level in _COLORS}
    found = " and ".join(_count(count, level) for level, count in counts.items() if count)
    return f"{found} in {files} {done}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
