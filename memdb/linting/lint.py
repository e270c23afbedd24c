"""Reviewing migrations before they run: their text by squawk and by our own checks, and what they do by a rehearsal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from memdb import scratch
from memdb.database import Connection
from memdb.errors import EmbeddedError
from memdb.ledger import history
from memdb.ledger.plan import Direction, Step
from memdb.ledger.sqlfiles import Migration, Sets, normalised
from memdb.linting import checks, rehearsal, squawk
from memdb.linting.findings import Finding, silenced

OWN_RULES = checks.RULES | rehearsal.RULES
_DIRECTIONS: tuple[Direction, Direction] = ("migrate", "rollback")


@dataclass(frozen=True, slots=True)
class Review:
    """`ok` where nothing is found that is an error. `files` are those that were reviewed; `rehearsed`, if they ran."""

    ok: bool
    findings: tuple[Finding, ...]
    files: tuple[str, ...]
    rehearsed: bool
    notes: tuple[str, ...] = ()


def pending(connection: Connection, sets: Sets, chosen: Iterable[str] = ()) -> list[Migration]:
    """What a migrate would apply, whatever would stop it. Raises UsageError for a chosen set that is not there."""
    applied = history.read(connection, sets).ids
    return [migration for migration in sets.active(applied, chosen) if migration.id not in applied]


def lint(sets: Sets, migrations: Iterable[Migration], *, options: scratch.Options = scratch.Options()) -> Review:
    """Reviews the migrations, which are of `sets`. Needs no database but a temporary one, for the rehearsal.

    Raises SetupError when squawk is not installed.
    """
    chosen, program = list(migrations), squawk.executable()
    texts = {_shown(*file): _text(*file) for migration in chosen for file in _files(migration)}
    found = [finding for migration in chosen for finding in _read(program, migration)]
    refused = {finding.file for finding in found if finding.rule in ("refused", "syntax-error")}
    rehearsed, note = False, "Nothing was run, since some files cannot be." if refused else ""
    if chosen and not refused:
        tried, note = _rehearse(sets, {migration.id for migration in chosen}, options)
        rehearsed = not note
        found += tried
    findings = [finding for finding in found if not silenced(finding, texts[finding.file])]
    order = list(texts)
    findings.sort(key=lambda finding: (order.index(finding.file), finding.line, finding.column, finding.rule))
    ok = all(finding.level != "error" for finding in findings)
    return Review(ok, tuple(findings), tuple(texts), rehearsed, (note,) if note else ())


def _files(migration: Migration) -> Iterator[tuple[Migration, Direction]]:
    return ((migration, direction) for direction in _DIRECTIONS)


def _text(migration: Migration, direction: Direction) -> str:
    return normalised(Step(direction, migration).sql)


def _shown(migration: Migration, direction: Direction) -> str:
    """Relative to the current directory where it is inside, as annotations of a checkout need it."""
    path = (migration.path if direction == "migrate" else migration.rollback_path).absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _read(program: str, migration: Migration) -> Iterator[Finding]:
    """What the texts of a migration and its rollback tell."""
    for direction in _DIRECTIONS:
        text, file, rollback = _text(migration, direction), _shown(migration, direction), direction == "rollback"
        transactional = migration.transactional
        yield from checks.refused(text, file, transactional=transactional)
        yield from checks.unguarded(text, file, rollback=rollback)
        yield from squawk.check(
            program, text, file, transactional=transactional, rollback=rollback, own_rules=OWN_RULES
        )


def _rehearse(sets: Sets, wanted: set[str], options: scratch.Options) -> tuple[list[Finding], str]:
    """What running the migrations tells, or why they were not run."""
    try:
        return list(rehearsal.rehearse(sets, wanted, _shown, options)), ""
    except EmbeddedError as error:
        return [], f"Nothing was run, so rollbacks and comments were not checked: {error.message} ({error.hint})"
