"""What the tests of faults look at in the server, and how they wait for something to happen in it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from memdb.database import Connection

PATIENCE_SECONDS = 60
BUILD = "-- transactional: false\ncreate index concurrently ix on items (name);"
DROP = "drop index concurrently ix;"


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition returns when it is true at last. Fails the test when that does not happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)
    return found


def create_items(connection: Connection, rows: int = 100) -> None:
    """A table to work on: items (id, name)."""
    connection.execute("create table items (id int primary key, name text)")
    connection.execute("insert into items select n, 'item ' || n from generate_series(1, %s) as n", [rows])


def running(connection: Connection, statement: str) -> int | None:
    """The pid of the backend that runs a statement that contains this text now."""
    row = connection.execute(
        "select pid from pg_stat_activity where state = 'active' and datname = current_database() "
        "and pid != pg_backend_pid() and strpos(query, %s) > 0",
        [statement],
    ).fetchone()
    return None if row is None else int(row[0])


def index_valid(connection: Connection, name: str) -> bool | None:
    """None when there is not an index of this name."""
    row = connection.execute(
        "select indisvalid from pg_index where indexrelid = to_regclass(quote_ident(%s))", [name]
    ).fetchone()
    return None if row is None else bool(row[0])


def applied(connection: Connection) -> list[str]:
    """The migrations that the history has as applied."""
    rows = connection.execute("select migration_id from _yoyo_migration order by applied_at_utc").fetchall()
    return [row[0] for row in rows]


def leave_invalid_index(connection: Connection) -> None:
    """Leaves the index `ix` INVALID, as a build that is killed does."""
    with holding_up_builds(connection):
        connection.execute("set statement_timeout = '100ms'")
        try:
            connection.execute("create index concurrently ix on items (name)")
        except psycopg.errors.QueryCanceled:
            connection.execute("set statement_timeout = 0")
    assert index_valid(connection, "ix") is False


@contextmanager
def holding_up_builds(connection: Connection) -> Iterator[psycopg.Connection]:
    """An old transaction of somebody else, which has written to items, so that a concurrent build waits for its end."""
    with psycopg.connect(connection.info.dsn, application_name="long report") as other:
        other.execute("update items set name = name where id = 1")
        yield other
        other.rollback()


@contextmanager
def in_background(work: Callable[[], None]) -> Iterator[None]:
    """Runs `work` beside the block. What it raises comes out at the end."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if raised:
        raise raised[0]
