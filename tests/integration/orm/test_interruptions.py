"""Whatever interrupts a call in the middle, the pool gives out connections that work, and nothing half done."""

import asyncio
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from memdb.database import Connection
from memdb.models import MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address, vectors

pytestmark = pytest.mark.once

NEAR = vectors(1)[0]


@pytest.fixture
def engine(migrated: str, driver: str) -> AsyncEngine:
    """One connection, which every request has to find in order."""
    return create_engine(address(migrated, driver), pool_size=1, max_overflow=0, pool_timeout=5)


async def works_as_before(engine: AsyncEngine) -> None:
    """The connection in the pool has transactions, which a rollback ends, and finds what is stored."""
    async with sessions(engine)() as session:
        count = await session.scalar(text("select count(*) from users"))
        await session.execute(text("insert into users default values"))
        await session.rollback()
        assert await session.scalar(text("select count(*) from users")) == count
        assert await session.scalar(text("select count(*) from memories")) == 0


async def search(engine: AsyncEngine, user_id: UUID) -> None:
    async with sessions(engine)() as session:
        await MemoryStore(session).nearest(MemorySimilarityQuery(user_id=user_id, embedding=NEAR))


async def add_many(engine: AsyncEngine, memories: Iterator[MemoryCreate]) -> None:
    async with sessions(engine).begin() as session:
        await MemoryStore(session).add_many(memories)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_search_that_is_cancelled_says_so_however_often_it_is(
    engine: AsyncEngine, user_id: UUID, connection: Connection, times: int
) -> None:
    await search(engine, user_id)
    with connection.transaction():
        connection.execute("lock table memories")
        searching = asyncio.create_task(search(engine, user_id))
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        while connection.execute(waiting).fetchone() == (0,):
            await asyncio.sleep(0.01)
        for _ in range(times):
            searching.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await searching
    await works_as_before(engine)
    await engine.dispose()


def interrupted(user_id: UUID, interrupt: Callable[[], object]) -> Iterator[MemoryCreate]:
    for number in range(200):
        if number == 100:
            interrupt()
        yield MemoryCreate(user_id=user_id, memory_type=MemoryType.TASK, content=f"{number}", embedding=NEAR)


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


def cancel_once() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


def cancel_twice() -> None:
    cancel_once()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(task.cancel))


@pytest.mark.parametrize(
    ("interrupt", "told"),
    [
        (press_ctrl_c, KeyboardInterrupt),
        (cancel_once, asyncio.CancelledError),
        (cancel_twice, asyncio.CancelledError),
    ],
)
async def test_a_load_that_is_interrupted_leaves_nothing(
    engine: AsyncEngine, user_id: UUID, interrupt: Callable[[], object], told: type[BaseException]
) -> None:
    with pytest.raises(told):
        await add_many(engine, interrupted(user_id, interrupt))
    await works_as_before(engine)
    await engine.dispose()


async def test_a_load_whose_connection_is_lost_is_an_error_and_does_not_wait_for_it(
    engine: AsyncEngine, user_id: UUID, connection: Connection
) -> None:
    """Also where the server takes no more for the moment, as behind a lock."""
    await search(engine, user_id)
    many = (memory for _ in range(10) for memory in interrupted(user_id, lambda: None))
    with connection.transaction():
        connection.execute("lock table memories in share mode")
        load = asyncio.create_task(add_many(engine, many))
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        while not (pids := connection.execute(waiting).fetchall()):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # until all that can be sent has been
        connection.execute("select pg_terminate_backend(%s)", pids[0])
        with pytest.raises(DBAPIError) as error:
            await asyncio.wait_for(load, 10)
    assert error.value.connection_invalidated
    await works_as_before(engine)
    await engine.dispose()


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("set local statement_timeout = 50", DBAPIError),
        ("set transaction read only", DBAPIError),
        ("set local role pg_monitor", ProgrammingError),
        ("alter table memories add constraint short check (length(content) < 2)", IntegrityError),
    ],
)
async def test_what_the_database_has_against_a_load_is_an_error_of_sqlalchemy(
    engine: AsyncEngine, user_id: UUID, setting: str, kind: type[DBAPIError]
) -> None:
    memories = interrupted(user_id, lambda: time.sleep(0.1))
    async with sessions(engine)() as session:
        await session.execute(text(setting))
        with pytest.raises(kind):
            await MemoryStore(session).add_many(memories)
    await works_as_before(engine)
    await engine.dispose()


@pytest.mark.parametrize("first", [True, False])
async def test_tasks_that_share_a_session_leave_the_pool_in_order(
    engine: AsyncEngine, user_id: UUID, first: bool
) -> None:
    """SQLAlchemy does not promise them answers, but nobody else may suffer."""
    query = MemorySimilarityQuery(user_id=user_id, embedding=NEAR)
    await search(engine, user_id)
    async with sessions(engine)() as session:
        store = MemoryStore(session)
        if first:
            await store.nearest(query)
        reads = [store.nearest(query), store.list(MemoryQuery(user_id=user_id))]
        await asyncio.gather(*reads, store.nearest(query), return_exceptions=True)
        await session.rollback()
    await works_as_before(engine)
    await engine.dispose()


async def test_what_a_task_writes_beside_a_search_is_rolled_back_with_its_session(
    engine: AsyncEngine, user_id: UUID
) -> None:
    await search(engine, user_id)
    async with sessions(engine)() as session:
        store = MemoryStore(session)
        query = MemorySimilarityQuery(user_id=user_id, embedding=NEAR)
        await store.nearest(query)
        await asyncio.gather(store.nearest(query), store.add_many(interrupted(user_id, lambda: None)))
        await session.rollback()
    await works_as_before(engine)
    await engine.dispose()
