"""Statements outside of a transaction that commit by themselves: what they have done is not done twice unasked."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from memdb.database import Connection
from tests.faults.conftest import Folder
from tests.faults.forks import Forks
from tests.faults.observing import applied, running, wait_until

AT_ONCE = ("--lock-timeout", "0.1", "--wait", "5")
MAKE = "create table account (balance int); create table other ();"


def tenfold(then: str, *, commit: bool = True) -> str:
    """The balance grows tenfold each time that this is run, even if it does not come to its end."""
    block = f"update account set balance = 10 * balance; {'commit;' if commit else ''} {then};"
    return f"-- transactional: false\ndo $$ begin {block} end $$;"


def options(empty: str, folder: Folder, sql: str, undo: str = "select 1;") -> list[str]:
    sql_dir = folder(m0001_account=(MAKE, "drop table account; drop table other;"), m0002_pay=(sql, undo))
    return ["--database-url", empty, "--sql-dir", str(sql_dir)]


@pytest.fixture
def account(memdb: Forks, connection: Connection, empty: str, folder: Folder) -> Connection:
    assert memdb.run("migrate", "--to", "0001", *options(empty, folder, "select 1;"))[0] == 0
    connection.execute("insert into account values (100)")
    return connection


def balance(connection: Connection) -> int:
    return int(connection.value("select balance from account"))


@contextmanager
def reading(conninfo: str, table: str) -> Iterator[None]:
    """A transaction of somebody else that has read the table, and goes on."""
    with psycopg.connect(conninfo) as report:
        report.execute(f"select from {table}")
        yield
        report.rollback()


@pytest.mark.parametrize("direction", ["migrate", "rollback"])
def test_what_has_committed_a_part_is_not_tried_again_when_a_lock_is_in_its_way(
    memdb: Forks, empty: str, account: Connection, folder: Folder, direction: str
) -> None:
    blocked = tenfold("alter table other add a int")
    if direction == "rollback":
        arguments = options(empty, folder, "-- transactional: false\nselect 1;", blocked.partition("\n")[2])
        assert memdb.run("migrate", *arguments)[0] == 0
        arguments.append("--yes")
    else:
        arguments = options(empty, folder, blocked)
    with reading(empty, "other"):
        code, said = memdb.run(direction, *AT_ONCE, *arguments)
    assert (code, balance(account), applied(account)) == (4, 1000, ["0001_account"]), said
    assert "canceling statement due to lock timeout" in said
    assert "What it committed by itself stays, and would be done again" in said


def test_what_was_taken_back_whole_is_tried_again(
    memdb: Forks, empty: str, account: Connection, folder: Folder
) -> None:
    arguments = options(empty, folder, tenfold("alter table other add a int", commit=False))
    with reading(empty, "other"):
        waiting = memdb.start("migrate", *AT_ONCE, *arguments)
        wait_until(lambda: running(account, "alter table other"), "the first try")
        wait_until(lambda: running(account, "alter table other") is None, "its end")
    assert (waiting.wait(), balance(account)) == (0, 1000), waiting.said


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "SIGINT", "error"])
def test_what_was_cut_short_does_not_run_again_until_somebody_has_decided(
    memdb: Forks, empty: str, account: Connection, folder: Folder, end: str
) -> None:
    arguments = options(empty, folder, tenfold("perform 1 / 0" if end == "error" else "perform pg_sleep(60)"))
    child = memdb.start("migrate", *arguments)
    if end != "error":
        wait_until(lambda: balance(account) == 1000, "the first part")
        child.send(signal.Signals[end])
    assert child.wait() != 0
    for command in ("migrate",), ("migrate", "--dry-run"):
        code, said = memdb.run(*command, *arguments)
        assert code == 4, said
        assert "0002_pay.sql was begun outside of a transaction and not finished; part of it may be done" in said
    assert (balance(account), applied(account)) == (1000, ["0001_account"])


@pytest.mark.parametrize(("decision", "outcome"), [("--mark", 1000), ("--unmark", 10_000), ("the file", 1001)])
def test_there_is_a_way_on_for_each_decision(
    memdb: Forks, empty: str, account: Connection, folder: Folder, decision: str, outcome: int
) -> None:
    fails_once = "if exists (select from account where balance = 1000) then raise 'no'; end if"
    arguments = options(empty, folder, tenfold(fails_once))
    assert memdb.run("migrate", *arguments)[0] == 4
    if decision == "the file":
        options(empty, folder, "update account set balance = balance + 1;")
    else:
        code, said = memdb.run("repair", decision, "0002", "--yes", *arguments)
        assert code == 0, said
    code, said = memdb.run("migrate", *arguments)
    assert (code, balance(account), applied(account)) == (0, outcome, ["0001_account", "0002_pay"]), said


def test_what_changes_no_value_is_taken_up_by_the_next_run(
    memdb: Forks, empty: str, account: Connection, folder: Folder
) -> None:
    arguments = options(empty, folder, "-- transactional: false\nvacuum full account;")
    with reading(empty, "account"):
        killed = memdb.start("migrate", *arguments)
        wait_until(lambda: running(account, "vacuum full"), "the vacuum")
        killed.send(signal.SIGKILL)
        killed.wait()
    code, said = memdb.run("migrate", *arguments)
    assert (code, applied(account)) == (0, ["0001_account", "0002_pay"]), said


def test_what_lets_others_work_waits_for_them_as_long_as_it_takes(
    memdb: Forks, empty: str, account: Connection, folder: Folder
) -> None:
    """Where it gave up, a partition would be left half detached, and each try would leave another index."""
    account.execute(
        "create table log (day int not null) partition by list (day); "
        "create table log_1 partition of log for values in (1)"
    )
    arguments = options(empty, folder, "-- transactional: false\nalter table log detach partition log_1 concurrently;")
    with reading(empty, "log"):
        waiting = memdb.start("migrate", *AT_ONCE, *arguments)
        waiting.wait_until_it_says("Waiting for pid")
    assert waiting.wait() == 0, waiting.said
    assert account.value("select count(*) from pg_inherits where inhparent = 'log'::regclass") == 0
