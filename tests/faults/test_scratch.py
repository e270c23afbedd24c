"""Trials on a server that is not ours: whatever happens to the memdb that runs them, nothing is left there."""

import signal

import pytest
from psycopg.conninfo import make_conninfo

from memdb.database import Connection
from tests.faults.conftest import Folder
from tests.faults.forks import Child, Forks
from tests.faults.observing import wait_until

OF_A_ROLE = "create table notes (id int); grant select on notes to memdb_reader_of_trial;"


def left(connection: Connection) -> list[str]:
    """Temporary databases, and roles that were made for them."""
    return [
        name
        for (name,) in connection.execute(
            "select datname from pg_database where datname like 'memdb_scratch_%' "
            "union all select rolname from pg_roles where rolname = 'memdb_reader_of_trial'"
        ).fetchall()
    ]


def sleeping(connection: Connection) -> bool:
    """Whether the trial has come to the migration that does not end."""
    query = "select from pg_stat_activity where state = 'active' and query like 'select pg_sleep(60)%'"
    return connection.execute(query).fetchone() is not None


def start_trial(connection: Connection, memdb: Forks, folder: Folder) -> Child:
    """A dry run that has made a database and a role, and does not end by itself."""
    slow = "select pg_sleep(60);"
    files = folder(m0001_notes=(OF_A_ROLE, "drop table notes;"), m0002_slow=(slow, slow))
    url = make_conninfo(connection.info.dsn)
    child = memdb.start(
        "migrate", "--dry-run", "--sql-dir", str(files), "--database-url", url, "--scratch-url", url
    )  # fmt: skip
    wait_until(lambda: len(left(connection)) == 2 and sleeping(connection), "the rights of the role")
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGINT])
def test_a_killed_trial_leaves_no_database_and_no_role(
    connection: Connection, memdb: Forks, folder: Folder, number: signal.Signals
) -> None:
    trial = start_trial(connection, memdb, folder)
    trial.send(number)
    trial.wait()
    wait_until(lambda: not left(connection), "the end of the database and the role")


def test_a_trial_whose_session_is_terminated_leaves_nothing(
    connection: Connection, memdb: Forks, folder: Folder
) -> None:
    trial = start_trial(connection, memdb, folder)
    connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname like 'memdb_scratch_%'")
    trial.wait()
    assert "could not be measured: the connection was lost" in trial.said
    assert not left(connection)
