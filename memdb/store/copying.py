"""Many memories at once, through binary COPY, with either driver.

https://www.postgresql.org/docs/current/sql-copy.html describes the format: a header, then for each row the number
of columns and each column's length and bytes, then a trailer.
"""

import json
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from memdb.errors import InvalidMemory
from memdb.models import MemoryType
from memdb.schemas import MemoryCreate

COLUMNS = ("id", "user_id", "memory_type", "content", "embedding", "metadata")

Row: TypeAlias = tuple[UUID, MemoryCreate]

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_PIECE = 64  # rows; small enough that the server has something to do while the next piece is put together

_ids = struct.Struct(">hi16si16s").pack
_as_json = json.JSONEncoder(allow_nan=False).encode
_TIERS = {tier: tier.value.encode() for tier in MemoryType}
_length = struct.Struct(">i").pack


async def copy(connection: AsyncConnection, table: Table, rows: Iterable[Row]) -> None:
    """Loads the rows, taking them while the server works.

    The connection must be in a transaction already, since this goes past SQLAlchemy to the driver.
    """
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    if hasattr(driver, "copy_to_table"):  # asyncpg
        await driver.copy_to_table(
            table.name, schema_name=table.schema, columns=COLUMNS, source=_asynchronous(_pieces(rows)), format="binary"
        )
        return
    name = connection.dialect.identifier_preparer.format_table(table)
    async with (
        driver.cursor() as cursor,
        cursor.copy(f"copy {name} ({', '.join(COLUMNS)}) from stdin (format binary)") as stream,
    ):
        for piece in _pieces(rows):
            await stream.write(piece)


async def _asynchronous(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    yield _HEADER
    remaining = iter(rows)
    while piece := list(islice(remaining, _PIECE)):
        yield b"".join([part for id, memory in piece for part in _row(id, memory)])
    yield _TRAILER


def _row(id: UUID, memory: MemoryCreate) -> tuple[bytes, ...]:
    tier, content, metadata = _TIERS[memory.memory_type], memory.content.encode(), _jsonb(memory.extra_data)
    embedding = b"" if memory.embedding is None else memory.embedding.to_binary()
    return (
        _ids(len(COLUMNS), 16, id.bytes, 16, memory.user_id.bytes),
        _length(len(tier)),
        tier,
        _length(len(content)),
        content,
        _length(len(embedding)) if embedding else _NULL,
        embedding,
        _length(len(metadata)),
        metadata,
    )


def _jsonb(value: dict[str, Any]) -> bytes:
    """In the first version of jsonb's binary form, which is text with the version before it."""
    try:
        return b"\x01" + _as_json(value).encode()
    except ValueError as error:
        raise InvalidMemory(f"the metadata of a memory cannot be written as JSON: {error}") from None
