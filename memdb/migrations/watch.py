"""Watching a migration that takes long from a second connection: how far an index is, and who is in the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from memdb import database
from memdb.database import Connection, query
from memdb.errors import MemdbError
from memdb.migrations import locking

_PATIENCE_SECONDS = 0.5  # most migrations are over sooner, and need no second connection


@dataclass(frozen=True, slots=True)
class Build:
    """How far an index build is: `done` is the share of the present phase, 0 to 1, where the server tells it."""

    table: str
    phase: str
    done: float | None


@contextmanager
def watch(
    connection: Connection, *, on_build: Callable[[Build], None], on_wait: Callable[[str], None]
) -> Iterator[None]:
    """While the block runs: tells how far an index build is, and for whom the connection's statement waits."""
    over = threading.Event()
    pid = connection.info.backend_pid
    thread = threading.Thread(target=_watch, args=(connection, pid, over, on_build, on_wait), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(
    connection: Connection,
    pid: int,
    over: threading.Event,
    on_build: Callable[[Build], None],
    on_wait: Callable[[str], None],
) -> None:
    if over.wait(_PATIENCE_SECONDS):
        return
    try:
        with database.again(connection, purpose="watch") as observer:
            database.take_own_names(observer)
            told = None
            while not over.wait(_PATIENCE_SECONDS):
                if build := _build(observer, pid):
                    on_build(build)
                blockers = locking.blockers(observer, pid)
                if blockers and (first := next(iter(blockers))) != told:
                    on_wait("; ".join(blockers.values()))
                    told = first
    except MemdbError:
        return  # a migration does not fail because nobody can watch it


def _build(observer: Connection, pid: int) -> Build | None:
    row = observer.execute(query("history", "index_build"), [pid]).fetchone()
    if row is None:
        return None
    phase, blocks_done, blocks_total, tuples_done, tuples_total, table = row
    # pgvector counts blocks and leaves tuples_total at 0; a btree counts tuples once it has sorted them.
    done, total = (tuples_done, tuples_total) if tuples_total else (blocks_done, blocks_total)
    return Build(table, phase, min(1.0, done / total) if total else None)
