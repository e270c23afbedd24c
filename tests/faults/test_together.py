"""Several runs at once."""

import psycopg

from memdb import database
from memdb.database import Connection
from memdb.migrations import locking
from tests.faults.conftest import Folder
from tests.faults.forks import Forks
from tests.faults.observing import applied

RUNS = 8


def test_eight_processes_that_migrate_a_fresh_database_apply_each_migration_once(memdb: Forks, empty: str) -> None:
    children = [memdb.start("migrate", "--database-url", empty) for _ in range(RUNS)]
    assert [child.wait() for child in children] == [0] * RUNS, [child.said for child in children]
    with psycopg.connect(empty) as connection:
        times = connection.execute(
            "select migration_id, count(*) from _yoyo_log where operation = 'apply' group by 1 order by 1"
        ).fetchall()
    assert [count for _, count in times] == [1] * 8
    assert sum("Applied 8 migrations" in child.said for child in children) == 1
    assert sum("Nothing to do; 8 applied in all" in child.said for child in children) == RUNS - 1


def test_eight_processes_that_roll_back_take_each_migration_back_once(
    memdb: Forks, empty: str, connection: Connection, folder: Folder
) -> None:
    files = {f"m000{n}_type": (f"create type type_{n} as enum ();", f"drop type type_{n};") for n in range(1, RUNS + 1)}
    where = ("--database-url", empty, "--sql-dir", str(folder(**files)))
    assert memdb.run("migrate", *where)[0] == 0
    children = [memdb.start("rollback", "--all", "--yes", *where) for _ in range(RUNS)]
    assert [child.wait() for child in children] == [0] * RUNS, [child.said for child in children]
    assert applied(connection) == []
    assert sum("Rolled back 8 migrations" in child.said for child in children) == 1


def test_a_rollback_that_waited_takes_back_what_was_the_newest_when_it_was_asked_for_or_nothing(
    memdb: Forks, empty: str, connection: Connection, folder: Folder
) -> None:
    files = {f"m000{n}_type": (f"create type type_{n} as enum ();", f"drop type type_{n};") for n in (1, 2, 3)}
    where = ("--database-url", empty, "--sql-dir", str(folder(**files)))
    assert memdb.run("migrate", *where)[0] == 0
    with (
        database.connect(empty, purpose="rollout") as holder,
        locking.migration_lock(holder, wait_seconds=1, on_wait=lambda _: None),
    ):
        children = [memdb.start("rollback", "--yes", *where) for _ in range(2)]
        for child in children:
            child.wait_until_it_says("Waiting for")
    assert sorted(child.wait() for child in children) == [0, 4]
    assert len(applied(connection)) == 2
    assert sum("what would be rolled back has changed" in child.said for child in children) == 1


def test_a_run_that_may_wait_no_longer_names_who_holds_the_lock_and_since_when(
    memdb: Forks, empty: str, connection: Connection
) -> None:
    with (
        database.connect(empty, purpose="rollout") as holder,
        locking.migration_lock(holder, wait_seconds=1, on_wait=lambda _: None),
    ):
        code, said = memdb.run("migrate", "--wait", "0.3", "--database-url", empty)
        pid = holder.info.backend_pid
        row = connection.execute("select backend_start from pg_stat_activity where pid = %s", [pid]).fetchone()
    assert row is not None
    who = f"pid {pid}, memdb rollout, connected since {row[0]:%Y-%m-%d %H:%M:%S}"
    assert code == 3
    assert f"another run is changing this database: {who}" in said
    assert "allow more time with --wait" in said
