"""What a driver is asked itself, past SQLAlchemy: for its form of embeddings, and one statement without transaction."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal, Protocol

from pgvector import Vector
from psycopg import AsyncRawCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from sqlalchemy.engine import Connection
from sqlalchemy.util import greenlet_spawn

from memdb.models.columns import Reals
from memdb.store.failures import cause_of

ARRAY = ("pg_catalog", "_float4")
"""real[]. It is the same on every server, whatever a driver has been told."""

MAY_READ_ALONE = "memdb: a read may go without a transaction"
"""In the info of a connection: it is prepared for, and what follows it meets the same server process."""

_DATA_EXCEPTION = "22000"
"""It is also what asyncpg raises itself for what it cannot write."""

_TOLD = "memdb: the number of the type vector that asyncpg has been told of"


class _Written(Vector):
    """What an application has told the driver later writes it as well, or fails before the server knows of it."""

    __str__ = Vector.to_text


class LockOfTask(asyncio.Lock):
    """A lock that the task which holds it may take again."""

    def __init__(self) -> None:
        super().__init__()
        self._holder: asyncio.Task[Any] | None = None
        self._taken = 0

    async def acquire(self) -> Literal[True]:
        task = asyncio.current_task()
        if task is None or task is not self._holder:
            await super().acquire()
            self._holder = task
        self._taken += 1
        return True

    def release(self) -> None:
        self._taken -= 1
        if not self._taken:
            self._holder = None
            super().release()


class Alone(Protocol):
    """A connection of a driver with no transaction open."""

    async def fetch(self, text: str, arguments: tuple[Any, ...]) -> list[Any]:
        """The rows of one statement, whose parameters are $1, $2, …"""

    def is_open(self) -> bool: ...


class Asyncpg:
    """It begins no transaction by itself."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def fetch(self, text: str, arguments: tuple[Any, ...]) -> list[Any]:
        rows: list[Any] = await self._driver.fetch(text, *arguments)
        return rows

    def is_open(self) -> bool:
        return not self._driver.is_closed()


class Psycopg:
    """Its connection begins a transaction before each statement, unless it is told not to.

    Until it is told otherwise again, the connection is this task's: what others of the session send would be committed.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def fetch(self, text: str, arguments: tuple[Any, ...]) -> list[Any]:
        async with self._driver.lock:
            await self._driver.set_autocommit(True)
            try:
                cursor = AsyncRawCursor(self._driver, row_factory=tuple_row)
                await cursor.execute(text.encode(self._driver.info.encoding), arguments)
                return await cursor.fetchall()
            finally:
                if self._driver.info.transaction_status == TransactionStatus.IDLE:  # else lost, or interrupted
                    await self._driver.set_autocommit(False)

    def is_open(self) -> bool:
        return not self._driver.closed


def let_read_alone(connection: Any, info: Any) -> None:
    """Prepares a connection that a driver has just made."""
    if hasattr(connection.driver_connection, "lock"):  # psycopg's, around each statement
        connection.driver_connection.lock = LockOfTask()
    info[MAY_READ_ALONE] = True


def alone(connection: Connection) -> Alone | None:
    """The driver's connection, if a statement on it would be the first of its transaction, and may be the only one."""
    if MAY_READ_ALONE not in connection.info or "isolation_level" in connection.get_execution_options():
        return None
    driver: Any = connection.connection.driver_connection
    if connection.dialect.driver == "asyncpg":
        return None if driver.is_in_transaction() else Asyncpg(driver)
    idle = driver.info.transaction_status == TransactionStatus.IDLE and not driver.autocommit
    return Psycopg(driver) if idle else None


@asynccontextmanager
async def past_sqlalchemy(connection: Connection) -> AsyncIterator[None]:
    """Around what is asked of a driver itself.

    It waits for its turn as statements of SQLAlchemy do, which has a lock for each connection of asyncpg: tasks that
    share a session would meet in the middle of a BEGIN otherwise, and asyncpg never forget it. Where it is interrupted,
    by a task that is cancelled or by Ctrl-C, nobody knows what the connection is in the middle of. So it is closed and
    leaves the pool, as SQLAlchemy has it with statements of its own.
    """
    async with getattr(connection.connection.dbapi_connection, "_execute_mutex", nullcontext()):
        try:
            yield
        except Exception:
            raise
        except BaseException as interruption:
            await greenlet_spawn(connection.invalidate, interruption)
            raise


def speaks_utf8(connection: Connection) -> bool:
    """Whether texts travel in UTF-8, also those in binary forms: a server or an environment may have said otherwise."""
    driver: Any = connection.connection.driver_connection
    is_asyncpg = connection.dialect.driver == "asyncpg"
    encoding = driver.get_settings().client_encoding if is_asyncpg else driver.info.encoding
    return bool(encoding.lower() in ("utf8", "utf-8"))


def written(connection: Connection, text: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """A statement with $1, $2, … and its parameters in the driver's way."""
    if connection.dialect.driver == "asyncpg":
        return text, arguments
    named = re.sub(r"\$(\d+)", r"%(p\1)s", text.replace("%", "%%"))
    return named, {f"p{number}": value for number, value in enumerate(arguments, 1)}


def form(connection: Connection, embedding: Vector, schema: str, number: int) -> tuple[Any, tuple[str, ...]]:
    """The embedding as the driver sends it fastest, and the type that it is sent as.

    As an array it takes asyncpg ten times as long as in the binary form of its own type. That goes by the number of the
    type, which is another one when the type is made anew.
    """
    if connection.info.get(_TOLD) == number:
        return _Written(embedding.to_numpy()), (schema, "vector")
    return Reals(embedding.to_list()), ARRAY


def is_sent_as_array(connection: Connection, error: Exception) -> bool:
    """Whether embeddings go as arrays from now on, as the driver could not write one in binary.

    So it is where the type is another one by now, or an application has told the driver of a form of its own. The
    server knows nothing of it yet, so the transaction goes on.
    """
    cause = cause_of(error)
    is_of_server = getattr(cause, "severity", None) is not None
    if connection.invalidated or is_of_server or getattr(cause, "sqlstate", None) != _DATA_EXCEPTION:
        return False
    return connection.info.pop(_TOLD, None) is not None


async def exchange_vectors_in_binary(driver: Any, info: Any, schema: str, number: int) -> None:
    """Tells a connection of asyncpg of the type, which it would exchange as text otherwise."""
    codec = {"encoder": _encode, "decoder": Vector.from_binary, "format": "binary"}
    await driver.set_type_codec("vector", schema=schema, **codec)
    info[_TOLD] = number


def _encode(value: Any) -> bytes:
    """What an application may give for a vector in its own statements, too: as text, list, array or Vector."""
    if isinstance(value, str):
        return Vector.from_text(value).to_binary()
    return (value if isinstance(value, Vector) else Vector(value)).to_binary()
