"""Many memories at once, through binary COPY, with either driver.

https://www.postgresql.org/docs/current/sql-copy.html describes the format: a header, then for each row the number
of columns and each column's length and bytes, then a trailer.
"""

import json
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from memdb.models import MemoryType
from memdb.schemas import MemoryCreate
from memdb.store.batches import Batch

COLUMNS = ("id", "user_id", "memory_type", "content", "embedding", "metadata", "created_at")

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_PIECE = 64  # rows; small enough that the server has something to do while the next piece is put together
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_ids = struct.Struct(">hi16si16s").pack
_as_json = json.JSONEncoder(allow_nan=False).encode
_TIERS = {tier: tier.value.encode() for tier in MemoryType}
_length = struct.Struct(">i").pack
_time = struct.Struct(">iq").pack


async def copy(connection: AsyncConnection, table: Table, batch: Batch) -> None:
    """Loads the memories, taking them while the server works.

    The connection must be in a transaction already, since this goes past SQLAlchemy to the driver.
    """
    pieces = _pieces(batch, now=(await connection.execute(select(func.now()))).scalar_one())
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    if hasattr(driver, "copy_to_table"):  # asyncpg
        await driver.copy_to_table(
            table.name, schema_name=table.schema, columns=COLUMNS, source=_asynchronous(pieces), format="binary"
        )
        return
    name = connection.dialect.identifier_preparer.format_table(table)
    async with (
        driver.cursor() as cursor,
        cursor.copy(f"copy {name} ({', '.join(COLUMNS)}) from stdin (format binary)") as stream,
    ):
        for piece in pieces:
            await stream.write(piece)


async def _asynchronous(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _pieces(batch: Batch, now: datetime) -> Iterator[bytes]:
    yield _HEADER
    rows = _rows(batch, now)
    while piece := list(islice(rows, _PIECE)):
        yield b"".join(piece)
    yield _TRAILER


def _rows(batch: Batch, now: datetime) -> Iterator[bytes]:
    return (_row(id, memory, memory.created_at or now) for id, memory in batch)


def _row(id: UUID, memory: MemoryCreate, created_at: datetime) -> bytes:
    tier = _TIERS[memory.memory_type]
    content = memory.content.encode()
    embedding = b"" if memory.embedding is None else memory.embedding.to_binary()
    metadata = b"\x01" + _as_json(memory.extra_data).encode()  # the version of jsonb's form, then text
    return b"".join(
        (
            _ids(len(COLUMNS), 16, id.bytes, 16, memory.user_id.bytes),
            _length(len(tier)),
            tier,
            _length(len(content)),
            content,
            _length(len(embedding)) if embedding else _NULL,
            embedding,
            _length(len(metadata)),
            metadata,
            _time(8, (created_at - _EPOCH) // _MICROSECOND),
        )
    )
