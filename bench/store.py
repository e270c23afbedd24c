"""memdb.store beside the bare drivers: many memories against psycopg's binary COPY, a search against asyncpg.

Both sides of the first start from the same texts and numpy arrays; memdb checks each memory, and then encodes it. Both
sides of the second send the store's statement over one connection, without a transaction, and read the same columns.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import psycopg
from pgvector.asyncpg import register_vector as register_with_asyncpg
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb
from sqlalchemy import text

import memdb
from bench.compare import Comparison, medians
from memdb import database, embedded
from memdb.database import Connection
from memdb.models import MemoryType
from memdb.schemas import MemoryCreate, MemorySimilarityQuery
from memdb.seeding.embeddings import Synthetic
from memdb.store import MemoryStore, create_engine, sessions
from memdb.values import Vectors

_MEMORIES, _USERS, _SEARCHES, _K = 10_000, 20, 200, 5
_TEXT = "After dinner a neighbour asked me about the exam. It comes down to the second chapter. "
_METADATA = {"source": "journal", "access_count": 3}
_COPY = "copy memories (id, user_id, memory_type, content, embedding, metadata) from stdin (format binary)"
_SEARCH = database.query(
    "store", "nearest", table=["memories"], extension=["public"], sent=["vector"], tier=["memory_type"]
)


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    embeddings, _ = Synthetic(1).batch(0, _MEMORIES)
    with embedded.temporary() as server:
        conninfo = database.conninfo(server.url())
        with database.connect(conninfo, purpose="bench") as connection:
            memdb.open(conninfo).migrate(to="0006")
            users = [uuid4() for _ in range(_USERS)]
            connection.execute("insert into users (id) select unnest(%s::uuid[])", [users])
            yield _loading(connection, conninfo, users, embeddings)
            connection.execute("vacuum analyze memories")
        found = asyncio.run(_searching(server.url(), users, embeddings[:_SEARCHES]))
    yield Comparison("store.nearest / the same statement through bare asyncpg", *found, 1.15)


def _loading(connection: Connection, conninfo: str, users: list[UUID], embeddings: Vectors) -> Comparison:
    """Rows per second, into an empty table without the vector index, which would hide the difference."""

    def emptied() -> None:
        connection.execute("truncate memories")
        connection.execute("checkpoint")

    def memdb() -> float:
        emptied()
        return _MEMORIES / asyncio.run(_add_many(conninfo, users, embeddings))

    def copy() -> float:
        emptied()
        return _MEMORIES / _copy(conninfo, users, embeddings)

    found = medians({"copy": copy, "memdb": memdb}, runs=9)
    label = f"store.add_many of {_MEMORIES:,} / psycopg's binary COPY, rows/s"
    return Comparison(label, found["memdb"], found["copy"], 0.7, at_least=True)


async def _add_many(conninfo: str, users: Sequence[UUID], embeddings: Vectors) -> float:
    """The seconds it takes, once there is a connection."""
    engine = create_engine(conninfo)
    async with sessions(engine)() as session:
        await session.execute(text("select 1"))
        started = time.perf_counter()
        await MemoryStore(session).add_many(
            MemoryCreate(
                user_id=users[row % _USERS],
                memory_type=MemoryType.PERSONAL,
                content=f"{_TEXT}{row}",
                embedding=embedding,
                extra_data=_METADATA,
            )
            for row, embedding in enumerate(embeddings)
        )
        await session.commit()
        seconds = time.perf_counter() - started
    await engine.dispose()
    return seconds


def _copy(conninfo: str, users: Sequence[UUID], embeddings: Vectors) -> float:
    """The seconds it takes, once there is a connection."""
    with psycopg.connect(conninfo) as connection:
        register_vector(connection)  # before there is a cursor, which would not know the type
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(["uuid", "uuid", "text", "text", "vector", "jsonb"])
            for row, embedding in enumerate(embeddings):
                metadata = Jsonb(_METADATA)
                copy.write_row((uuid4(), users[row % _USERS], "personal", f"{_TEXT}{row}", embedding, metadata))
        connection.commit()
        return time.perf_counter() - started


async def _searching(url: str, users: Sequence[UUID], embeddings: Vectors) -> tuple[float, float]:
    """Median seconds of a search through the store, and of one through asyncpg.

    Each is the first in turn: the second finds the user's memories in the caches of the processor.
    """
    engine = create_engine(url)
    bare = await asyncpg.connect(url)
    await register_with_asyncpg(bare)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    async with sessions(engine)() as session:
        store = MemoryStore(session)
        await store.nearest(MemorySimilarityQuery(user_id=users[0], embedding=embeddings[0]))  # it learns what is there
        await session.rollback()

        async def searched(through_store: bool, user: UUID, embedding: Any) -> list[UUID]:
            started = time.perf_counter()
            if through_store:
                query = MemorySimilarityQuery(user_id=user, embedding=embedding, limit=_K)
                found: Sequence[Any] = await store.nearest(query)
            else:
                found = await bare.fetch(_SEARCH, user, embedding, _K, None, 2.0, None, None, None)
            seconds[through_store].append(time.perf_counter() - started)
            return [neighbour.id if through_store else neighbour["id"] for neighbour in found]

        for number, embedding in enumerate([*embeddings[:20], *embeddings]):
            user, first = users[number % _USERS], number // _USERS % 2 == 0
            assert await searched(first, user, embedding) == await searched(not first, user, embedding)
    await bare.close()
    await engine.dispose()
    return statistics.median(seconds[True][20:]), statistics.median(seconds[False][20:])
