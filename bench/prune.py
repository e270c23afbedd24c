"""memdb prune beside one plain delete of as many memories, and searches beside it.

`python -m bench prune` takes two minutes and 3 GB of disk. Of 60,000 memories, 24,000 are due. Each run has a database
of its own, cloned from the same one.
"""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import LiteralString

from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg.conninfo import make_conninfo

import memdb
from bench import search_rows
from bench.compare import Comparison
from memdb import database, embedded
from memdb.lifecycle import pruning

_MEMORIES, _LARGE, _QUESTIONS, _ROUNDS = 60_000, 10_000, 60, 3
_CONFIGURATION = "shared_buffers = 1GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_SETS = ("drop_hnsw", "fast_search", "importance", "retention")
_SEARCH: LiteralString = "select * from search_memories(%s, %s, 10)"
_RULE = "update memory_retention_rules set idle_for = '1 second' where memory_type = 'task'"
_RECALLED = (
    "update memories set accessed_at = now() where id in (select id from memories where memory_type <> 'task' limit 1)"
)


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.synthetic(_QUESTIONS)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=_SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            search_rows.load(connection, rows, [_LARGE], _MEMORIES)
            connection.execute(f"{_RULE}; {_RECALLED}".encode())
            connection.execute("vacuum analyze")
            name = connection.info.dbname
            memdb.open(conninfo).prune(dry_run=True)  # what is loaded first is not measured
        pruned: list[float] = []
        deleted: list[float] = []
        alone: list[float] = []
        beside: list[float] = []
        for _ in range(_ROUNDS):
            with clone(server, name) as copy:
                pruned.append(_prune(copy))
            with clone(server, name) as copy:
                deleted.append(_delete(copy))
            with clone(server, name) as copy:
                alone += _searches(copy, rows, 5.0)
                with ThreadPoolExecutor(1) as thread:
                    running = thread.submit(_prune, copy)
                    while not running.done():
                        beside += _searches(copy, rows, 0.2)
        yield Comparison(
            "24,000 memories: memdb prune / one plain delete, memories per second",
            statistics.median(pruned),
            statistics.median(deleted),
            0.8,
            at_least=True,
        )
        yield Comparison(f"p95 of {len(beside):,} searches beside it / alone", _p95(beside), _p95(alone), 1.5)


@contextmanager
def clone(server: embedded.Server, name: str) -> Iterator[str]:
    address = database.conninfo(server.url("template1"))
    with database.connect(address, purpose="bench") as admin:
        admin.execute(f"create database pruned template {name}".encode())
        try:
            conninfo = make_conninfo(address, dbname="pruned")
            with database.connect(conninfo, purpose="bench") as connection:
                connection.execute("select count(embedding) from memories")  # into the cache
                connection.execute("checkpoint")
            yield conninfo
        finally:
            admin.execute("drop database pruned with (force)")


def _prune(conninfo: str) -> float:
    """Memories per second."""
    with database.connect(conninfo, purpose="bench") as connection:
        started = time.perf_counter()
        found = pruning.prune(connection)
        assert not found.left
        return sum(due.memories for due in found.deleted) / (time.perf_counter() - started)


def _delete(conninfo: str) -> float:
    """The same by one statement."""
    with database.connect(conninfo, purpose="bench") as connection:
        started = time.perf_counter()
        gone = connection.execute("delete from memories where memory_type = 'task'").rowcount
        return gone / (time.perf_counter() - started)


def _searches(conninfo: str, rows: search_rows.Rows, seconds: float) -> list[float]:
    """What searches take, one after the other, of the user with most memories and of others."""
    took: list[float] = []
    with database.connect(conninfo, purpose="bench") as connection:
        register_vector(connection)
        connection.prepare_threshold = 0
        vectors = [Vector(vector) for vector in rows.questions["alike"]]
        connection.execute(_SEARCH, [search_rows.user(0), vectors[0]])
        until = time.perf_counter() + seconds
        while (started := time.perf_counter()) < until:
            number = len(took)
            connection.execute(_SEARCH, [search_rows.user(number % 2), vectors[number % len(vectors)]]).fetchall()
            took.append(time.perf_counter() - started)
    return took


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
