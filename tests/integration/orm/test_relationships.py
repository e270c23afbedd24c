"""What docs/models.md says of relationships, and of objects after a rollback, with both drivers."""

from uuid import UUID

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError, MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import selectinload

from memdb.models import Memory, MemoryCollection, User
from memdb.schemas import MemoryQuery, MemoryResponse
from memdb.store import MemoryStore, sessions

pytestmark = pytest.mark.once

NOT_READ = (MissingGreenlet, StatementError)  # with psycopg, SQLAlchemy wraps the one into the other


@pytest.fixture
async def user(session: AsyncSession, user_id: UUID) -> User:
    """A user with a memory and a collection, of whom the session knows nothing but that they are there."""
    session.add(Memory(user_id=user_id, memory_type="task", content="a walk", embedding=[0.5] * 1536))
    session.add(MemoryCollection(user_id=user_id, collection_type="journal", name="Evenings"))
    await session.commit()
    session.expunge_all()
    return await session.get_one(User, user_id)


async def test_collections_come_with_a_user_and_memories_when_they_are_asked_for(
    session: AsyncSession, user: User
) -> None:
    assert [collection.name for collection in user.memory_collections] == ["Evenings"]
    with pytest.raises(InvalidRequestError, match=r"'User\.memories' is not available"):
        _ = user.memories
    with pytest.raises(InvalidRequestError, match=r"'User\.memories' is not available"):
        await user.awaitable_attrs.memories
    await session.refresh(user, ["memories"])
    assert [memory.content for memory in user.memories] == ["a walk"]


async def test_a_memory_has_its_user_when_asked_for(session: AsyncSession, user: User) -> None:
    session.expunge_all()
    memory = (await session.scalars(select(Memory))).one()
    with pytest.raises(InvalidRequestError, match=r"'Memory\.user' is not available"):
        _ = memory.user
    await session.refresh(memory, ["user"])
    assert memory.user is await session.get_one(User, memory.user_id)


async def test_memories_are_added_through_their_user_without_reading_the_others(
    session: AsyncSession, user: User
) -> None:
    with pytest.raises(InvalidRequestError, match="not available"):
        user.memories.append(Memory(memory_type="task", content="a run"))
    session.add(Memory(user=user, memory_type="task", content="a run"))
    await session.commit()
    assert set(await session.scalars(select(Memory.content))) == {"a walk", "a run"}


async def test_collections_of_a_user_who_was_just_added_are_read_with_await(session: AsyncSession) -> None:
    user = User()
    session.add(user)
    await session.flush()
    with pytest.raises(NOT_READ, match="greenlet"):
        _ = user.memory_collections
    assert await user.awaitable_attrs.memory_collections == []


@pytest.mark.parametrize("emptied_by", ["rollback", "expire"])
async def test_what_a_rollback_has_emptied_is_read_again_by_a_refresh_or_with_await(
    session: AsyncSession, user: User, emptied_by: str
) -> None:
    memory = (await session.scalars(select(Memory))).one()
    if emptied_by == "rollback":
        await session.rollback()
    else:
        session.expire_all()
    for look in (lambda: memory.content, lambda: memory.id, lambda: user.created_at, lambda: user.memory_collections):
        with pytest.raises(NOT_READ, match="greenlet"):
            look()
    with pytest.raises(ValidationError, match="greenlet"):
        MemoryResponse.model_validate(memory)
    assert await memory.awaitable_attrs.content == "a walk"
    assert MemoryResponse.model_validate(memory).content == "a walk"  # all its columns were read with it
    await session.refresh(user)
    assert (user.created_at.tzinfo is not None, len(user.memory_collections)) == (True, 1)


async def test_what_was_added_in_vain_keeps_its_values(session: AsyncSession, user_id: UUID) -> None:
    memory = Memory(user_id=user_id, memory_type="task", content="a walk", extra_data={"a": 1})
    session.add(memory)
    await session.flush()
    await session.rollback()
    assert (memory.content, memory.extra_data) == ("a walk", {"a": 1})
    session.add(memory)
    await session.commit()
    assert (await session.scalars(select(Memory.content))).all() == ["a walk"]


async def test_an_embedding_that_a_list_has_left_out_is_read_by_name(session: AsyncSession, user: User) -> None:
    (memory,) = await MemoryStore(session).list(MemoryQuery(user_id=user.id))
    session.expunge_all()
    (memory,) = await MemoryStore(session).list(MemoryQuery(user_id=user.id))
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match=r"'Memory\.embedding' is not available"):
            _ = memory.embedding
        with pytest.raises(InvalidRequestError, match=r"'Memory\.embedding' is not available"):
            await memory.awaitable_attrs.embedding
    assert MemoryResponse.model_validate(memory).content == "a walk"
    await session.refresh(memory, ["embedding"])
    assert memory.embedding == [0.5] * 1536


async def test_relationships_stay_readable_when_the_session_is_over(engine: AsyncEngine, user: User) -> None:
    async with sessions(engine)() as session:
        asked = select(User).where(User.id == user.id).options(selectinload(User.memories))
        read = (await session.scalars(asked)).one()
        await session.commit()
    assert ([memory.content for memory in read.memories], len(read.memory_collections)) == (["a walk"], 1)


async def test_a_user_who_was_read_before_is_merged_without_what_has_been_added_since(
    session: AsyncSession, user_id: UUID
) -> None:
    read_before = await session.get_one(User, user_id, options=[selectinload(User.memories)])
    session.expunge_all()
    session.add(Memory(user_id=user_id, memory_type="task", content="a walk"))
    session.add(MemoryCollection(user_id=user_id, collection_type="journal", name="Evenings"))
    await session.commit()
    await session.merge(read_before)
    await session.commit()
    assert (await session.scalars(select(Memory.content))).all() == ["a walk"]
    assert (await session.scalars(select(MemoryCollection.name))).all() == ["Evenings"]
