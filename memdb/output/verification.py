"""Text for verify-schema, verify-models and the snapshot."""

from collections.abc import Iterator
from typing import Any

from memdb.output.rendering import Annotation, Case, Failure, Suite, annotate, render, suite
from memdb.output.streams import styled
from memdb.verification.comparison import Difference
from memdb.verification.declarations import Drift
from memdb.verification.drift import ModelsVerification
from memdb.verification.snapshot import Snapshot
from memdb.verification.verify import Verification
from memdb.words import count, listed

_WORDS = {"missing": "is missing", "unexpected": "is not expected", "different": "differs"}


@render.register
def _(result: Verification) -> Iterator[Any]:
    for difference in result.differences:
        yield from block(difference)
    yield summary(result)
    yield from (f"Note: {note}" for note in result.notes)
    yield f"Not compared: {'; '.join(result.not_compared)}."


@annotate.register
def _(result: Verification) -> Iterator[Annotation | str]:
    for difference in result.differences:
        message = "\n".join(f"{label}: {text}" if label else text for label, text in details(difference))
        yield Annotation("error", headline(difference), message, difference.path)
    yield from (Annotation("notice", "memdb verify-schema", note) for note in result.notes)
    yield summary(result)


@suite.register
def _(result: Verification) -> Suite:
    """A case for each object that was expected, or should not be there. What is missing with its table fails, too."""
    failures = {text: item for item in result.differences for text in (f"{item.kind} {item.object}", *item.parts)}
    names = [(kind, name) for kind, names in result.compared.items() for name in names]
    names += [(item.kind, item.object) for item in result.differences if (item.kind, item.object) not in names]
    cases = [Case(kind, name, _failure(failures.get(f"{kind} {name}"))) for kind, name in names]
    return Suite("memdb verify-schema", tuple(cases), (summary(result), *result.notes))


def _failure(difference: Difference | None) -> Failure | None:
    if difference is None:
        return None
    lines = tuple(f"{label}\t{text}" for label, text in details(difference))
    return Failure(difference.problem, headline(difference), lines)


def summary(result: Verification) -> str:
    """One line: whether it holds, for what, and where."""
    place = f"{result.database}, schema {result.schema}, PostgreSQL {result.server_version}"
    place += f", pgvector {result.pgvector_version}" if result.pgvector_version else ""
    counts = listed(
        [count(len(names), "other object" if kind == "object" else kind) for kind, names in result.compared.items()]
    )
    if result.ok:
        return f"The schema is as its migrations make it: {counts} compared ({place})."
    return f"{count(len(result.differences), 'difference')} in {counts} compared ({place})."


def headline(difference: Difference) -> str:
    """`index ix_memories_embedding is missing`"""
    return f"{difference.kind} {difference.object} {_WORDS[difference.problem]}"


def details(difference: Difference) -> Iterator[tuple[str, str]]:
    """What to know of a difference, as pairs of label and text."""
    if difference.problem == "different":
        for name, expected in (difference.expected or {}).items():
            yield name.replace("_", " "), f"expected {_shown(expected)}"
            yield "", f"found    {_shown((difference.found or {}).get(name))}"
    elif attributes := difference.expected or difference.found:
        described = {name: value for name, value in attributes.items() if name not in ("comment", "body")}
        shown = "; ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in described.items())
        yield "expected" if difference.expected else "found", shown
    if difference.parts:
        yield "and with it", ", ".join(difference.parts)
    if difference.migration:
        label = "its table" if difference.problem == "unexpected" else "made by"
        yield label, difference.path or difference.migration
    for number, line in enumerate(difference.mend.splitlines()):
        yield "" if number else "mend", line


def block(difference: Difference) -> Iterator[Any]:
    """A difference for a person: what, expected, found, mend."""
    yield styled((headline(difference), "bold red"))
    width = max((len(label) for label, _ in details(difference)), default=0)
    yield from (f"  {label:<{width}}  {text}" for label, text in details(difference))
    yield ""


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {item}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@render.register
def _(result: Snapshot) -> Iterator[Any]:
    if result.written:
        changed = f"changed: {', '.join(result.stale)}" if result.stale else "nothing changed"
        yield f"Wrote {result.path} for {count(result.migrations, 'migration')}; {changed}."
    elif result.stale:
        yield f"{result.path} is stale. It differs in what these migrations do: {', '.join(result.stale)}."
        yield "Write it again with: memdb snapshot"
    else:
        yield f"{result.path} matches the files: {count(result.migrations, 'migration')}."


@render.register
def _(result: ModelsVerification) -> Iterator[Any]:
    for difference in result.differences:
        yield from _drift(difference)
    place = f"the snapshot and the database {result.database}, schema {result.schema}"
    place = place if result.database else "the snapshot"
    objects = count(len(result.compared), "object")
    if result.ok:
        yield f"The models {result.models} match the schema: {objects} compared with {place}."
    else:
        yield f"{count(len(result.differences), 'difference')} in {objects} of {result.models} compared with {place}."
    yield from (f"Note: {note}" for note in result.notes)
    yield f"Not compared: {'; '.join(result.not_compared)}."


_DRIFTS = {"missing": "is missing in the models", "unexpected": "is in the models only", "different": "differs"}


def _drift(difference: Drift) -> Iterator[str]:
    sides = " and ".join(difference.differs_from)
    yield f"{difference.kind} {difference.object} {_DRIFTS[difference.problem]} ({sides})"
    for label, attributes in (("schema", difference.expected), ("models", difference.found)):
        shown = "; ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in (attributes or {}).items())
        if shown:
            yield f"  {label}  {shown}"
    yield f"  mend    {difference.mend}"
    yield ""
