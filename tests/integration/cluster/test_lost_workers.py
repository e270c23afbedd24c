"""A worker that cannot be reached: said by name, nothing half done, and the next run goes on; others find their own."""

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from memdb import database
from memdb.distribution import shards
from memdb.door import Database
from memdb.errors import WorkerLost
from memdb.seeding.hooks import Hooks
from tests.integration.cluster.conftest import Spread
from tests.integration.cluster.test_commands import write

pytestmark = pytest.mark.once

WORK: tuple[Callable[[Database], object], ...] = (
    lambda db: db.seed(memories=20, append=True),
    lambda db: db.unseed(),
    lambda db: db.inspect(),
    lambda db: db.benchmark(),
)


def port(conninfo: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["port"])


def users_by_worker(spread: Spread) -> list[str]:
    """One user of each worker, in the order of the workers."""
    with psycopg.connect(spread.conninfo) as connection:
        found = connection.execute(
            "select n.nodeport::text, min(u.user_id::text) from (select distinct user_id from memories) as u "
            "join pg_dist_placement as p on p.shardid = get_shard_id_for_distribution_column('memories', u.user_id) "
            "join pg_dist_node as n using (groupid) group by 1"
        ).fetchall()
    users: dict[str, str] = dict(found)
    return [users[port(worker)] for worker in spread.workers]


@pytest.mark.parametrize("lost", [0, 1])
def test_whatever_needs_all_workers_says_which_is_gone_and_others_are_searched(shared: Spread, lost: int) -> None:
    users = users_by_worker(shared)
    with shared.without(lost), shared.open() as db:
        for call in WORK:
            with pytest.raises(WorkerLost, match="cannot be reached") as said:
                call(db)
            assert f":{port(shared.workers[lost])} " in said.value.message
            assert "Start the worker" in said.value.hint
        count = "select count(*) from memories where user_id = %s"
        with database.connect(shared.conninfo, purpose="test") as connection:
            assert connection.value(count, [users[1 - lost]]) > 0
            with pytest.raises(psycopg.OperationalError):
                connection.execute(count, [users[lost]])
            assert connection.value(count, [users[1 - lost]]) > 0
    with shared.open() as db:
        assert db.inspect().memories == 1200


def test_verify_and_the_doctor_name_the_worker_and_look_at_the_rest(shared: Spread) -> None:
    with shared.without(1), shared.open() as db:
        differences, report = db.verify().differences, db.doctor()
    missing = [item.object for item in differences if item.problem == "missing"]
    assert len(missing) == 1
    assert missing[0].startswith("worker ")
    assert [finding.object for finding in report.findings if finding.check == "workers"] == [missing[0].split()[1]]


def test_a_worker_that_never_answers_is_one_that_does_not_answer(own: Spread) -> None:
    """As of a host that is cut off: Citus waits for it longer than the doctor for any question."""
    moved = "update pg_dist_node set nodeport = %s where nodeport = %s"
    worker = int(port(own.workers[1]))
    with (
        socket.create_server(("127.0.0.1", 0)) as nobody,
        own.open() as db,
        psycopg.connect(own.conninfo, autocommit=True) as connection,
    ):
        silent = nobody.getsockname()[1]
        connection.execute(moved, [silent, worker])
        try:
            with pytest.raises(WorkerLost, match=f":{silent} of this cluster cannot be reached: it does not answer"):
                db.inspect()
            findings = db.doctor().findings
        finally:
            connection.execute(moved, [worker, silent])
    found = [finding.object for finding in findings if finding.check == "workers"]
    assert [object.rpartition(":")[2] for object in found] == [str(silent)]


def test_a_migration_that_loses_a_worker_leaves_nothing_and_is_applied_when_it_is_back(
    own: Spread, project: Path
) -> None:
    write(
        project,
        "5001_add_importance",
        "alter table memories add column importance real;\nupdate memories set importance = 1;",
        "alter table memories drop column importance;",
    )
    with own.open(project) as db:
        with own.without(0), pytest.raises(WorkerLost):
            db.migrate()
        assert "pending" in {item.state for item in db.status().migrations}
        assert len(db.migrate().steps) == 1
        with own.without(1), pytest.raises(WorkerLost):
            db.rollback(losing=True)
        assert {item.state for item in db.status().migrations} == {"applied"}
        assert len(db.rollback(losing=True).steps) == 1


def test_an_index_that_some_workers_have_built_is_built_anew_or_dropped(own: Spread, project: Path) -> None:
    """A coordinator itself takes it for valid, and its workers refuse to drop what they lack."""
    write(
        project,
        "5001_add_index",
        "-- transactional: false\ncreate index concurrently ix_memories_made on memories (created_at, id);",
        "-- transactional: false\ndrop index concurrently ix_memories_made;",
    )

    def on_all(connection: database.Connection) -> bool:
        table = connection.value("select 'memories'::regclass::oid")
        return shards.has_on_all_shards(connection, table, "ix_memories_made")

    with own.open(project) as db, database.connect(own.conninfo, purpose="test") as connection:
        with own.without(0), pytest.raises(WorkerLost):
            db.migrate()
        assert not on_all(connection)
        db.migrate()
        assert on_all(connection)
        with own.without(1), pytest.raises(WorkerLost):
            db.rollback()
        db.rollback()
        assert connection.value("select to_regclass('ix_memories_made')") is None


def test_a_worker_lost_while_rows_are_loaded_leaves_none_of_them(own: Spread) -> None:
    with own.open() as db:
        with contextlib.ExitStack() as lost:
            times: list[None] = []

            def lose(_: int) -> None:
                if not times:
                    lost.enter_context(own.without(0))
                    times.append(None)

            with pytest.raises(WorkerLost):
                db.seed(memories=5000, users=40, append=True, hooks=Hooks(on_progress=lose))
            assert times
        assert db.inspect().memories == 120
        assert db.seed(memories=50, append=True).memories == 50
