"""Reviewing migrations before they run: their text by squawk and by our own checks, and what they do by a rehearsal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from memdb import files, scratch
from memdb.database import Connection
from memdb.errors import EmbeddedError, HistoryError
from memdb.ledger import history, plan
from memdb.ledger.plan import Direction, Step
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.ledger.texts import normalised
from memdb.linting import checks, dangers, rehearsal, squawk
from memdb.linting.findings import Finding, silenced

OWN_RULES = checks.RULES | dangers.RULES | rehearsal.RULES
_DIRECTIONS: tuple[Direction, Direction] = ("migrate", "rollback")


@dataclass(frozen=True, slots=True)
class Review:
    """`files` are those that were reviewed; `rehearsed`, if they ran."""

    findings: tuple[Finding, ...]
    files: tuple[str, ...]
    rehearsed: bool
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing is an error."""
        return all(finding.level != "error" for finding in self.findings)


def pending(connection: Connection, sets: Sets, chosen: Iterable[str] = ()) -> list[Migration]:
    """What a migrate would apply, whatever would stop it. Raises UsageError for a chosen set that is not there."""
    applied = history.read(connection, sets).ids
    return [migration for migration in sets.active(applied, chosen) if migration.id not in applied]


def stopped(connection: Connection, sets: Sets, pending: Sequence[Migration]) -> tuple[Finding, ...]:
    """What would keep a migrate from beginning: that one of the sets comes too late."""
    try:
        plan.require_order_of_sets(pending, sets, history.read(connection, sets))
    except HistoryError as error:
        file = files.shown(pending[0].path)
        return (Finding(file, 1, 1, "refused", "error", error.message, error.hint),)
    return ()


def lint(
    sets: Sets,
    migrations: Iterable[Migration],
    *,
    options: scratch.Options = scratch.Options(),
    spread: Mapping[str, str] | None = None,
) -> Review:
    """Reviews the migrations, which are of `sets`. Needs no database but a temporary one, for the rehearsal. `spread`
    has the tables that are spread over a Citus cluster, with the column by which each is.

    Raises SetupError when squawk is not installed.
    """
    chosen, program = list(migrations), squawk.executable()
    steps = [Step(direction, migration) for migration in chosen for direction in _DIRECTIONS]
    texts = {files.shown(step.path): normalised(step.sql) for step in steps}
    found = [
        finding
        for step, (file, text) in zip(steps, texts.items(), strict=True)
        for finding in _read(program, step, file, text, spread or {})
    ]
    refused = {finding.file for finding in found if finding.rule in ("refused", "syntax-error")}
    rehearsed, note = False, "Nothing was run, because some files cannot run." if refused else ""
    if chosen and not refused:
        tried, note = _rehearse(sets, {migration.id for migration in chosen}, options)
        rehearsed = not note
        found += tried
    once = dict.fromkeys(found)  # core is tried below each set
    findings = [finding for finding in once if not silenced(finding, texts[finding.file])]
    order = list(texts)
    findings.sort(key=lambda finding: (order.index(finding.file), finding.line, finding.column, finding.rule))
    return Review(tuple(findings), tuple(texts), rehearsed, (note,) if note else ())


def _read(program: str, step: Step, file: str, text: str, spread: Mapping[str, str]) -> Iterator[Finding]:
    """What the text of a step tells."""
    transactional, rollback = step.migration.transactional, step.direction == "rollback"
    yield from checks.refused(text, file, transactional=transactional)
    yield from checks.refused_by_citus(text, file, spread)
    yield from checks.unguarded(text, file, rollback=rollback)
    yield from dangers.find(text, file)
    yield from squawk.check(program, text, file, transactional=transactional, rollback=rollback, own_rules=OWN_RULES)


def _rehearse(sets: Sets, wanted: set[str], options: scratch.Options) -> tuple[list[Finding], str]:
    """What running the migrations tells, and which were not run, or why none."""
    try:
        found, unproved = rehearsal.rehearse(sets, wanted, options)
        return found, f"Not applied and rolled back: {', '.join(unproved)}." if unproved else ""
    except EmbeddedError as error:
        return [], f"Nothing was run, so rollbacks and comments were not checked: {error.message} ({error.hint})"
