"""One run at a time: the lock of a database's migrations, and who holds it or is in the way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from weakref import WeakSet

import psycopg
from psycopg import pq

from memdb.database import Connection, query
from memdb.errors import LockTimeout

LOCK = "memdb migrate"
_TRY = "select pg_try_advisory_lock(hashtextextended(%s, 0))"
_HOLDERS: "WeakSet[Connection]" = WeakSet()
_POLL_SECONDS = 0.1
_CANCEL_SECONDS = 5


@contextmanager
def migration_lock(connection: Connection, *, wait_seconds: float, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of this database's migrations. `on_wait` hears once who holds it.

    It is a lock of the session that runs the SQL, so that it lasts exactly as long as a statement of a client
    that was killed goes on in the server. It is polled, because a blocked waiter would hold a snapshot for which
    CREATE INDEX CONCURRENTLY of the lock's holder waits in turn. Raises LockTimeout after `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    told = False
    while not connection.value(_TRY, [LOCK]):
        holder = _holder(connection)
        if time.monotonic() >= deadline:
            raise LockTimeout(
                f"another run is changing this database: {holder}",
                hint="Wait for it to end, or allow more time with --wait. The lock ends with the connection that holds "
                "it; nothing has to be unlocked by hand.",
            )
        if not told:
            on_wait(f"another run to end: {holder}")
            told = True
        time.sleep(_POLL_SECONDS)
    _HOLDERS.add(connection)
    try:
        yield
    finally:
        _HOLDERS.discard(connection)
        close_if_busy(connection)
        with suppress(psycopg.OperationalError):  # a lost connection has lost its locks, too
            connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [LOCK])


def require_held(connection: Connection) -> None:
    """Takes the lock again where a migration has given it up, with `pg_advisory_unlock_all()` or `discard all`.

    Raises LockTimeout where another run has taken it meanwhile. Does nothing for a session that never had it.
    """
    if connection not in _HOLDERS or connection.value(query("history", "lock_is_held"), [LOCK]):
        return
    if not connection.value(_TRY, [LOCK]):
        raise LockTimeout(
            f"this migration released memdb's lock, and another run has taken it: {_holder(connection)}",
            hint="Remove pg_advisory_unlock_all() or discard all from the migration.",
        )


def close_if_busy(connection: Connection) -> None:
    """Ctrl-C may come after a statement was sent and before it is waited for: then the connection is of no more use."""
    if connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=_CANCEL_SECONDS)
        connection.close()


def _holder(connection: Connection) -> str:
    row = connection.execute(query("history", "lock_holder"), [LOCK], binary=True).fetchone()
    if row is None:
        return "it has just ended"
    pid, application, since, state, duration, statement = row
    busy = f", for {_seconds(duration)} at: {statement}" if state == "active" else ""
    return f"pid {pid}, {application or 'no application name'}, connected since {since:%Y-%m-%d %H:%M:%S %Z}{busy}"


def blockers(connection: Connection, pid: int) -> dict[int, str]:
    """Whom the backend `pid` waits for, by their pids, in words; empty where it does not wait."""
    rows = connection.execute(query("history", "blockers"), [pid], binary=True).fetchall()
    return {
        other: f"pid {other} ({application or 'no application name'}, {user}, {state}, "
        f"in a transaction for {_seconds(age)})"
        for other, application, user, state, age in rows
    }


def _seconds(duration: timedelta | None) -> str:
    return f"{duration.total_seconds():,.0f} s" if duration else "0 s"
