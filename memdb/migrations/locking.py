"""One run at a time, and none that stops the application: the lock, the time-outs, and what poolers do to both."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
from psycopg import generators

from memdb import database
from memdb.database import Connection, query
from memdb.errors import LockTimeout, SetupError

LOCK = "memdb migrate"
_POLL_SECONDS = 0.1
_POOLER_WAIT_SECONDS = 5


@contextmanager
def migration_lock(connection: Connection, *, wait_seconds: float, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of this database's migrations. `on_wait` hears once who holds it.

    It is a lock of the session that runs the SQL, so that it lasts exactly as long as a statement of a client
    that was killed goes on in the server. It is polled, because a blocked waiter would hold a snapshot for which
    CREATE INDEX CONCURRENTLY of the lock's holder waits in turn. Raises LockTimeout after `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    told = False
    while connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [LOCK]).fetchone() != (True,):
        holder = _holder(connection)
        if time.monotonic() >= deadline:
            raise LockTimeout(
                f"another run is changing this database: {holder}",
                hint="Wait for it to end, or allow more time with --wait. The lock goes with the connection that "
                "holds it; nothing has to be unlocked by hand.",
            )
        if not told:
            on_wait(f"another run to end: {holder}")
            told = True
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):  # a lost connection has lost its locks, too
            connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [LOCK])


def _holder(connection: Connection) -> str:
    row = connection.execute(query("history", "lock_holder"), [LOCK]).fetchone()
    if row is None:
        return "it has just ended"
    pid, application, since, state, duration, statement = row
    busy = f", for {_seconds(duration)} at: {statement}" if state == "active" else ""
    return f"pid {pid}, {application or 'no application name'}, connected since {since:%Y-%m-%d %H:%M:%S %Z}{busy}"


def blockers(connection: Connection, pid: int) -> str:
    """Whom the backend `pid` waits for, in words; nothing where it does not wait."""
    rows = connection.execute(query("history", "blockers"), [pid]).fetchall()
    return "; ".join(
        f"pid {other} ({application or 'no application name'}, {user}, {state}, in a transaction for {_seconds(age)})"
        for other, application, user, state, age in rows
    )


def _seconds(duration: timedelta | None) -> str:
    return f"{duration.total_seconds():,.0f} s" if duration else "0 s"


def prepare_session(
    connection: Connection,
    *,
    lock_timeout_seconds: float,
    maintenance_work_mem: str | None = None,
    parallel_workers: int | None = None,
) -> None:
    """Sets what a connection needs that runs migrations.

    Raises SetupError behind a transaction pooler, where neither settings nor locks of a session hold.
    """
    if is_transaction_pooled(connection):
        raise SetupError(
            "this connection goes through a transaction pooler, which does not keep the locks that migrations need",
            hint="Set MEMDB_MIGRATION_URL to the address of the server itself (Supabase: port 5432, not 6543).",
        )
    connection.execute(query("history", "prepare_session"), [f"{lock_timeout_seconds * 1000:.0f}ms"])
    if maintenance_work_mem is not None:
        connection.execute("select set_config('maintenance_work_mem', %s, false)", [maintenance_work_mem])
    if parallel_workers is not None:
        connection.execute("select set_config('max_parallel_maintenance_workers', %s, false)", [str(parallel_workers)])


def is_transaction_pooled(connection: Connection) -> bool:
    """Whether statements of this connection may run in different sessions of the server, told by behaviour.

    Who connects to the server itself is told the pid of its session when it connects. A pooler tells something
    else; it pools transactions if two connections are served by one session, or one by several.
    """
    own = _server_pid(connection)
    if own == connection.info.backend_pid:
        return False
    with database.again(connection, purpose="pooler check") as other:
        pids = [_server_pid(one) for _ in range(3) for one in (connection, other)]
    mine, theirs = {own, *pids[::2]}, set(pids[1::2])
    return len(mine) > 1 or bool(mine & theirs)


def _server_pid(connection: Connection) -> int | None:
    """The pid of the session that serves the connection now; None when a full pool does not serve it in time."""
    connection.pgconn.send_query(b"select pg_backend_pid()")
    connection.pgconn.flush()
    if not select.select([connection.fileno()], [], [], _POOLER_WAIT_SECONDS)[0]:
        connection.cancel_safe(timeout=1)
        return None
    result = connection.wait(generators.fetch_many(connection.pgconn))[-1]
    value = result.get_value(0, 0)
    return int(value) if value else None
