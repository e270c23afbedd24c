"""One page on a database: every check, within one transaction that only reads."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from memdb.database import Connection
from memdb.doctor import access, cluster, health, history, indexes, rows, surroundings, versions
from memdb.doctor.checks import Check
from memdb.doctor.facts import Place
from memdb.doctor.findings import LEVELS, Finding, Report, Unseen
from memdb.doctor.patient import CannotLook, Patient, begin
from memdb.errors import ConnectionFailed, MemdbError, WorkerLost
from memdb.ledger.sqlfiles import Sets
from memdb.verification.snapshot import Patches

REGISTRY: Final[dict[str, tuple[Check, ...]]] = {
    "Versions": versions.CHECKS,
    "Schema": history.CHECKS,
    "Access": access.CHECKS,
    "Indexes and memory": indexes.CHECKS,
    "Upkeep": health.CHECKS,
    "Memories": rows.CHECKS,
    "Surroundings": surroundings.CHECKS,
    "Cluster": cluster.CHECKS,
}
"""The checks by what they look at, in the order in which they run."""


def examine(
    connection: Connection,
    sets: Sets,
    patches: Callable[[], Patches],
    place: Place,
    *,
    chosen: tuple[str, ...] = (),
) -> Report:
    """Runs all checks. Writes nothing, reads no whole table, and gives each question two seconds at most."""
    patient = Patient(connection, sets, place, patches, chosen)
    patient.look_around()
    findings: list[Finding] = []
    fine: list[str] = []
    unseen: dict[str, list[str]] = {}
    with connection.transaction(force_rollback=True):
        patient.know("names")
        begin(connection)
        for check in (check for checks in REGISTRY.values() for check in checks):
            found, reason = _run(check, patient)
            findings += found
            if reason:
                unseen.setdefault(reason, []).append(check.name)
            elif not found:
                fine.append(check.name)
        return _report(patient, findings, fine, unseen)


def _run(check: Check, patient: Patient) -> tuple[list[Finding], str]:
    """What a check found, and why it could not look at all of it; nothing where it could."""
    found: list[Finding] = []
    try:
        found.extend(replace(finding, check=check.name) for finding in check.find(patient))
    except CannotLook as reason:
        return found, str(reason)
    except MemdbError as error:
        if isinstance(error, ConnectionFailed) and not isinstance(error, WorkerLost):
            raise
        return found, error.message
    return found, ""


def _report(patient: Patient, findings: Iterable[Finding], fine: Iterable[str], unseen: dict[str, list[str]]) -> Report:
    server = patient.know("server")
    try:
        memories: int | None = max(0, round(patient.memories.rows))
        schema = patient.target.schema
    except CannotLook:
        memories, schema = None, patient.names.target
    return Report(
        findings=tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level))),
        fine=tuple(fine),
        unseen=tuple(Unseen(tuple(checks), reason) for reason, checks in unseen.items()),
        schema=schema,
        server_version=server.version,
        pgvector_version=server.pgvector,
        memories=memories,
    )
