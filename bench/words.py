"""Search by words and by both, of users of several sizes, and what the index of words adds to an insert.

`python -m bench words` takes a minute or two. Texts are made of 20,000 words, as frequent as Zipf's law has them.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import numpy as np
from pgvector import Vector

import memdb
from bench import search_rows
from bench.compare import Comparison
from memdb import database, embedded
from memdb.database import Connection

SIZES = [100, 1_000, 10_000, 20_000]
_MEMORIES, _QUESTIONS, _INSERTS, _WARM_UP = 60_000, 40, 4_000, 6
_CONFIGURATION = "shared_buffers = 2GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_COPY = """
create table {0} (like memories including all, foreign key (user_id) references users (id));
insert into {0} (id, user_id, memory_type, content, embedding)
select id, user_id, memory_type, content, embedding from memories
limit 20000
"""
_INSERT = "insert into {} (user_id, memory_type, content, embedding) values (%s, 'task', %s, %s)"
_SEARCHES: dict[str, LiteralString] = {
    "by meaning": "select * from search_memories(%(user)s, %(embedding)s, 20)",
    "by words": "select * from search_memories_by_words(%(user)s, %(question)s, 20)",
    "both": "select * from search_memories_hybrid(%(user)s, %(question)s, %(embedding)s, 10)",
    "by 2,000 words": "select * from search_memories_by_words(%(user)s, %(long)s, 20)",
}
_random = np.random.default_rng(1)
_LETTERS = list("abcdefghijklmnoprstuvwy")
_WORDS = sorted(("".join(_random.choice(_LETTERS, _random.integers(2, 10))) for _ in range(20_000)), key=len)
_SHARES = np.cumsum(1 / (np.arange(len(_WORDS)) + 3.7))


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(_QUESTIONS + _WARM_UP)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("drop_hnsw", "fast_search")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            search_rows.load(connection, rows, SIZES, _MEMORIES, lambda _: _text(int(_random.integers(8, 30))))
            connection.execute(_COPY.format("without").encode())
            with memdb.open(conninfo, sets=("hybrid_search",)) as db:
                db.migrate()
            connection.execute(_COPY.format("indexed").encode())
            connection.execute("vacuum analyze")
            connection.prepare_threshold = 0
            yield from _ratios(connection, rows)
            yield Comparison("insert with the index of words / without", *_inserting(connection, rows), 1.15)


def _text(count: int) -> str:
    """Words, the short ones more often: the n-th takes 1 / (n + 2.7), by the law of Zipf and Mandelbrot."""
    places = np.searchsorted(_SHARES, _random.uniform(0, _SHARES[-1], count))
    return " ".join(_WORDS[place] for place in places)


def _inserting(connection: Connection, rows: search_rows.Rows) -> tuple[int, int]:
    """Single inserts with the index and without, in turn: the server's processor time for all, in nanoseconds.

    It is a sum, as now and then one sorts in what others have left, and not what a busy machine makes of it. Each is
    the first as often as the other, since the second finds what the first has just read.
    """
    vectors = [Vector(vector) for vector in rows.questions["alike"]]
    used = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    took = dict.fromkeys(("indexed", "without"), 0)
    for number in range(_INSERTS):
        row = [search_rows.user(number // 2 % (2 * len(SIZES))), _text(18), vectors[number % len(vectors)]]
        for table in sorted(took, reverse=number % 2 == 0):
            before = _nanoseconds(used)
            connection.execute(_INSERT.format(table).encode(), row, binary=True)
            took[table] += _nanoseconds(used) - before
    return took["indexed"], took["without"]


def _nanoseconds(used: Path) -> int:
    return int(used.read_text().split()[0])


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
