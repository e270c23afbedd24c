"""Text for doctor."""

from collections.abc import Iterator
from typing import Any

from memdb.doctor.examination import REGISTRY
from memdb.doctor.findings import LEVELS, Finding, Report, Unseen
from memdb.output.folding import Code
from memdb.output.rendering import Annotation, Case, Failure, Suite, annotate, render, suite
from memdb.output.streams import styled
from memdb.words import count, listed

_COLORS = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}


@render.register
def _(report: Report) -> Iterator[Any]:
    """The findings, then in a line each what is fine, what was not looked at, and the sum."""
    for finding in report.findings:
        yield from _block(finding)
    if report.fine:
        yield f"Fine: {', '.join(report.fine)}."
    yield from map(_unseen, report.unseen)
    yield summary(report)


@annotate.register
def _(report: Report) -> Iterator[Annotation | str]:
    for finding in report.findings:
        message = "\n".join((f"{finding.object}: {finding.title}", *(text for _, text in _details(finding))))
        yield Annotation(_GITHUB[finding.level], f"memdb doctor: {finding.check}", message)
    for unseen in report.unseen:
        yield Annotation("notice", "memdb doctor", _unseen(unseen))
    yield summary(report)


@suite.register
def _(report: Report) -> Suite:
    """A case for each check. Only errors fail, as they alone set the exit code; the rest is in the notes."""
    kinds = {check.name: kind.replace(" ", "_").lower() for kind, checks in REGISTRY.items() for check in checks}
    skipped = {name: unseen.reason for unseen in report.unseen for name in unseen.checks}
    errors = [finding for finding in report.findings if finding.level == "error"]
    cases = [
        Case(kind, name, _failure([finding for finding in errors if finding.check == name]), skipped.get(name, ""))
        for name, kind in kinds.items()
    ]
    others = [f"{item.level}: {item.object}: {item.title}" for item in report.findings if item.level != "error"]
    return Suite("memdb doctor", tuple(cases), (summary(report), *others))


def _failure(findings: list[Finding]) -> Failure | None:
    if not findings:
        return None
    lines = (line for item in findings for line in (f"{item.object}: {item.title}", *(t for _, t in _details(item))))
    return Failure("error", findings[0].title, tuple(lines))


def summary(report: Report) -> str:
    """One line: how much was found, in how many checks, and where."""
    looked = len(report.fine) + len({finding.check for finding in report.findings})
    counts = {level: sum(finding.level == level for finding in report.findings) for level in LEVELS}
    words = {"error": "error", "warning": "warning", "info": "note"}
    found = listed([count(number, words[level]) for level, number in counts.items() if number])
    place = f"schema {report.schema}, PostgreSQL {report.server_version}"
    place += f", pgvector {report.pgvector_version}" if report.pgvector_version else ""
    place += "" if report.memories is None else f", about {count(report.memories, 'memory')}"
    return f"{found or 'Nothing'} found by {count(looked, 'check')} ({place})."


def _unseen(unseen: Unseen) -> str:
    """Where all checks of a kind could not look, the kind is named."""
    names = list(unseen.checks)
    for kind, checks in REGISTRY.items():
        of_kind = [check.name for check in checks]
        if len(of_kind) > 1 and set(of_kind) <= set(names):
            names[names.index(of_kind[0])] = f"all of {kind.lower()}"
            names = [name for name in names if name not in of_kind]
    return f"Not looked at, because {unseen.reason}: {', '.join(names)}."


def _block(finding: Finding) -> Iterator[Any]:
    head = (finding.level, _COLORS[finding.level]), f"  {finding.object}: {finding.title}  "
    yield styled(*head, (f"[{finding.check}]", "dim"))
    for label, text in _details(finding):
        yield Code(f"        {text}") if label == "command" else f"  {label}  {text}"
    yield ""


def _details(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "why ", finding.why
    yield "mend", finding.mend
    if finding.command:
        yield "command", finding.command
