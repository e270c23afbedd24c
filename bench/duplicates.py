"""What the key of the set deduplication costs an insert, and how long near duplicates of 10,000 memories take.

`python -m bench duplicates` takes three minutes and 1 GB of disk.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb

import memdb
from bench import compare, search_rows
from bench.compare import Comparison
from memdb import database, embedded
from memdb.database import Connection
from memdb.seeding.embeddings import Synthetic

_LOADED, _INSERTS, _RUNS, _LARGE, _SECONDS = 5_000, 100, 15, 10_000, 30
_CONFIGURATION = "shared_buffers = 1GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_TEXT = "Of the things that were said on this day, the following seemed worth remembering, number {}; it came up again."


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    yield _inserts()
    for name in (search_rows.ADA, search_rows.SMALL):
        yield _near(name)


def _inserts() -> Comparison:
    """Single inserts with the HNSW index of core, into two servers in turn: with the set, and without."""
    with ExitStack() as stack:
        connections = {}
        for name, sets in (("without", ()), ("with", ("deduplication",))):
            server = stack.enter_context(embedded.temporary(configuration=_CONFIGURATION))
            conninfo = database.conninfo(server.url())
            with memdb.open(conninfo, sets=sets) as db:
                db.migrate()
            connection = connections[name] = stack.enter_context(database.connect(conninfo, purpose="bench"))
            search_rows.load(connection, search_rows.synthetic(1), [2_000], _LOADED)
            connection.execute("vacuum analyze memories")
        figures = compare.medians({name: _Inserting(connections[name]) for name in connections}, runs=_RUNS)
    return Comparison(
        "an insert, embeddings in HNSW: with the key / without", figures["with"], figures["without"], 1.05
    )


class _Inserting:
    """Inserts further memories, each time others, the same in each database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._next = 1_000_000
        register_vector(connection)
        connection.prepare_threshold = 0

    def __call__(self) -> float:
        vectors, _ = Synthetic(1).batch(self._next, _INSERTS)
        statement = (
            "insert into memories (user_id, memory_type, content, embedding, metadata) values (%s, 'task', %s, %s, %s)"
        )
        rows = [
            [search_rows.user(0), _TEXT.format(number), Vector(vector), Jsonb({"source": "chat"})]
            for number, vector in enumerate(vectors, self._next)
        ]
        self._next += _INSERTS
        started = time.perf_counter()
        for row in rows:
            self._connection.execute(statement, row)
        return time.perf_counter() - started


def _near(name: str) -> Comparison:
    """All near duplicates of one user, the calibration included, compared with the seconds they may take."""
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("drop_hnsw", "deduplication")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            search_rows.load(connection, search_rows.real(1, name), [_LARGE], _LARGE)
            connection.execute("vacuum analyze memories")
            started = time.perf_counter()
            found = connection.value("select count(*) from near_duplicates(%s)", [search_rows.user(0)])
            took = time.perf_counter() - started
    return Comparison(f"{found:,} near duplicates of 10,000 memories ({name[:14]}): s / 30 s", took, _SECONDS, 1.0)
