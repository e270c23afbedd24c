"""Whether hash partitions of `memories` by user help on one server: the same rows whole and in partitions, in turn.

`python -m bench partitions` takes half an hour and 12 GB of disk: 1,000,000 memories of vector(384) with the set
fast_search, without an HNSW index; then 100,000 of vector(128) with one. The set's functions select users by ranges,
for which PostgreSQL leaves out no hash partition, so they are also measured with equality, for which it does.
"""

import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

import numpy as np
from pgvector import Vector

from bench import capacity_measuring as measuring
from bench.compare import Comparison
from bench.searching import Search, prepare
from memdb import database, embedded
from memdb.database import Connection
from memdb.seeding.embeddings import Synthetic
from memdb.shape import DEFAULT

_PARTITIONS = 16
_MEMORIES, _SHAPE = 1_000_000, DEFAULT.with_embedding("vector(384)")
_INDEXED, _SMALL = 100_000, DEFAULT.with_embedding("vector(128)")
_ROUNDS, _INSERTS = 40, 300
_WHOLE, _PARTS, _EQUAL = "whole", "partitions", "partitions, by equality"
_SCHEMAS = {_WHOLE: "public", _PARTS: "parts", _EQUAL: "equal"}
_TABLE = f"""
create schema parts;
create table parts.memories (like public.memories including all excluding indexes) partition by hash (user_id);
select format(
    'create table parts.memories_%1$s partition of parts.memories for values with (modulus {_PARTITIONS}, remainder '
    '%1$s) with (toast_tuple_target = 8160)', n
) from generate_series(0, {_PARTITIONS - 1}) as n
"""
_INDEXES = """
alter table parts.memories add primary key (user_id, id);
create index on parts.memories (user_id);
create index on parts.memories (memory_type);
create index on parts.memories (created_at);
create index on parts.memories (accessed_at)
"""
_SIGNATURES = "create index on parts.memories (user_id) include (id, memory_type, signature)"
_COLUMNS = "id, user_id, memory_type, content, embedding, metadata, created_at, accessed_at"
_FUNCTIONS = r"""
select pg_get_functiondef(oid) from pg_proc
where pronamespace = 'public'::regnamespace and proname like 'search\_memories%'
order by proname = 'search_memories', proname = 'search_memories_where', oid
"""
_BETWEEN = re.compile(r"\((\w+\.user_id) >= ([\w.]+|\( SELECT [^()]*\))\) AND \(\1 <= (?:[\w.]+|\( SELECT [^()]*\))\)")
_OURS: LiteralString = "select * from {schema}.search_memories(%(user)s, %(embedding)s::vector, %(k)s)"
_PLAIN: LiteralString = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s::vector as distance
from {schema}.memories
where user_id = %(user)s
order by distance
limit %(k)s
"""
_INSERT: LiteralString = """
insert into {schema}.memories (user_id, memory_type, content, embedding) values (%s, 'task', %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """A search, in ms: the server's processor in the mean, and p95 by the clock."""

    used: float
    p95: float


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    with embedded.temporary(configuration=measuring.CONFIGURATION) as server:
        with measuring.filled(server, _SHAPE, _MEMORIES) as connection:
            measuring.migrate(connection, _SHAPE, ("fast_search",))
            _divide(connection)
            yield from _searching(connection)
            yield from _writing(connection)
            yield from _vacuuming(connection)
        with measuring.filled(server, _SMALL, _INDEXED) as connection:
            yield _building(connection)


def _divide(connection: Connection, *, functions: bool = True) -> None:
    """The same rows in partitions, and the functions of fast_search for them."""
    *first, partitions = _TABLE.split(";\n")
    for statement in first:
        connection.execute(statement.encode())
    for (statement,) in connection.execute(partitions.encode()).fetchall():
        connection.execute(statement)
    connection.execute(f"insert into parts.memories ({_COLUMNS}) select {_COLUMNS} from public.memories".encode())
    connection.execute(_INDEXES.encode())
    if functions:
        connection.execute(_SIGNATURES.encode())
        _define(connection)
    connection.execute("vacuum analyze")


def _define(connection: Connection) -> None:
    """Functions for the partitions, as they are, and with equality."""
    connection.execute("create schema equal")
    connection.execute("set search_path = pg_catalog")  # so that every name is told with its schema
    found = [text for (text,) in connection.execute(_FUNCTIONS).fetchall()]
    connection.execute("reset search_path")
    for text in found:
        moved = re.sub(r"\bpublic\.(memories|search_memories\w*)\b", r"parts.\1", text)
        connection.execute(moved.encode())
        alike = re.sub(r"\bparts\.(search_memories\w*)\b", r"equal.\1", moved)
        connection.execute(_BETWEEN.sub(r"(\1 = \2)", alike).encode())


def _searching(connection: Connection) -> Iterator[Comparison]:
    users = _users(connection)
    asked = [Vector(row) for row in Synthetic(1, _SHAPE.dimensions).batch(50_000_000, _ROUNDS)[0]]
    with database.again(connection, purpose="bench") as other:
        prepare(other)
        searches = {name: Search(other, _OURS.format(schema=schema)) for name, schema in _SCHEMAS.items()}
        searches |= {f"plain, {name}": Search(other, _PLAIN.format(schema=_SCHEMAS[name])) for name in (_WHOLE, _PARTS)}
        for size, user in users.items():
            found = _timed(other, searches, user, asked)
            ours, theirs = (found[f"plain, {name}"].used for name in (_PARTS, _WHOLE))
            yield _ratio(f"plain query, user of {size:,}: processor time", ours, theirs)
            for name in (_PARTS, _EQUAL):
                yield _ratio(f"search, user of {size:,}: processor time, {name}", found[name].used, found[_WHOLE].used)
                yield _ratio(f"search, user of {size:,}: p95, {name}", found[name].p95, found[_WHOLE].p95)


def _users(connection: Connection) -> Mapping[int, UUID]:
    """Those nearest to each order of magnitude."""
    rows = connection.execute("select user_id, count(*) from public.memories group by user_id").fetchall()
    sizes = {count: user for user, count in rows}
    near = (min(sizes, key=lambda size: abs(np.log(size / decade))) for decade in measuring.DECADES)
    return {size: sizes[size] for size in near}


def _timed(other: Connection, searches: Mapping[str, Search], user: UUID, asked: list[Vector]) -> dict[str, Took]:
    used: dict[str, list[float]] = {name: [] for name in searches}
    clock: dict[str, list[float]] = {name: [] for name in searches}
    for turn, question in enumerate([*asked[:8], *asked, *asked]):
        for name, search in searches.items():
            before = measuring.processor(other)
            elapsed, _ = search.run(question, user, 10)
            if turn >= 8:
                used[name].append(1000 * (measuring.processor(other) - before))
                clock[name].append(elapsed)
    return {name: Took(statistics.mean(used[name]), float(np.percentile(clock[name], 95))) for name in searches}


def _writing(connection: Connection) -> Iterator[Comparison]:
    """Single inserts for users at random, in turn; nothing stays."""
    users = [user for (user,) in connection.execute("select id from users order by random() limit 300").fetchall()]
    rows = Synthetic(2, _SHAPE.dimensions).batch(60_000_000, _INSERTS)[0]
    used = dict.fromkeys((_WHOLE, _PARTS), 0.0)
    with database.again(connection, purpose="bench") as other, other.transaction(force_rollback=True):
        prepare(other)
        for number, row in enumerate(rows):
            for name in used:
                before = measuring.processor(other)
                values = [users[number % len(users)], "Something that was said", Vector(row)]
                other.execute(_INSERT.format(schema=_SCHEMAS[name]), values, binary=True)
                if number >= 10:
                    used[name] += measuring.processor(other) - before
    yield _ratio("single insert: processor time, partitions", used[_PARTS], used[_WHOLE])


def _vacuuming(connection: Connection) -> Iterator[Comparison]:
    """After a hundredth of the rows is gone: all of the table, and one partition."""
    took = dict[str, float]()
    for schema, name in (("public", "memories"), ("parts", "memories"), ("parts", "memories_0")):
        table = f"{schema}.{name}"
        connection.execute(f"delete from {table} where hashtext(id::text) % 100 = {len(took)}".encode())
        started = time.perf_counter()
        connection.execute(f"vacuum {table}".encode())
        took[table] = time.perf_counter() - started
    yield _ratio("vacuum: all partitions", took["parts.memories"], took["public.memories"])
    yield _ratio("vacuum: one partition", took["parts.memories_0"], took["public.memories"])


def _building(connection: Connection) -> Comparison:
    """HNSW in the processor's time: one index, and one for each partition."""
    _divide(connection, functions=False)
    whole = measuring.build(connection, _SMALL)
    before = measuring.processor(connection)
    for number in range(_PARTITIONS):
        connection.execute(
            f"create index on parts.memories_{number} using hnsw (embedding vector_cosine_ops) "
            "with (m = 16, ef_construction = 64)".encode()
        )
    return _ratio("HNSW build: processor time, partitions", measuring.processor(connection) - before, whole)


def _ratio(label: str, ours: float, theirs: float) -> Comparison:
    print(f"{label}: {ours:.3f}, whole {theirs:.3f}", file=sys.stderr, flush=True)
    return Comparison(f"{label} / whole", ours, theirs, None)
