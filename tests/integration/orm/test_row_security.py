"""An application whose role is held to policies: each method sees and stores what they allow."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.database import Connection
from memdb.errors import InvalidMemory, UnknownUser
from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address, vectors

NEAR = vectors(1)[0]

POLICIES = """
alter table memories enable row level security;
alter table memories force row level security;
create policy own on memories using (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
grant all on memories, users to public;
"""


@pytest.fixture
async def session(migrated: str, driver: str, connection: Connection) -> AsyncIterator[AsyncSession]:
    """Of a role that the policies are for; pg_monitor is one that every server has."""
    connection.execute(POLICIES.encode())
    engine = create_engine(address(migrated, driver))
    async with sessions(engine)() as session:
        await session.execute(text("set role pg_monitor"))
        await session.commit()
        yield session
        await session.rollback()
        await session.execute(text("reset role"))
    await engine.dispose()


@pytest.fixture
async def other_id(session: AsyncSession, user_id: UUID) -> UUID:
    other = User()
    session.add(other)
    await session.commit()
    return other.id


def a_memory(user_id: UUID, content: str, id: UUID | None = None) -> MemoryCreate:
    return MemoryCreate(id=id, user_id=user_id, memory_type=MemoryType.TASK, content=content, embedding=NEAR)


async def store_of(session: AsyncSession, user_id: UUID) -> MemoryStore:  # type: ignore[type-arg]
    """The policies read the user anew in each transaction."""
    await session.execute(text("select set_config('app.user_id', :id, true)"), {"id": str(user_id)})
    return MemoryStore(session)


@pytest.mark.parametrize("skip_existing", [False, True])
async def test_many_memories_are_stored_under_policies(
    session: AsyncSession, user_id: UUID, other_id: UUID, skip_existing: bool
) -> None:
    for owner in (user_id, other_id):
        store = await store_of(session, owner)
        memories = [a_memory(owner, f"{number}") for number in range(150)]
        assert len(await store.add_many(memories, skip_existing=skip_existing)) == 150
        await session.commit()
    store = await store_of(session, user_id)
    assert len(await store.list(MemoryQuery(user_id=user_id, limit=1000))) == 150
    assert len(await store.nearest(MemorySimilarityQuery(user_id=user_id, embedding=NEAR, limit=1000))) == 150
    assert await store.list(MemoryQuery(user_id=other_id)) == []
    assert await store.nearest(MemorySimilarityQuery(user_id=other_id, embedding=NEAR)) == []


async def test_policies_and_what_is_wrong_with_a_memory_are_told(
    session: AsyncSession, user_id: UUID, other_id: UUID
) -> None:
    store = await store_of(session, other_id)
    (hidden,) = await store.add_many([a_memory(other_id, "of another")])
    await session.commit()
    store = await store_of(session, user_id)
    with pytest.raises(ProgrammingError, match="row-level security policy"):
        await store.add_many([a_memory(other_id, "planted")])
    two = [a_memory(user_id, "new"), a_memory(user_id, "taken", hidden)]
    with pytest.raises(InvalidMemory, match="an id belongs to another memory"):
        await store.add_many(two)
    with pytest.raises(InvalidMemory, match="of memory 1 "):
        await store.add_many(two, skip_existing=True)
    with pytest.raises(InvalidMemory, match="an id belongs to another memory"):
        await store.add(two[1])
    await session.rollback()
    missing = UUID(int=1)
    store = await store_of(session, missing)
    with pytest.raises(UnknownUser, match="no such user"):
        await store.add_many([a_memory(missing, "of nobody")])
    await session.rollback()
    store = await store_of(session, user_id)
    assert await store.get(hidden) is None
    assert await store.update(hidden, MemoryUpdate(content="changed")) is None
    assert await store.touch([hidden]) == await store.delete([hidden]) == 0
