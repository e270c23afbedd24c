"""Checks of a Citus cluster, where memories are spread over one."""

from collections.abc import Iterator

from memdb import distribution
from memdb.database import query
from memdb.doctor.checks import Check
from memdb.doctor.findings import Finding
from memdb.doctor.patient import Patient
from memdb.words import count, listed

_EXTENSIONS = ("citus", "vector")


def _workers(patient: Patient) -> Iterator[Finding]:
    for node in patient.know("silent_workers"):
        yield Finding(
            "error",
            "a worker of the cluster does not answer",
            node.address,
            "Users whose memories it keeps find nothing and can store nothing, and no migration runs; others go on.",
            "Start it. If it is lost for good, have its standby take its place.",
            f"select citus_update_node({node.id}, 'HOST', PORT);",
        )


def _commits(patient: Patient) -> Iterator[Finding]:
    hanging = {
        answer.of: int(answer.value)
        for answer in _asked(patient, query("distribution", "prepared"))
        if answer.value not in (None, "0")
    }
    if hanging:
        yield Finding(
            "error",
            f"{count(sum(hanging.values()), 'two-phase commit')} wait for their end on {listed(list(hanging))}",
            "pg_prepared_xacts there",
            "They keep locks, and hold up vacuum. The coordinator ends what it has left within a minute, unless its "
            "maintenance process cannot (max_worker_processes: each database with Citus takes one), or it was replaced "
            "by an older copy.",
            "Have the coordinator end them: it commits what was committed, and takes back the rest.",
            "select recover_prepared_transactions();",
        )


def _extensions(patient: Patient) -> Iterator[Finding]:
    ours = dict(patient.connection.execute(query("distribution", "extensions"), [list(_EXTENSIONS)]).fetchall())
    for name, version in ours.items():
        statement = query("distribution", "extension").replace("{extension}", name)
        others = [answer for answer in _asked(patient, statement) if answer.value not in (None, version)]
        if others:
            yield Finding(
                "warning",
                f"{name} is {version} here, and another on {listed([f'{item.of} ({item.value})' for item in others])}",
                f"extension {name}",
                "What one of them writes, the other may not read; and Citus refuses commands between releases.",
                f"Install the same release on all servers, then, on the coordinator: alter extension {name} update.",
            )


def _asked(patient: Patient, statement: str) -> list[distribution.Answer]:
    if patient.know("cluster") is None:
        return []
    return list(distribution.ask_workers(patient.connection, statement))


CHECKS = (
    Check("workers", "a worker of the cluster does not answer", _workers),
    Check("two-phase-commits", "two-phase commits hang on workers", _commits),
    Check("extensions-of-workers", "workers have other releases of Citus or pgvector", _extensions),
)
