"""What cannot be done is told in memdb's words, early, whichever driver is below; and what follows it works."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from memdb.database import Connection
from memdb.errors import DatabaseError, InvalidMemory, UsageError
from memdb.models import Memory
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address

pytestmark = pytest.mark.once

AHEAD = [1.0, *[0.0] * 1535]


def a_memory(user_id: UUID, **values: Any) -> MemoryCreate:
    return MemoryCreate(user_id=user_id, memory_type="task", content="x", embedding=AHEAD, **values)  # type: ignore[arg-type]


NO_IDS: list[Any] = ["abc", "", "\0", 1, 1.5, b"x" * 16, object()]


@pytest.mark.parametrize("id", NO_IDS, ids=[type(id).__name__ + repr(id)[:5] for id in NO_IDS])
async def test_what_is_no_id_is_refused_before_it_is_sent(session: AsyncSession, id: Any) -> None:
    store = MemoryStore(session)
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: store.get(id),
        lambda: store.get(uuid4(), user_id=id),
        lambda: store.update(id, MemoryUpdate(content="y")),
        lambda: store.touch([uuid4(), id]),
        lambda: store.delete([uuid4(), id]),
        lambda: store.delete([uuid4()], user_id=id),
    ]
    for call in calls:
        with pytest.raises(InvalidMemory, match="must be a UUID") as error:
            await call()
        assert error.value.hint
    assert not session.in_transaction()


async def test_ids_may_be_written_out(session: AsyncSession, user_id: UUID) -> None:
    store = MemoryStore(session)
    memory = await store.add(a_memory(user_id))
    written: Any = str(memory.id)
    assert await store.get(written, user_id=str(user_id)) is memory
    assert await store.delete([uuid4(), written]) == 1


@pytest.mark.parametrize("within", [timedelta.max, timedelta.min])
async def test_a_span_that_no_time_can_hold_is_refused(session: AsyncSession, user_id: UUID, within: timedelta) -> None:
    memory = await MemoryStore(session).add(a_memory(user_id))
    with pytest.raises(InvalidMemory, match="out of range"):
        await MemoryStore(session).touch([memory.id], unless_within=within)


@pytest.mark.parametrize("skip_existing", [False, True])
async def test_without_transactions_many_memories_are_refused(
    migrated: str, driver: str, user_id: UUID, skip_existing: bool
) -> None:
    engine = create_engine(address(migrated, driver), isolation_level="AUTOCOMMIT")
    async with sessions(engine)() as session:
        with pytest.raises(UsageError, match="no transactions") as error:
            await MemoryStore(session).add_many([a_memory(user_id)], skip_existing=skip_existing)
        assert "AUTOCOMMIT" in error.value.hint
        await session.rollback()
        assert await MemoryStore(session).list(MemoryQuery(user_id=user_id)) == []
        assert (await MemoryStore(session).add(a_memory(user_id))).user_id == user_id
    await engine.dispose()


async def test_a_tier_that_others_have_added_is_named_where_it_is_read(
    session: AsyncSession, user_id: UUID, connection: Connection
) -> None:
    connection.execute("alter type memory_type add value 'archived'")
    connection.execute(
        "insert into memories (user_id, memory_type, content, embedding) values (%s, 'archived', 'x', %s::real[])",
        [user_id, AHEAD],
    )
    reads: list[Callable[[], Awaitable[Any]]] = [
        lambda: MemoryStore(session).list(MemoryQuery(user_id=user_id)),
        lambda: MemoryStore(session).nearest(MemorySimilarityQuery(user_id=user_id, embedding=AHEAD)),
        lambda: session.scalars(select(Memory)),
    ]
    for read in reads:
        with pytest.raises(InvalidMemory, match="'archived', which memdb does not know"):
            await read()
    await session.rollback()
    assert await MemoryStore(session).list(MemoryQuery(user_id=uuid4())) == []


@pytest.mark.parametrize(
    "change", ["alter table memories add owner text not null", "alter table memories rename content to text"]
)
async def test_what_the_server_refuses_is_told_without_the_row(
    session: AsyncSession, user_id: UUID, connection: Connection, change: str
) -> None:
    connection.execute(change.encode())
    store, memory = MemoryStore(session), a_memory(user_id)
    memory.content = "nobody else may read this"
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: store.add(memory),
        lambda: store.add_many([memory]),
        lambda: store.add_many([memory], skip_existing=True),
    ]
    for call in calls:
        with pytest.raises((InvalidMemory, DatabaseError), match=r'"(owner|content)"') as error:
            await call()
        assert "nobody else" not in error.value.message
        assert "\n" not in error.value.message
        await session.rollback()


async def _requests(engine: AsyncEngine, user_id: UUID) -> list[str]:
    """One of each kind, each in a transaction of its own; the messages of those that are refused."""
    requests: list[Callable[[MemoryStore[Memory]], Awaitable[Any]]] = [
        lambda store: store.nearest(MemorySimilarityQuery(user_id=user_id, embedding=AHEAD)),
        lambda store: store.add(a_memory(user_id)),
        lambda store: store.add_many([a_memory(user_id)]),
        lambda store: store.add_many([a_memory(user_id)], skip_existing=True),
        lambda store: store.list(MemoryQuery(user_id=user_id), embeddings=True),
        lambda store: store.update(uuid4(), MemoryUpdate(content="y")),
        lambda store: store.touch([uuid4()]),
        lambda store: store.delete([uuid4()]),
    ]
    refused = []
    for request in requests:
        try:
            async with sessions(engine).begin() as session:
                await request(MemoryStore(session))
        except DatabaseError as error:
            refused.append(error.message)
    return refused


@pytest.fixture
async def used(migrated: str, driver: str, user_id: UUID) -> AsyncIterator[AsyncEngine]:
    """An engine of one connection, on which all has been sent so often that it is prepared."""
    engine = create_engine(address(migrated, driver), pool_size=1, max_overflow=0)
    for _ in range(6):
        assert await _requests(engine, user_id) == []
    yield engine
    await engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "alter table memories alter content type varchar(20000)",
        "alter table memories alter created_at type timestamptz(3)",
        "alter type memory_type rename to tier; alter table memories alter content type varchar(20000)",
    ],
)
async def test_each_request_works_or_tells_that_the_schema_has_changed_and_the_next_one_works(
    used: AsyncEngine, user_id: UUID, connection: Connection, change: str
) -> None:
    for statement in change.split("; "):
        connection.execute(statement.encode())
    for message in await _requests(used, user_id):
        assert "plan" in message or "does not exist" in message
    if "rename" in change:
        connection.execute("alter type tier rename to memory_type")
        await _requests(used, user_id)
    assert await _requests(used, user_id) == []


async def test_where_the_table_is_gone_each_request_says_so(
    used: AsyncEngine, user_id: UUID, connection: Connection
) -> None:
    connection.execute("alter table memories rename to elsewhere")
    refused = await _requests(used, user_id)
    assert len(refused) == 8
    assert all("memories" in message for message in refused)
    connection.execute("alter table elsewhere rename to memories")
    await _requests(used, user_id)
    assert await _requests(used, user_id) == []


async def test_what_somebody_else_has_deleted_can_be_added_again(
    session: AsyncSession, engine: AsyncEngine, user_id: UUID
) -> None:
    memory = await MemoryStore(session).add(a_memory(user_id))
    await session.commit()
    async with sessions(engine).begin() as other:
        await MemoryStore(other).delete([memory.id])
    again = await MemoryStore(session).add(a_memory(user_id, id=memory.id, extra_data={"again": True}))
    await session.commit()
    assert (again is memory, again.extra_data) == (True, {"again": True})
    with pytest.raises(InvalidMemory, match="belongs to another memory"):
        await MemoryStore(session).add(a_memory(user_id, id=memory.id))
    assert await session.scalar(text("select 1")) == 1
