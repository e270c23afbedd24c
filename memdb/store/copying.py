"""Many memories at once, with either driver: through binary COPY, or INSERT where that cannot do it."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Set
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from pgvector import HalfVector, Vector
from psycopg import sql
from pydantic_core import to_json
from sqlalchemy import Text, cast, func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import binary, values
from memdb.binary import length
from memdb.models import MemoryType
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCreate
from memdb.shape import Shape
from memdb.store import drivers, statements, surroundings
from memdb.store.batches import Batch

COLUMNS = ("id", "user_id", "memory_type", "content", "embedding", "metadata", "created_at")

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_id = struct.Struct(">hi16s").pack
_TIERS = {tier: length(len(tier.value)) + tier.value.encode() for tier in MemoryType}
_time = struct.Struct(">iq").pack


async def copy(session: AsyncSession, model: Any, batch: Batch) -> list[UUID]:
    """Loads the memories, taking them while the server works, and returns their ids.

    The session must be in a transaction already, since this goes past SQLAlchemy to the driver. Where policies decide
    what may be stored, there is no COPY, and the memories are inserted; so they are where there is more to store than
    memdb's columns, and where texts do not go as UTF-8, which the rows of a COPY are written in.
    """
    connection = await session.run_sync(lambda sync: sync.connection(bind_arguments={"mapper": model}))
    place = surroundings.place(connection, model.__table__)
    has_more = _has_further_defaults(model) or batch.has_further_fields()
    may_copy = drivers.speaks_utf8(connection) and not has_more
    if not may_copy or await _is_secured(session, connection, model):
        return await _insert(session, model, batch)
    pieces = _pieces(batch, shape_of(model), now=await _now(session, model))
    driver: Any = connection.connection.driver_connection
    async with drivers.past_sqlalchemy(connection):
        if connection.dialect.driver == "asyncpg":
            await _send_by_asyncpg(driver, place, pieces)
        else:
            await _send_by_psycopg(driver, place, pieces)
    return batch.ids


async def _send_by_asyncpg(driver: Any, place: tuple[str, ...], pieces: Iterable[bytes]) -> None:
    options = {"schema_name": place[0] if place[1:] else None, "columns": COLUMNS, "format": "binary"}
    try:
        async with _while_connected(driver):
            await driver.copy_to_table(place[-1], source=_asynchronous(pieces), **options)
    except _TimedOut as carrier:
        (error,) = carrier.args
        raise error from error.__cause__


@asynccontextmanager
async def _while_connected(driver: Any) -> AsyncIterator[None]:
    """Ends the wait when the connection is lost: asyncpg waits until it takes more, and a lost one never does."""
    wait = asyncio.timeout(None)

    def end(_: Any) -> None:
        wait.reschedule(0)

    try:
        async with wait:
            driver.add_termination_listener(end)
            try:
                yield
            finally:
                driver.remove_termination_listener(end)
    except TimeoutError:
        if wait.expired():
            raise ConnectionResetError("the connection was lost while memories were sent") from None
        raise


async def _send_by_psycopg(driver: Any, place: tuple[str, ...], pieces: Iterable[bytes]) -> None:
    text = sql.SQL("copy {} ({}) from stdin (format binary)")
    statement = text.format(sql.Identifier(*place), sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))
    async with driver.cursor() as cursor, cursor.copy(statement) as stream:
        for piece in pieces:
            await stream.write(piece)


def _has_further_defaults(model: Any) -> bool:
    """Whether columns of an application's have a default in Python."""
    return any(column.default is not None for column in model.__table__.c if column.name not in COLUMNS)


async def _is_secured(session: AsyncSession, connection: Connection, model: Any) -> bool:
    """Whether row-level security holds on the table for the role that asks."""
    place = surroundings.place(connection, model.__table__)
    name = ".".join(map(connection.dialect.identifier_preparer.quote, place))
    asked = select(func.row_security_active(cast(name, Text)))
    return bool(await session.scalar(asked, bind_arguments={"mapper": model}))


async def _insert(session: AsyncSession, model: Any, batch: Batch) -> list[UUID]:
    now, rows = await _now(session, model), iter(batch)
    while piece := list(islice(rows, binary.ROWS)):
        await session.execute(insert(model), _values(piece, now))
    return batch.ids


async def insert_new(session: AsyncSession, model: Any, batch: Batch) -> list[UUID]:
    """Inserts the memories whose ids are not there yet, and returns those ids.

    Raises InvalidMemory for an id that is another user's.
    """
    now, rows, stored = await _now(session, model), iter(batch), list[UUID]()
    new_ones = statements.insert_new(model, distributed=await surroundings.are_distributed(session, model))
    while piece := list(islice(rows, binary.ROWS)):
        inserted = await session.scalars(new_ones.returning(model.id), _values(piece, now))
        new = set(map(values.identifier, inserted))
        owners: dict[UUID, values.UserKey] = {id: memory.user_id for id, memory in reversed(piece) if id in new}
        owners |= await _owners(session, model, {id for id, _ in piece} - new)
        batch.refuse_ids_of_others(piece, owners)
        stored += [id for id in dict.fromkeys(id for id, _ in piece) if id in new]
    return stored


async def upsert(session: AsyncSession, model: Any, batch: Batch) -> list[UUID]:
    """Inserts the memories, or replaces those that have their ids, and returns the ids.

    Raises InvalidMemory for an id that is another user's. All rows are locked in the order of their ids, so that nobody
    who does the same waits for one who waits.
    """
    now, taken = await _now(session, model), list(batch)
    last = dict(sorted(dict(taken).items()))  # one statement cannot change a row twice
    rows, stored = iter(last.items()), set[UUID]()
    distributed = await surroundings.are_distributed(session, model)
    while piece := list(islice(rows, binary.ROWS)):
        given = _values(piece, now)
        replaced = statements.upsert(model, given[0], now, distributed=distributed).returning(model.id)
        stored |= set(map(values.identifier, await session.scalars(replaced, given)))
    batch.refuse_ids_of_others(taken, {id: last[id].user_id for id in stored})
    return list(dict.fromkeys(batch.ids))


def _values(piece: Iterable[tuple[UUID, MemoryCreate[Any]]], now: datetime) -> list[dict[str, Any]]:
    return [{**dict(memory), "id": id, "created_at": memory.created_at or now} for id, memory in piece]


async def _owners(session: AsyncSession, model: Any, ids: Set[UUID]) -> dict[UUID, values.UserKey]:
    if not ids:
        return {}
    found = await session.execute(select(model.id, model.user_id).where(statements.among(model.id, ids)))
    users = shape_of(model).users
    return {values.identifier(id): values.user_id(user_id, users) for id, user_id in found}


async def by_owner(session: AsyncSession, model: Any, ids: Iterable[UUID]) -> dict[values.UserKey, list[UUID]]:
    """Those of the ids that memories have, by the user whose they are."""
    found: dict[values.UserKey, list[UUID]] = {}
    for id, user in (await _owners(session, model, {values.identifier(id) for id in ids})).items():
        found.setdefault(user, []).append(id)
    return found


async def _now(session: AsyncSession, model: Any) -> datetime:
    """When the transaction began, as the default of the column has it.

    It is read as text: an application may have told its driver to read times in its own way.
    """
    seconds = select(cast(func.extract("epoch", func.now()), Text))
    text = (await session.execute(seconds, bind_arguments={"mapper": model})).scalar_one()
    return datetime.fromtimestamp(float(text), UTC)


class _TimedOut(Exception):
    """A TimeoutError of what makes the memories, which asyncpg would take for its own."""


async def _asynchronous(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    try:
        for piece in pieces:
            yield piece
    except TimeoutError as error:
        raise _TimedOut(error) from error


def _pieces(batch: Batch, shape: Shape, now: datetime) -> Iterator[bytes]:
    yield binary.HEADER
    rows = _rows(batch, shape, now)
    while piece := list(islice(rows, binary.ROWS)):
        yield b"".join(piece)
    yield binary.TRAILER


def _rows(batch: Batch, shape: Shape, now: datetime) -> Iterator[bytes]:
    user = binary.KEYS[shape.users.base_type]
    embedded = _EMBEDDINGS[shape.embedding_type]
    for id, memory in batch:
        batch.refuse_further_fields(memory)
        content = memory.content.encode()
        embedding = b"" if memory.embedding is None else embedded(memory.embedding)
        metadata = to_json(memory.extra_data)  # a fifth of the time of json, and the same digits
        yield b"".join(
            (
                _id(len(COLUMNS), 16, id.bytes),
                user(memory.user_id),
                _TIERS[memory.memory_type],
                length(len(content)),
                content,
                length(len(embedding)) if embedding else binary.NULL,
                embedding,
                length(1 + len(metadata)),
                binary.VERSION_OF_JSONB,
                metadata,
                _time(8, ((memory.created_at or now) - _EPOCH) // _MICROSECOND),
            )
        )


_EMBEDDINGS: dict[str, Callable[[Vector], bytes]] = {
    "vector": Vector.to_binary,
    "halfvec": lambda embedding: HalfVector(embedding.to_numpy()).to_binary(),
}
