"""Watching a migration that takes long from a second connection: how far an index is, and who is in the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from memdb import database, distribution
from memdb.database import Connection, query
from memdb.distribution import shards
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
            build_on = _Shards().build if connection.has_citus else _build
            told = None
            while not over.wait(_PATIENCE_SECONDS):
                with database.own_names(observer):  # of a transaction: a pooler may give the session to others
                    build, blockers = build_on(observer, pid), locking.blockers(observer, pid)
                if build:
                    on_build(build)
                if blockers and (first := next(iter(blockers))) != told:
                    on_wait("; ".join(blockers.values()))
                    told = first
    except MemdbError:
        return  # a migration does not fail because nobody can watch it


def _build(observer: Connection, pid: int) -> Build | None:
    row = observer.execute(query("history", "index_build"), [pid]).fetchone()
    return None if row is None else Build(row[-1], row[0], _share(*row[1:-1]))


def _share(blocks_done: int, blocks_total: int, tuples_done: int, tuples_total: int) -> float | None:
    """pgvector counts blocks and leaves tuples_total at 0; a btree counts tuples once it has sorted them."""
    done, total = (tuples_done, tuples_total) if tuples_total else (blocks_done, blocks_total)
    return min(1.0, done / total) if total else None


class _Shards:
    """The builds that a statement has workers do, some shards at a time, taken for one."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def build(self, observer: Connection, pid: int) -> Build | None:
        """What is done of all shards of a table, those that are through among them."""
        running = shards.index_builds(observer, pid)
        self._seen |= running.keys()
        if not running:
            return None
        phase, *_ = next(iter(running.values()))
        table = next(iter(running)).rpartition("_")[0]
        of_table = [item.shards for item in distribution.spread_tables(observer) if item.name == table]
        total = max([len(self._seen), *of_table])
        done = len(self._seen) - len(running) + sum(_share(*counts) or 0 for _, *counts in running.values())
        return Build(f"{table}, {total} shards", phase, done / total)
