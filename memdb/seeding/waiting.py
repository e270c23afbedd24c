"""Waiting for whoever is in the way: told for whom, and not for ever."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from memdb.database import Connection, query
from memdb.errors import LockTimeout
from memdb.migrations.watch import watch
from memdb.target import Target

WAIT_SECONDS = 60.0
_LONGEST_SECONDS = 1_000_000.0  # the server takes no more than 2**31 ms
_SLICE_SECONDS = 2.0  # long enough for autovacuum to give way, which it does after deadlock_timeout
_PAUSE_SECONDS = 0.2


@contextmanager
def patience(
    connection: Connection,
    *,
    seconds: float,
    on_wait: Callable[[str], None],
    on_build: Callable[[float | None], None] = lambda _: None,
) -> Iterator[None]:
    """For a transaction: while the block runs, `on_wait` hears whom a statement waits for.

    `on_build` hears how far the index is that it builds, 0 to 1, or None where that is not known.

    Raises LockTimeout, which names them, where a statement had a limit and reached it.
    """
    heard = ["someone who has locked one of its rows"]

    def hear(whom: str) -> None:
        heard.append(whom)
        on_wait(whom)

    try:
        with watch(connection, on_build=lambda build: on_build(build.done), on_wait=hear):
            yield
    except psycopg.errors.LockNotAvailable:
        raise _timeout(seconds, heard[-1]) from None


def limit(connection: Connection, seconds: float) -> None:
    """Until the transaction ends, no statement waits longer than this for a lock."""
    milliseconds = max(1, int(1000 * min(seconds, _LONGEST_SECONDS)))  # the server takes 0 to mean: for ever
    connection.execute(query("seed", "lock_timeout"), [f"{milliseconds}ms"])


def take(connection: Connection, target: Target, lock: str, seconds: float) -> None:
    """Locks a table, within a transaction. It is tried for a moment at a time, as all who come later wait behind it.

    Raises LockTimeout, which names a holder, when that was not possible for so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with connection.transaction():
                limit(connection, min(seconds, _SLICE_SECONDS))
                connection.execute(target.query("seed", lock))
                return
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() >= deadline:
                raise _timeout(seconds, _holder(connection, target)) from None
        time.sleep(_PAUSE_SECONDS)


def _holder(connection: Connection, target: Target) -> str:
    row = connection.execute(query("seed", "holder"), {"tables": [target.memories, target.users]}).fetchone()
    if row is None:
        return "it has just ended"
    pid, application, user, mode, table, since = row
    return f"pid {pid} ({application or 'no application name'}, {user}) holds {mode} on {table} since {since}"


def _timeout(seconds: float, whom: str) -> LockTimeout:
    return LockTimeout(
        f"others are using the tables, and were not done within {seconds:g} s: {whom}",
        hint="Nothing was changed. Wait for them to end, or allow more time with --wait.",
    )
