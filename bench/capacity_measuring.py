"""What memories of a shape take and cost, in each way of keeping them, on real databases."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import numpy as np
from pgvector import HalfVector, Vector

import memdb
from bench.searching import Search, prepare
from memdb import database, embedded, files
from memdb.benchmark import trials
from memdb.capacity.measured import Measurement
from memdb.database import Connection
from memdb.project import shipping
from memdb.seeding.embeddings import Synthetic
from memdb.shape import Shape
from memdb.values import Vectors

CONFIGURATION = """
shared_buffers = 4GB
maintenance_work_mem = 3GB
max_parallel_maintenance_workers = 0
max_wal_size = 8GB
fsync = off
full_page_writes = off
"""
DECADES = (10, 100, 1_000, 10_000, 100_000)
_PER_USER = 100  # memories, in the mean
_ROUNDS, _INSERTS, _TRIED = 40, 200, 10_000
_TEXT = (
    "What was said seemed worth remembering, as it came up again and again; so it is kept as long as it may be of use."
)
_INSERT: LiteralString = """
insert into memories (user_id, memory_type, content, embedding, metadata)
values (%s, 'task', %s, %s, '{"source": "chat", "conversation_id": 17, "topic": "what was said", "intensity": 5}')
"""
_INDEX = (
    "create index ix_memories_embedding on memories using hnsw (embedding {}_cosine_ops) "
    "with (m = 16, ef_construction = 64)"
)
_PLAIN: LiteralString = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s::{type} as distance
from memories
where user_id = %(user)s
order by (embedding <=> %(embedding)s::{type}) + 0
limit %(k)s
"""
_OURS: LiteralString = "select * from search_memories(%(user)s, %(embedding)s::{type}, %(k)s)"
# Each relation by the part that it is: the heap with its maps, TOAST with its index, each index.
_SIZES = """
select 'heap', pg_table_size(c.oid) - coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)
from pg_class as c where c.oid = 'memories'::regclass
union all
select 'toast', pg_total_relation_size(nullif(c.reltoastrelid, 0)) from pg_class as c
where c.oid = 'memories'::regclass and c.reltoastrelid <> 0
union all
select i.indexrelid::regclass::text, pg_relation_size(i.indexrelid) from pg_index as i
where i.indrelid = 'memories'::regclass
"""
_USERS = "select user_id, count(*) from memories group by user_id"
_LENGTHS = """
select avg(octet_length(content))::float, avg(pg_column_size(metadata))::float
from memories tablesample system (5)
"""


@contextmanager
def filled(server: embedded.Server, shape: Shape, memories: int) -> Iterator[Connection]:
    """A database with `core` and so many memories, without an HNSW index, which is gone afterwards."""
    name = f"{shape.embedding_type}_{shape.dimensions}_{memories}"
    with database.connect(database.conninfo(server.url()), purpose="bench") as admin:
        admin.execute(f'create database "{name}"'.encode())
        with database.connect(database.conninfo(server.url(name)), purpose="bench") as connection:
            migrate(connection, shape, ())
            connection.execute("drop index if exists ix_memories_embedding")
            with memdb.open(connection.info.dsn) as db:
                db.seed(users=max(memories // _PER_USER, 1), memories=memories, random_seed=1)
            connection.execute("vacuum analyze memories")
            yield connection
        admin.execute(f'drop database "{name}" with (force)'.encode())


def migrate(connection: Connection, shape: Shape, sets: Sequence[str]) -> float:
    """Seconds that it takes to apply what is pending of the sets, in this shape."""
    with tempfile.TemporaryDirectory() as folder:
        files.create({Path(folder, "sql") / path: text for path, text in shipping.texts(shape).items()})
        with memdb.open(connection.info.dsn, sql_dir=Path(folder, "sql"), sets=tuple(sets)) as db:
            started = time.perf_counter()
            db.migrate()
            return time.perf_counter() - started


def measure(connection: Connection, shape: Shape, memories: int, *, graph: bool) -> Iterator[Measurement]:
    """core, then with fast_search, each with and without the HNSW index, if `graph` says so."""
    graph = graph and shape.is_indexed
    if graph:
        yield _measured(connection, shape, memories, "core", built=build(connection, shape))
        connection.execute("drop index ix_memories_embedding")
    yield _measured(connection, shape, memories, "drop_hnsw")
    seconds = migrate(connection, shape, ("fast_search",))
    connection.execute("vacuum analyze memories")
    yield _measured(connection, shape, memories, "drop_hnsw fast_search", migrated=seconds)
    if graph and memories < 1_000_000:
        yield _measured(connection, shape, memories, "fast_search", built=build(connection, shape))


def build(connection: Connection, shape: Shape) -> float:
    """Seconds of the processor, as one process takes them."""
    before = processor(connection)
    connection.execute(_INDEX.format(shape.embedding_type).encode())
    return processor(connection) - before


def processor(connection: Connection) -> float:
    """What the server process has run, in seconds, as Linux says it to the nanosecond."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


def _measured(
    connection: Connection,
    shape: Shape,
    memories: int,
    sets: str,
    *,
    built: float | None = None,
    migrated: float | None = None,
) -> Measurement:
    sizes = {name.removeprefix("ix_"): float(size) for name, size in connection.execute(_SIZES.encode()).fetchall()}
    ((content, metadata),) = connection.execute(_LENGTHS.encode()).fetchall()
    graph = None
    if built is not None and memories <= _TRIED:
        (trial,) = trials.run(connection, [16], k=10, rows=3_000, random_seed=1)
        graph = trial.memory_bytes_per_row
    searches = _searches(connection, shape, "fast_search" in sets)
    milliseconds, wal = _writes(connection, shape)
    before = processor(connection)
    connection.execute("vacuum memories")
    vacuumed = processor(connection) - before
    return Measurement(
        sets=sets, embedding=shape.embedding, memories=memories, content_bytes=content, metadata_bytes=metadata,
        bytes=sizes, built_seconds=built, graph_bytes=graph, migrated_seconds=migrated, vacuum_seconds=vacuumed,
        searches=searches,         insert_ms=milliseconds, insert_wal_bytes=wal,
    )  # fmt: skip


def _searches(connection: Connection, shape: Shape, fast: bool) -> dict[str, tuple[float, ...]]:
    """By the memories of the user who asks: the server's processor time, p50 and p95, in ms."""
    users = {count: user for user, count in connection.execute(_USERS.encode()).fetchall()}
    asked = [_vector(shape, row) for row in Synthetic(1, shape.dimensions).batch(50_000_000, _ROUNDS)[0]]
    found: dict[str, tuple[float, ...]] = {}
    with database.again(connection, purpose="bench") as other:
        prepare(other)
        search = Search(other, (_OURS if fast else _PLAIN).format(type=shape.embedding))
        for decade in DECADES:
            size = min(users, key=lambda count: abs(np.log(count / decade)))
            if not 0.5 < size / decade < 2:
                continue
            for question in asked[:10]:
                search.run(question, users[size], 10)
            turns = asked * (5 if size < 5_000 else 1)
            before = processor(other)
            times = [search.run(question, users[size], 10)[0] for question in turns]
            spent = 1000 * (processor(other) - before) / len(turns)
            found[str(size)] = spent, statistics.median(times), float(np.percentile(times, 95))
    return found


def _vector(shape: Shape, row: Vectors) -> Vector | HalfVector:
    return HalfVector(row) if shape.embedding_type == "halfvec" else Vector(row)


def _writes(connection: Connection, shape: Shape) -> tuple[float, float]:
    """Milliseconds of the server's processor for a single insert, and bytes of WAL that it writes; nothing stays."""
    user = connection.value("select id from users limit 1")
    rows = [_vector(shape, row) for row in Synthetic(2, shape.dimensions).batch(60_000_000, 10 + _INSERTS)[0]]
    with database.again(connection, purpose="bench") as other, other.transaction(force_rollback=True):
        prepare(other)
        for number, row in enumerate(rows):
            if number == 10:  # the plan is made
                before, wal = processor(other), other.value("select pg_current_wal_insert_lsn()")
            other.execute(_INSERT, [user, f"{number} {_TEXT}", row], binary=True)
        spent = processor(other) - before
        written = float(other.value("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", [wal]))
    return 1000 * spent / _INSERTS, written / _INSERTS
