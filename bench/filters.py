"""Search with a filter by metadata, beside the plain query with the same filter and without any.

`python -m bench filters` takes some minutes. The plain query runs on `core` alone, and reads no HNSW index. Times are
the server's processor time, which does not depend on how busy the machine is.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

from pgvector import Vector

import memdb
from bench import search_rows
from bench.compare import Comparison
from bench.searching import DEPTHS, prepare
from memdb import database, embedded
from memdb.database import Connection

SIZES = [1_000, 10_000, 40_000]
_MEMORIES, _QUESTIONS, _WARM_UP = 100_000, 30, 6
_CONFIGURATION = "shared_buffers = 3GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_FILTERS = {"all": "$.n >= 0", "a tenth": "$.n < 100", "a thousandth": "$.n == 7", "nothing": "$.n < 0"}
"""What passes, of memories with n from 0 to 999."""
_PLAIN: LiteralString = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s as distance
from memories
where user_id = %(user)s and (%(condition)s::jsonpath is null or metadata @@ %(condition)s::jsonpath)
order by distance
limit %(k)s
"""
_OURS: LiteralString = "select * from search_memories_where(%(user)s, %(embedding)s, %(condition)s::jsonpath, %(k)s)"


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(_QUESTIONS + _WARM_UP)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        core = database.conninfo(server.url())
        with database.connect(core, purpose="bench") as connection:
            connection.execute("create database fast")
        fast = database.conninfo(server.url("fast"))
        for conninfo, sets in ((core, ("drop_hnsw",)), (fast, ("drop_hnsw", "fast_search"))):
            _fill(conninfo, sets, rows)
        with database.connect(core, purpose="bench") as plain, database.connect(fast, purpose="bench") as ours:
            yield from _ratios(prepare(plain), prepare(ours), rows)


def _fill(conninfo: str, sets: tuple[str, ...], rows: search_rows.Rows) -> None:
    with memdb.open(conninfo, sets=sets) as db:
        db.migrate()
    with database.connect(conninfo, purpose="bench") as connection:
        search_rows.load(connection, rows, SIZES, _MEMORIES)
        connection.execute("update memories set metadata = jsonb_build_object('n', metadata -> 'conversation_id')")
        connection.execute("vacuum (full, analyze) memories")
        connection.execute("vacuum memories")


def _ratios(plain: Connection, ours: Connection, rows: search_rows.Rows) -> Iterator[Comparison]:
    for number, size in enumerate(SIZES):
        for kind, vectors in rows.questions.items():
            for passes, condition in _FILTERS.items():
                took: dict[str, list[float]] = {"unfiltered": [], "plain": [], "ours": []}
                recalls = []
                for vector in vectors:
                    given = {"user": search_rows.user(number), "embedding": Vector(vector), "k": DEPTHS[kind]}
                    took["unfiltered"].append(_asked(plain, _PLAIN, {**given, "condition": None})[0])
                    seconds, true = _asked(plain, _PLAIN, {**given, "condition": condition})
                    took["plain"].append(seconds)
                    seconds, found = _asked(ours, _OURS, {**given, "condition": condition})
                    took["ours"].append(seconds)
                    if true:
                        recalls.append(sum(distance <= true[-1] + 1e-6 for distance in found) / len(true))
                median = {name: statistics.median(times[_WARM_UP:]) for name, times in took.items()}
                recall = f", recall {statistics.mean(recalls):.3f}" if recalls else ""
                label = f"user of {size:,}, {kind}, {passes} pass{recall}"
                limit = 0.2 if (size, passes) == (10_000, "a tenth") else None
                yield Comparison(f"{label}: / the plain query", median["ours"], median["unfiltered"], limit)
                yield Comparison(f"{label}: / the same filter", median["ours"], median["plain"], None)


def _asked(connection: Connection, statement: LiteralString, given: dict[str, object]) -> tuple[float, list[float]]:
    """Seconds of the server's processor, and the distances that were found."""
    before = _processor(connection)
    cursor = connection.execute(statement, given, binary=True)
    found = cursor.fetchall()
    return _processor(connection) - before, [row[4] for row in found]


def _processor(connection: Connection) -> float:
    """What the server process has run, in seconds, as Linux says it to the nanosecond."""
    text = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text()
    return int(text.split()[0]) / 1e9
