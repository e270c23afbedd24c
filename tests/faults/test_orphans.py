"""A client that is killed while its statement goes on in the server, sessions and servers that end."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from memdb import database, embedded
from memdb.database import Connection
from memdb.errors import EmbeddedError
from tests.faults.conftest import Folder
from tests.faults.forks import Forks
from tests.faults.observing import (
    BUILD,
    DROP,
    applied,
    create_items,
    holding_up_builds,
    index_valid,
    running,
    wait_until,
)

Migrate = tuple[str, ...]


@pytest.fixture
def migrate(empty: str, folder: Folder, connection: Connection) -> Migrate:
    """The command that builds the index `ix` on a table that is there."""
    create_items(connection)
    return ("migrate", "--database-url", empty, "--sql-dir", str(folder(m0001_index=(BUILD, DROP))))


def test_the_build_of_a_killed_client_is_waited_for_and_then_taken_for_done(
    memdb: Forks, connection: Connection, migrate: Migrate
) -> None:
    with holding_up_builds(connection):
        killed = memdb.start(*migrate)
        orphan = wait_until(lambda: running(connection, "create index concurrently"), "the build")
        killed.send(signal.SIGKILL)
        killed.wait()
        successor = memdb.start(*migrate)
        successor.wait_until_it_says(f"Waiting for another run to end: pid {orphan}, memdb migrate, connected since 2")
        successor.wait_until_it_says("at: -- transactional: false create index concurrently ix on items")
        built = connection.execute("select to_regclass('ix')::oid").fetchone()
    assert successor.wait() == 0, successor.said
    assert connection.execute("select to_regclass('ix')::oid").fetchone() == built
    assert (index_valid(connection, "ix"), applied(connection)) == (True, ["0001_index"])


def test_the_build_of_a_killed_client_that_the_server_gives_up_is_built_again(
    memdb: Forks, connection: Connection, migrate: Migrate
) -> None:
    with holding_up_builds(connection):
        killed = memdb.start(*migrate)
        orphan = wait_until(lambda: running(connection, "create index concurrently"), "the build")
        killed.send(signal.SIGKILL)
        killed.wait()
        successor = memdb.start(*migrate)
        successor.wait_until_it_says(f"Waiting for another run to end: pid {orphan}")
        given_up = connection.execute("select to_regclass('ix')::oid").fetchone()
        # The server looks every two seconds whether the client is still there.
        wait_until(lambda: running(connection, "drop index concurrently"), "dropping what is left")
    assert successor.wait() == 0, successor.said
    assert connection.execute("select to_regclass('ix')::oid").fetchone() != given_up
    assert (index_valid(connection, "ix"), applied(connection)) == (True, ["0001_index"])


def test_the_transaction_of_a_killed_client_is_waited_for(
    memdb: Forks, empty: str, connection: Connection, folder: Folder
) -> None:
    directory = folder(m0001_slow=("create table slow (); select pg_sleep(1);", "drop table slow;"))
    command = ("migrate", "--database-url", empty, "--sql-dir", str(directory))
    killed = memdb.start(*command)
    orphan = wait_until(lambda: running(connection, "pg_sleep(1)"), "the migration")
    killed.send(signal.SIGKILL)
    killed.wait()
    code, said = memdb.run(*command)
    assert code == 0, said
    assert f"Waiting for another run to end: pid {orphan}, memdb migrate" in said
    assert "at: create table slow (); select pg_sleep(1);" in said
    assert applied(connection) == ["0001_slow"]


def test_the_rollback_of_a_killed_client_is_waited_for_by_a_migrate_which_then_builds_the_index_again(
    memdb: Forks, connection: Connection, migrate: Migrate
) -> None:
    memdb.run(*migrate)
    with holding_up_builds(connection):
        killed = memdb.start("rollback", "--yes", *migrate[1:])
        orphan = wait_until(lambda: running(connection, "drop index concurrently"), "the rollback")
        killed.send(signal.SIGKILL)
        killed.wait()
        successor = memdb.start(*migrate)
        successor.wait_until_it_says(f"Waiting for another run to end: pid {orphan}")
    assert successor.wait() == 0, successor.said
    assert (index_valid(connection, "ix"), applied(connection)) == (True, ["0001_index"])


def test_ctrl_c_does_not_wait_for_the_transaction_that_holds_up_a_build(
    memdb: Forks, connection: Connection, migrate: Migrate
) -> None:
    with holding_up_builds(connection):
        stopped = memdb.start(*migrate, "--lock-timeout", "0.1")
        wait_until(lambda: running(connection, "create index concurrently"), "the build")
        stopped.send(signal.SIGINT)
        assert stopped.wait() == 130
        assert index_valid(connection, "ix") is False
    code, said = memdb.run(*migrate)
    assert (code, index_valid(connection, "ix"), applied(connection)) == (0, True, ["0001_index"]), said


def test_a_session_that_is_terminated_is_reported_and_the_next_run_goes_on(
    memdb: Forks, connection: Connection, migrate: Migrate
) -> None:
    with holding_up_builds(connection):
        ended = memdb.start(*migrate)
        orphan = wait_until(lambda: running(connection, "create index concurrently"), "the build")
        connection.execute("select pg_terminate_backend(%s)", [orphan])
        assert ended.wait() == 3
        assert "the connection was lost" in ended.said
        assert "Traceback" not in ended.said
    code, said = memdb.run(*migrate)
    assert (code, index_valid(connection, "ix"), applied(connection)) == (0, True, ["0001_index"]), said


MIGRATE = ("migrate",)
ROLL_BACK = ("rollback", "--all", "--yes")


@pytest.mark.parametrize(("command", "reverse"), [(MIGRATE, ROLL_BACK), (ROLL_BACK, MIGRATE)], ids=["up", "down"])
def test_a_server_that_crashes_at_any_moment_leaves_nothing_to_be_done_by_hand(
    memdb: Forks, mortal: embedded.Server, major: int, sql_dir: Path, command: Migrate, reverse: Migrate
) -> None:
    where = ("--database-url", mortal.url(), "--sql-dir", str(sql_dir))
    with database.connect(mortal.url(), purpose="test") as connection:
        connection.execute("create extension vector")
    chance = random.Random(command[0])
    crashed = 0
    while crashed < 4:
        assert memdb.run("migrate", *where)[0] == 0
        assert memdb.run(*reverse, *where)[0] == 0
        child = memdb.start(*command, *where)
        child.wait_until_it_says("…")
        time.sleep(chance.uniform(0, 0.1))
        crash(mortal)
        code = child.wait()
        assert code in (0, 3), child.said
        assert "Traceback" not in child.said
        wait_until(lambda: starts_again(mortal, major), "the server's recovery")
        crashed += code == 3
        code, said = memdb.run(*command, *where)
        assert code == 0, said
        with database.connect(mortal.url(), purpose="test") as connection:
            assert len(applied(connection)) == (8 if command == MIGRATE else 0)


def crash(server: embedded.Server) -> None:
    """What `pg_ctl stop -m immediate` does: the server ends without saying goodbye to anybody."""
    running = embedded.expect_running(server.directory)
    os.kill(running.pid, signal.SIGQUIT)
    wait_until(lambda: embedded.running(server.directory) is None, "the end of the server")


def starts_again(server: embedded.Server, major: int) -> bool:
    """Whether it is up: processes of the old server may still be about to end."""
    try:
        embedded.start(server.directory, major=major, configuration="")
    except EmbeddedError:
        return False
    return True
