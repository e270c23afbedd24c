"""Checks of the schema and its history, in brief: status and verify-schema say more."""

from collections.abc import Iterator

from memdb.doctor.checks import Check
from memdb.doctor.findings import Finding
from memdb.doctor.patient import CannotLook, NoMemories, Patient
from memdb.ledger.status import Status
from memdb.verification.verify import Verification
from memdb.words import count, listed

_SHOWN = 3


def _pending(patient: Patient) -> Iterator[Finding]:
    try:
        status: Status = patient.know("status")
    except CannotLook as reason:
        if patient.has_memories:
            raise
        yield _nothing_here(patient, reason)
        return
    pending, lost = _in_state(status, "pending", "late"), _in_state(status, "lost")
    if lost:
        yield Finding(
            "error",
            f"the history has lost that {count(len(lost), 'migration')} {_is(lost)} applied",
            _shown(lost),
            "yoyo's table no longer says so, as after a restore without its rows. memdb migrate stops, rather than do "
            "twice what was done.",
            "Restore that table from a backup; or, if the schema is right as it is, mark them again: memdb baseline.",
            "memdb verify-schema",
        )
    if pending and not (lost or _in_state(status, "applied", "edited", "renamed")):
        yield Finding(
            "error",
            "no migration is applied here",
            f"schema {patient.names.target}",
            "There is nothing to keep memories in, or no record of who made it.",
            "Create the schema; or name the one where it is with --schema; or adopt what is there with memdb baseline.",
            "memdb migrate",
        )
    elif pending:
        yield Finding(
            "warning",
            f"{count(len(pending), 'migration')} {_is(pending)} pending",
            _shown(pending),
            "The database is behind the files, and an application may expect what they create.",
            "See what they would do, then apply them.",
            "memdb migrate --dry-run",
        )


def _nothing_here(patient: Patient, reason: CannotLook) -> Finding:
    """All other checks would have nothing to say, and that must not pass for health."""
    why = str(reason)
    return Finding(
        "error",
        "there are no memories here",
        f"schema {patient.names.target}",
        f"{why[:1].upper()}{why[1:]}.",
        "Name the schema where they are with --schema, or their database with --database-url.",
    )


def _changed(patient: Patient) -> Iterator[Finding]:
    status: Status = patient.know("status")
    if changed := _in_state(status, "edited", "renamed", "missing", "newer"):
        yield Finding(
            "error",
            f"files of {count(len(changed), 'applied migration')} were changed",
            _shown(changed),
            "What was run is not what the files say, so memdb migrate stops, and another database would get another "
            "schema.",
            "See which and how. If they are the files of a project, name its folder with --sql-dir, or run this there; "
            "else restore them, or accept the change with memdb repair.",
            "memdb status",
        )


def _drift(patient: Patient) -> Iterator[Finding]:
    found: Verification = patient.know("verification")
    if found.ok:
        return
    things = [f"{item.kind} {item.object}" for item in found.differences]
    if not found.applied and not found.inferred and all(item.problem == "missing" for item in found.differences):
        raise NoMemories
    yield Finding(
        "error",
        f"the schema has {count(len(things), 'difference')} from what its migrations create",
        _shown(things),
        "Somebody changed it by hand, or a restore was incomplete: what relies on it may fail, or find too little.",
        "See each of them, with what mends it.",
        "memdb verify-schema",
    )


def _in_state(status: Status, *states: str) -> list[str]:
    return [migration.id for migration in status.migrations if migration.state in states]


def _is(ids: list[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _shown(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return listed(names) if more <= 0 else f"{', '.join(names[:_SHOWN])} and {more} more"


CHECKS = (
    Check("pending-migrations", "a migration is pending, or the history has lost that it is applied", _pending),
    Check("changed-migrations", "a file was edited, renamed or removed after it was applied", _changed),
    Check("schema", "the schema is not what its migrations create", _drift),
)
