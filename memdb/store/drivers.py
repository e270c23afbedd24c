"""What is asked of a driver itself, past SQLAlchemy: one statement that needs no transaction."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from pgvector import Vector
from psycopg import AsyncRawCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from sqlalchemy.engine import Connection
from sqlalchemy.util import greenlet_spawn

from memdb.models.columns import Reals

ARRAY = ("pg_catalog", "_float4")
"""real[]. It is the same on every server, whatever a driver has been told."""

MAY_READ_ALONE = "memdb: a read may go without a transaction"
"""In the info of a connection: it is prepared for, and what follows it meets the same server process."""


_TOLD = "memdb: where the type vector is that asyncpg has been told of"


class Alone(Protocol):
    """A connection of a driver with no transaction open."""

    def form(self, embedding: Vector) -> tuple[Any, tuple[str, ...]]:
        """The embedding as this driver sends it fastest, and the type that it is sent as."""

    async def fetch(self, text: str, arguments: tuple[Any, ...]) -> list[Any]:
        """The rows of one statement, whose parameters are $1, $2, …"""

    def is_open(self) -> bool: ...


class Asyncpg:
    """An embedding as an array takes ten times as long as in the binary form of its own type.

    That form goes by the number of the type, which changes when it is made anew: after a failure it is told once more.
    """

    def __init__(self, driver: Any, info: Any, extension: str) -> None:
        self._driver, self._info, self._extension = driver, info, extension

    def form(self, embedding: Vector) -> tuple[Any, tuple[str, ...]]:
        return embedding, (self._extension, "vector")

    async def fetch(self, text: str, arguments: tuple[Any, ...]) -> list[Any]:
        if self._info.get(_TOLD) != self._extension:
            await exchange_vectors_in_binary(self._driver, self._info, self._extension)
        try:
            rows: list[Any] = await self._driver.fetch(text, *arguments)
        except Exception:
            self._info.pop(_TOLD, None)
            raise
        return rows

    def is_open(self) -> bool:
        return not self._driver.is_closed()


class Psycopg:
    """Its connection begins a transaction before each statement, unless it is told not to."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def form(self, embedding: Vector) -> tuple[Any, tuple[str, ...]]:
        return Reals(embedding.to_list()), ARRAY

    async def fetch(self, text: str, arguments: tuple[Any, ...]) -> list[Any]:
        await self._driver.set_autocommit(True)
        try:
            cursor = AsyncRawCursor(self._driver, row_factory=tuple_row)
            await cursor.execute(text.encode(), arguments)
            return await cursor.fetchall()
        finally:
            if self._driver.info.transaction_status == TransactionStatus.IDLE:  # else it is lost, or was interrupted
                await self._driver.set_autocommit(False)

    def is_open(self) -> bool:
        return not self._driver.closed


def alone(connection: Connection, extension: str) -> Alone | None:
    """The driver's connection, if a statement on it would be the first of its transaction, and may be the only one."""
    if MAY_READ_ALONE not in connection.info or "isolation_level" in connection.get_execution_options():
        return None
    driver: Any = connection.connection.driver_connection
    if connection.dialect.driver == "asyncpg":
        return None if driver.is_in_transaction() else Asyncpg(driver, connection.info, extension)
    idle = driver.info.transaction_status == TransactionStatus.IDLE and not driver.autocommit
    return Psycopg(driver) if idle else None


@asynccontextmanager
async def given_up_when_interrupted(connection: Connection) -> AsyncIterator[None]:
    """Around what is asked of a driver past SQLAlchemy.

    Where a task is cancelled, or Ctrl-C pressed, nobody knows what the connection is in the middle of. So it is closed
    and leaves the pool, as SQLAlchemy has it with statements of its own.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException as interruption:
        await greenlet_spawn(connection.invalidate, interruption)
        raise


def written(connection: Connection, text: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """A statement with $1, $2, … and its parameters in the driver's way."""
    if connection.dialect.driver == "asyncpg":
        return text, arguments
    named = re.sub(r"\$(\d)", r"%(p\1)s", text.replace("%", "%%"))
    return named, {f"p{number}": value for number, value in enumerate(arguments, 1)}


async def exchange_vectors_in_binary(driver: Any, info: Any, schema: str) -> None:
    """Tells a connection of asyncpg of the type, which it would exchange as text otherwise."""
    codec = {"encoder": _encode, "decoder": Vector.from_binary, "format": "binary"}
    await driver.set_type_codec("vector", schema=schema, **codec)
    info[_TOLD] = schema


def _encode(value: Any) -> bytes:
    """What an application may give for a vector in its own statements, too: as text, list, array or Vector."""
    if isinstance(value, str):
        return Vector.from_text(value).to_binary()
    return (value if isinstance(value, Vector) else Vector(value)).to_binary()
