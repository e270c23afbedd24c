"""What a migration may cost the application that goes on working: a moment, and never its service."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from memdb.database import Connection
from tests.faults.conftest import Folder
from tests.faults.forks import Forks
from tests.faults.observing import BUILD, DROP, applied, create_items, holding_up_builds, in_background, index_valid

LOCK_TIMEOUT_SECONDS = 0.2
ALTER = ("alter table items add column counter int;", "alter table items drop column counter;")
# The kind of statement for which somebody might leave the transaction, and which stops everybody all the same.
ALTER_OUTSIDE = (f"-- transactional: false\n{ALTER[0]}", ALTER[1])


@pytest.fixture
def longest_wait(empty: str, connection: Connection) -> Iterator[Callable[[], float]]:
    """Reads and writes items all the time; tells the longest time in seconds that a statement has taken so far."""
    create_items(connection)
    over, longest = threading.Event(), [0.0]

    def work(statement: str) -> None:
        with psycopg.connect(empty, autocommit=True) as worker:
            while not over.wait(0.002):
                started = time.perf_counter()
                worker.execute(statement)
                longest[0] = max(longest[0], time.perf_counter() - started)

    with (
        in_background(lambda: work("select count(*) from items")),
        in_background(lambda: work("update items set name = name where id = 2")),
    ):
        yield lambda: longest[0]
        over.set()


@contextmanager
def long_transaction(conninfo: str, seconds: float) -> Iterator[None]:
    """A report that has read items, and whose transaction goes on."""
    with psycopg.connect(conninfo, application_name="long report") as report:
        report.execute("select count(*) from items")
        timer = threading.Timer(seconds, report.rollback)
        timer.start()
        yield
        timer.join()


@pytest.mark.parametrize("alter", [ALTER, ALTER_OUTSIDE], ids=["transactional", "outside"])
def test_nobody_waits_longer_than_the_lock_timeout_and_the_migration_is_done_in_the_end(
    memdb: Forks,
    empty: str,
    connection: Connection,
    folder: Folder,
    longest_wait: Callable[[], float],
    alter: tuple[str, str],
) -> None:
    directory = folder(m0001_alter=alter)
    with long_transaction(empty, seconds=2):
        started = time.perf_counter()
        code, said = memdb.run(
            "migrate", "--lock-timeout", str(LOCK_TIMEOUT_SECONDS), "--database-url", empty, "--sql-dir", str(directory)
        )
        assert (code, time.perf_counter() - started > 1.5) == (0, True), said
    assert applied(connection) == ["0001_alter"]
    assert 0.5 * LOCK_TIMEOUT_SECONDS < longest_wait() < LOCK_TIMEOUT_SECONDS + 1


def test_a_run_that_may_wait_no_longer_says_who_is_in_the_way_and_what_to_do(
    memdb: Forks, empty: str, connection: Connection, folder: Folder, longest_wait: Callable[[], float]
) -> None:
    directory = folder(m0001_alter=ALTER)
    limits = ("--lock-timeout", "0.8", "--wait", "2")
    with long_transaction(empty, seconds=3.5):
        code, said = memdb.run("migrate", *limits, "--database-url", empty, "--sql-dir", str(directory))
    assert code == 4
    assert "0001_alter.sql:1:1: canceling statement due to lock timeout" in said
    assert "Others held the lock for 2 s" in said
    assert "--wait" in said
    assert re.search(r"Waiting for pid \d+ \(long report, postgres, idle in transaction", said), said
    assert applied(connection) == []
    assert longest_wait() < 0.8 + 1


def test_an_index_is_built_while_the_application_writes(
    memdb: Forks, empty: str, connection: Connection, folder: Folder, longest_wait: Callable[[], float]
) -> None:
    connection.execute("insert into items select n, 'item ' || n from generate_series(1000, 100000) as n")
    directory = folder(m0001_index=(BUILD, DROP))
    code, said = memdb.run("migrate", "--database-url", empty, "--sql-dir", str(directory))
    assert code == 0, said
    assert longest_wait() < 1


@pytest.mark.parametrize("setting", ["statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout"])
def test_a_time_out_set_for_the_role_or_the_database_does_not_kill_an_index_build(
    memdb: Forks, empty: str, connection: Connection, folder: Folder, setting: str
) -> None:
    if connection.info.server_version < 170000 and setting == "transaction_timeout":
        pytest.skip("PostgreSQL 17 brought transaction_timeout")
    create_items(connection)
    directory = folder(m0001_index=(BUILD, DROP))
    with holding_up_builds(connection) as holding:
        connection.execute(f"alter database {connection.info.dbname} set {setting} = '100ms'")
        run = memdb.start("migrate", "--database-url", empty, "--sql-dir", str(directory))
        time.sleep(0.5)
        holding.rollback()
    assert run.wait() == 0, run.said
    assert index_valid(connection, "ix")
