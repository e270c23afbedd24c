"""Checks of a Citus cluster, where memories are spread over one."""

from collections.abc import Iterator

from memdb.doctor.checks import Check
from memdb.doctor.findings import Finding
from memdb.doctor.patient import Patient
from memdb.doctor.shards import Servers
from memdb.words import count, listed


def _workers(patient: Patient) -> Iterator[Finding]:
    servers: Servers = patient.know("servers")
    for node in servers.silent:
        yield Finding(
            "error",
            "a worker of the cluster does not answer",
            node.address,
            "Users whose memories it keeps find nothing and can store nothing, and no migration runs; others go on.",
            f"Start it. If it is lost for good, have its standby take its place: citus_update_node({node.id}, …).",
        )


def _commits(patient: Patient) -> Iterator[Finding]:
    servers: Servers = patient.know("servers")
    if servers.hanging:
        number = sum(servers.hanging.values())
        yield Finding(
            "error",
            f"{count(number, 'two-phase commit')} {'waits' if number == 1 else 'wait'} for the end",
            f"pg_prepared_xacts on {listed(list(servers.hanging))}",
            "They keep locks, and hold up vacuum. The coordinator ends what it has left within a minute, unless its "
            "maintenance process does not run (each database with Citus takes one of max_worker_processes), or the "
            "coordinator was replaced by an older copy.",
            "Have the coordinator end them: it commits what was committed, and takes back the rest.",
            "select recover_prepared_transactions();",
        )


def _releases(patient: Patient) -> Iterator[Finding]:
    servers: Servers = patient.know("servers")
    for release in servers.releases:
        others = listed([f"{version} on {node}" for node, version in release.others.items()])
        yield Finding(
            "warning",
            f"{release.extension} is {release.here} here, and {others}",
            f"extension {release.extension}",
            "What one of them writes, the other may not read; and Citus refuses commands between releases.",
            "Install the same release on all servers, then run this on each.",
            f"alter extension {release.extension} update;",
        )


def _unheld(patient: Patient) -> Iterator[Finding]:
    servers: Servers = patient.know("servers")
    for key in servers.unheld:
        yield Finding(
            "error",
            f"what {key.parent} loses stays in {key.child}: its foreign key is on this server alone",
            f"constraint {key.name} on {key.child}",
            f"Rows of {key.parent} are in shards, and {key.child} is not. Citus accepts the key, but who deletes there "
            "does not look here: nothing is deleted along, and nothing is refused.",
            f"See which rows of {key.child} refer to nothing any more. Then spread the table by {key.by} beside "
            f"{key.parent} (create_distributed_table, colocate_with), or drop the key.",
        )


CHECKS = (
    Check("workers", "a worker of the Citus cluster does not answer", _workers),
    Check("two-phase-commits", "two-phase commits hang on workers", _commits),
    Check("keys-of-local-tables", "foreign keys to spread tables hold nothing", _unheld),
    Check("releases-of-workers", "workers have other releases of Citus or pgvector", _releases),
)
