"""Search by words and by both, of users of several sizes, and what the index of words adds to an insert.

`python -m bench words` takes some minutes. Texts are made of 20,000 words, as frequent as Zipf's law has them.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import LiteralString
from uuid import UUID

import numpy as np
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from bench import search_rows
from bench.compare import Comparison
from memdb import database, embedded
from memdb.database import Connection

SIZES = [100, 1_000, 10_000, 20_000]
_MEMORIES, _QUESTIONS, _INSERTS, _WARM_UP = 60_000, 40, 2_000, 6
_CONFIGURATION = "shared_buffers = 2GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_INSERT: LiteralString = "insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', %s, %s)"
_SEARCHES: dict[str, LiteralString] = {
    "by meaning": "select * from search_memories(%(user)s, %(embedding)s, 20)",
    "by words": "select * from search_memories_by_words(%(user)s, %(question)s, 20)",
    "both": "select * from search_memories_hybrid(%(user)s, %(question)s, %(embedding)s, 10)",
    "by 2,000 words": "select * from search_memories_by_words(%(user)s, %(long)s, 20)",
}
_random = np.random.default_rng(1)
_WORDS = ["".join(_random.choice(list("abcdefghijklmnoprstuvwy"), _random.integers(2, 10))) for _ in range(20_000)]


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(_QUESTIONS + _WARM_UP)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("drop_hnsw", "fast_search")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            _fill(connection, rows)
            connection.prepare_threshold = 0
            without = _inserting(connection, rows)
            with memdb.open(conninfo, sets=("hybrid_search",)) as db:
                db.migrate()
            connection.execute("vacuum analyze memories")
            yield from _ratios(connection, rows)
            yield Comparison("insert with the index of words / without", _inserting(connection, rows), without, 1.15)


def _fill(connection: Connection, rows: search_rows.Rows) -> None:
    search_rows.load(connection, rows, SIZES, _MEMORIES)
    connection.execute("create temporary table texts (number bigint generated always as identity, text text)")
    with connection.cursor().copy("copy texts (text) from stdin") as stream:
        for _ in range(_MEMORIES):
            stream.write_row([_text(int(_random.integers(8, 30)))])
    connection.execute(
        "with m as (select id, row_number() over () as number from memories) update memories "
        "set content = t.text from m, texts as t where memories.id = m.id and t.number = m.number"
    )
    connection.execute("vacuum (full, analyze) memories")
    register_vector(connection)


def _text(count: int) -> str:
    return " ".join(_WORDS[place] for place in np.minimum(_random.zipf(1.3, count) - 1, len(_WORDS) - 1))


def _inserting(connection: Connection, rows: search_rows.Rows) -> float:
    """The median of single inserts, in seconds."""
    vectors = [Vector(vector) for vector in rows.questions["alike"]]
    user = search_rows.user(len(SIZES))
    given = [[user, _text(18), vectors[number % len(vectors)]] for number in range(_INSERTS)]
    return statistics.median(_seconds(partial(connection.execute, _INSERT, row, binary=True)) for row in given)


def _ratios(connection: Connection, rows: search_rows.Rows) -> Iterator[Comparison]:
    for number, size in enumerate(SIZES):
        took = _searching(connection, rows, search_rows.user(number))
        slower = max(took["by meaning"], took["by words"])
        yield Comparison(f"user of {size:,}: both / the slower of the two", took["both"], slower, 1.5)
        yield Comparison(f"user of {size:,}: 2,000 words / ten", took["by 2,000 words"], took["by words"], 3)


def _searching(connection: Connection, rows: search_rows.Rows, user: UUID) -> dict[str, float]:
    """The median of each search, question by question in turn, in seconds."""
    took: dict[str, list[float]] = {name: [] for name in _SEARCHES}
    for vector in rows.questions["alike"]:
        given: dict[str, object] = {
            "user": user,
            "embedding": Vector(vector),
            "question": _text(10),
            "long": _text(2_000),
        }
        for name, statement in _SEARCHES.items():
            took[name].append(_seconds(partial(_answer, connection, statement, given)))
    return {name: statistics.median(times[_WARM_UP:]) for name, times in took.items()}


def _answer(connection: Connection, statement: LiteralString, given: dict[str, object]) -> None:
    connection.execute(statement, given, binary=True).fetchall()


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
