"""What weighing memories adds to a search, and what noting recalls costs beside writing them into memories.

`python -m bench recall` takes some minutes. The index over embeddings is there, as in core, and for one more figure it
is not.
"""

import statistics
from collections.abc import Iterator
from functools import partial
from typing import LiteralString
from uuid import UUID

from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from bench import search_rows
from bench.compare import Comparison, timed
from memdb import database, embedded
from memdb.database import Connection

SIZES = [100, 1_000, 10_000]
_MEMORIES, _QUESTIONS, _WARM_UP, _TURNS, _NOTED, _ROUNDS = 15_000, 60, 6, 3, 1_000, 5
_CONFIGURATION = "shared_buffers = 1GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_SEARCHES: dict[str, LiteralString] = {
    "search": "select id, content, memory_type, metadata, distance from search_memories(%s, %s, 10)",
    "recall": "select id, content, memory_type, metadata, score from recall_memories(%s, %s, 10)",
}
_NOTE: LiteralString = "select note_memory_recalls(%s, %s)"
_UPDATE: LiteralString = "update memories set accessed_at = now() where user_id = %s and id = any(%s)"
_IDS: LiteralString = "select id from memories where user_id = %s order by id"


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(_QUESTIONS + _WARM_UP)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("fast_search", "importance")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            _fill(connection, rows)
            for number, size in enumerate(SIZES):
                took = _searching(connection, rows, search_rows.user(number))
                label = f"user of {size:,}: recall_memories / search_memories"
                yield Comparison(label, took["recall"], took["search"], 1.3)
            yield from _noting(connection, "", 20)
            connection.execute("drop index ix_memories_embedding")
            yield from _noting(connection, " without HNSW", None)


def _fill(connection: Connection, rows: search_rows.Rows) -> None:
    """The HNSW index is built afterwards, which is faster."""
    row = connection.execute("select pg_get_indexdef('ix_memories_embedding'::regclass)").fetchone()
    assert row is not None
    connection.execute("drop index ix_memories_embedding")
    search_rows.load(connection, rows, SIZES, _MEMORIES)
    connection.execute(row[0])
    connection.execute("vacuum analyze memories")
    register_vector(connection)
    connection.prepare_threshold = 0


def _searching(connection: Connection, rows: search_rows.Rows, user: UUID) -> dict[str, float]:
    """The median of each search, question by question in turn, in seconds."""
    took: dict[str, list[float]] = {name: [] for name in _SEARCHES}
    for vector in [*rows.questions["alike"]] * _TURNS:
        for name, statement in _SEARCHES.items():
            took[name].append(timed(partial(_answer, connection, statement, [user, Vector(vector)])))
    return {name: statistics.median(times[_WARM_UP:]) for name, times in took.items()}


def _answer(connection: Connection, statement: LiteralString, given: list[object]) -> None:
    connection.execute(statement, given, binary=True).fetchall()


def _noting(connection: Connection, where: str, limit: float | None) -> Iterator[Comparison]:
    """Each round has memories of its own, and notes them twice: rows are added first, and changed then."""
    user = search_rows.user(len(SIZES) - 1)
    ids = [row[0] for row in connection.execute(_IDS, [user]).fetchall()]
    connection.execute("truncate memory_importance")
    took: dict[str, list[float]] = {"first": [], "again": [], "update": []}
    for start in range(0, _ROUNDS * _NOTED, _NOTED):
        given: list[object] = [user, ids[start : start + _NOTED]]
        for name, statement in (("first", _NOTE), ("update", _UPDATE), ("again", _NOTE)):
            took[name].append(timed(partial(_write, connection, statement, given)))
    median = {name: statistics.median(seconds) for name, seconds in took.items()}
    for name, times in (("first", "for the first time"), ("again", "again")):
        label = f"1,000 accessed_at{where} / noting {times}"
        yield Comparison(label, median["update"], median[name], limit, at_least=True)


def _write(connection: Connection, statement: LiteralString, given: list[object]) -> None:
    connection.execute(statement, given)
