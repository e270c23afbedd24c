"""What it takes to keep, write and find memories: `core`, with `fast_search`, and then without HNSW, in several shapes.

`python -m bench shapes` takes a few minutes on a quiet machine; `python -m bench.shapes --quick` shows on few memories
that it works. It prints a table for docs/search.md, then the ratios. Embeddings are those of text-embedding-3-small,
made more as search_rows says. Fewer dimensions are the first numbers, brought to length 1, which are real embeddings of
that model. For 3,072 dimensions there are no real ones: these are 1,536 turned into a larger space, in which all
distances stay what they were.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

import memdb
from bench import search_rows
from bench.compare import Comparison
from bench.search_rows import Vectors
from bench.searching import Search, measure, prepare
from memdb import database, embedded, files
from memdb.benchmark import inserts
from memdb.database import Connection
from memdb.project import shipping
from memdb.shape import DEFAULT, Shape

CORE, FAST, WITHOUT = WAYS = ("core", "fast_search", "fast_search, drop_hnsw")
_SETS = {CORE: (), FAST: ("fast_search",), WITHOUT: ("fast_search", "drop_hnsw")}
_WRITTEN = ("vector(1536)", "halfvec(1536)", "vector(768)", "halfvec(3072)")
_SHAPES = tuple(DEFAULT.with_embedding(kind) for kind in _WRITTEN)
_FOUND_ONLY = tuple(replace(DEFAULT, dimensions=number) for number in (256, 512, 1024))
_CONFIGURATION = """
shared_buffers = 2GB
maintenance_work_mem = 1GB
max_wal_size = 8GB
fsync = off
full_page_writes = off
"""
_PLAIN = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s::{type} as distance
from memories
where user_id = %(user)s
order by distance
limit %(k)s
"""
_EXACT = _PLAIN.replace("embedding <=> %(embedding)s::{type}", "(embedding <=> %(embedding)s::{type}) + 0")
_OURS = "select * from search_memories(%(user)s, %(embedding)s::{type}, %(k)s)"
_INDEX = """
create index ix_memories_embedding on memories using hnsw (embedding {operators})
with (m = 16, ef_construction = 64)
"""
_HEAD = """
| embedding | sets | bytes a memory | single inserts/s | COPY rows/s | p95 ms | recall@10 alike | recall@5 elsewhere |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. The user who asks has half of the memories."""

    memories: int = 20_000
    questions: int = 60
    inserted: int = 200
    copied: int = 1_500
    shapes: tuple[Shape, ...] = _SHAPES
    found_only: tuple[Shape, ...] = _FOUND_ONLY


_QUICK = Size(600, 8, 20, 40, _SHAPES[:2], _FOUND_ONLY[:1])


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a shape, kept in one way. Bytes are for each memory, with all indexes; recall at 10 alike, at 5 elsewhere."""

    bytes: float
    inserts: float
    copied: float
    p95_ms: float
    alike: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A database with memories of a shape, kept in one way."""

    way: str
    shape: Shape
    connection: Connection
    vectors: Vectors
    questions: Mapping[str, Vectors]

    def bytes(self) -> float:
        return float(self.connection.value("select pg_total_relation_size('memories')::float / count(*) from memories"))

    def inserts(self, count: int) -> float:
        with database.again(self.connection, purpose="bench") as other:  # one that knows no types of pgvector
            return inserts.run(other, count, random_seed=1).per_second

    def copied(self, count: int) -> float:
        """Rows per second by binary COPY, of which none stays."""
        rows = [(0, vector) for vector in self.vectors[-count:]]
        with self.connection.transaction(force_rollback=True):
            started = time.perf_counter()
            search_rows.copy(self.connection, rows, self.shape.embedding_type)
            return count / (time.perf_counter() - started)

    def searched(self, memories: int) -> tuple[float, float, float]:
        """p95 in ms of questions alike, and recall alike and elsewhere, for the user who has half of the memories."""
        statements = {"found": _PLAIN if self.way == CORE else _OURS, "exact": _EXACT}
        with database.again(self.connection, purpose="bench") as other:
            prepare(other)
            searches = {
                name: Search(other, text.format(type=self.shape.embedding)) for name, text in statements.items()
            }
            exact = dict.fromkeys(searches, "exact")
            measured = measure(searches, self.questions, {0: memories // 2}, exact=exact)
        alike, elsewhere = (measured[memories // 2, kind, "found"] for kind in ("alike", "elsewhere"))
        return alike.p95_ms, alike.recall, elsewhere.recall


def run(size: Size = Size()) -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(size.questions, search_rows.SMALL)
    vectors = np.concatenate(list(rows.pieces(size.memories + size.copied)))
    found: dict[tuple[str, str], Figures] = {}
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        for shape in (*size.shapes, *size.found_only):
            print(f"{shape.embedding} …", file=sys.stderr, flush=True)
            fitted = {kind: fit(asked, shape.dimensions) for kind, asked in rows.questions.items()}
            ways = WAYS if shape in size.shapes else (WITHOUT,)
            with ExitStack() as stack:
                kept = []
                for way in ways:
                    connection = stack.enter_context(
                        _database(server, f"{shape.embedding_type}_{shape.dimensions}_{WAYS.index(way)}")
                    )
                    kept.append(Kept(way, shape, connection, fit(vectors, shape.dimensions), fitted))
                    _fill(kept[-1], size)
                found |= {(shape.embedding, one.way): figures for one, figures in _measure(kept, size)}
    print(_table(found))
    yield from _ratios(found, size.shapes)


def fit(vectors: Vectors, dimensions: int) -> Vectors:
    """The first numbers of each, brought to length 1; or the same directions in a space of more dimensions."""
    given = vectors.shape[1]
    if dimensions > given:
        return np.asarray(vectors @ _turned(given, dimensions), np.float32)
    first = vectors[:, :dimensions]
    return np.asarray(first / np.linalg.norm(first, axis=1, keepdims=True), np.float32)


@cache
def _turned(given: int, dimensions: int) -> Vectors:
    """Orthogonal directions of length 1, one a row, so that all distances stay."""
    drawn = np.random.default_rng(3).standard_normal((dimensions, given)).astype(np.float32)
    return np.ascontiguousarray(np.linalg.qr(drawn)[0].T)


def _database(server: embedded.Server, name: str) -> AbstractContextManager[Connection]:
    with database.connect(database.conninfo(server.url()), purpose="bench") as admin:
        admin.execute(f'create database "{name}"'.encode())
    return database.connect(database.conninfo(server.url(name)), purpose="bench")


def _fill(kept: Kept, size: Size) -> None:
    """The HNSW index is built when the rows are there, which takes a fraction of the time."""
    texts = shipping.texts(kept.shape)
    with tempfile.TemporaryDirectory() as folder:
        files.create({Path(folder, "sql") / path: text for path, text in texts.items()})
        with memdb.open(kept.connection.info.dsn, sql_dir=Path(folder, "sql"), sets=_SETS[kept.way]) as db:
            db.migrate()
    kept.connection.execute("drop index if exists ix_memories_embedding")
    others = max(size.memories // 3_000, 1)
    owners = [0 if number % 2 else 1 + number // 2 % others for number in range(size.memories)]
    kept.connection.cursor().executemany(
        "insert into users (id) values (%s)", [[search_rows.user(number)] for number in range(others + 1)]
    )
    search_rows.copy(kept.connection, zip(owners, kept.vectors, strict=False), kept.shape.embedding_type)
    if kept.way != WITHOUT:
        operators = f"{kept.shape.embedding_type}_cosine_ops"
        kept.connection.execute(_INDEX.format(operators=operators).encode())
    kept.connection.execute("vacuum analyze memories")


def _measure(kept: list[Kept], size: Size) -> Iterator[tuple[Kept, Figures]]:
    """Searches before writes, whose dead entries would be in their way; writes take turns."""
    bytes_each = {one.way: one.bytes() for one in kept}
    searched = {one.way: one.searched(size.memories) for one in kept}
    rates: dict[str, list[tuple[float, float]]] = {one.way: [] for one in kept}
    for _ in range(_ROUNDS):
        for one in kept:
            rates[one.way].append((one.inserts(size.inserted), one.copied(size.copied)))
    for one in kept:
        inserted, copied = (statistics.median(figures) for figures in zip(*rates[one.way], strict=True))
        yield one, Figures(bytes_each[one.way], inserted, copied, *searched[one.way])


def _table(found: Mapping[tuple[str, str], Figures]) -> str:
    lines = [
        f"| {embedding} | {way} | {one.bytes:,.0f} | {one.inserts:,.0f} | {one.copied:,.0f} | {one.p95_ms:.1f} "
        f"| {one.alike:.3f} | {one.elsewhere:.3f} |"
        for (embedding, way), one in found.items()
    ]
    return _HEAD + "\n".join(lines)


def _ratios(found: Mapping[tuple[str, str], Figures], shapes: tuple[Shape, ...]) -> Iterator[Comparison]:
    usual = found[DEFAULT.embedding, CORE]
    for embedding, limit in (("vector(1536)", 0.55), ("halfvec(1536)", 0.30)):
        label = f"{embedding} without HNSW: bytes / core, {DEFAULT.embedding}"
        yield Comparison(label, found[embedding, WITHOUT].bytes, usual.bytes, limit)
    for shape in shapes:
        core, fast, ours = (found[shape.embedding, way] for way in WAYS)
        label = f"{shape.embedding} without HNSW"
        yield Comparison(f"{label}: single inserts / core", ours.inserts, core.inserts, 6, at_least=True)
        yield Comparison(f"{label}: binary COPY / core", ours.copied, core.copied, 30, at_least=True)
        yield Comparison(f"{label}: p95 / with HNSW", ours.p95_ms, fast.p95_ms, 1.25)
    for (embedding, way), one in found.items():
        if way == WITHOUT:
            yield Comparison(f"{embedding}: recall@10, alike", one.alike, 1, 0.99, at_least=True)
            yield Comparison(f"{embedding}: recall@5, elsewhere", one.elsewhere, 1, 0.98, at_least=True)


if __name__ == "__main__":
    for comparison in run(_QUICK if "--quick" in sys.argv else Size()):
        print(comparison, flush=True)
