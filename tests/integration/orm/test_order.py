"""In which order memories come back, and what the caller may say of a new memory: its id, and when it was said."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.errors import InvalidMemory
from memdb.models import Memory, MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery
from memdb.store import MemoryStore

pytestmark = pytest.mark.once

LAST_YEAR = datetime(2023, 5, 8, 13, 56, 0, 123456, tzinfo=UTC)


def turn(user_id: UUID, number: int = 0, **values: object) -> MemoryCreate:
    return MemoryCreate.model_validate(
        {"user_id": user_id, "memory_type": "task", "content": f"turn {number}", **values}
    )


@pytest.mark.parametrize("way", ["add", "add_many", "models"])
async def test_turns_of_one_transaction_come_back_newest_first(session: AsyncSession, user_id: UUID, way: str) -> None:
    store = MemoryStore(session)
    turns = [turn(user_id, number) for number in range(50)]
    if way == "add_many":
        await store.add_many(turns)
    elif way == "add":
        for each in turns:
            await store.add(each)
    else:
        for each in turns:
            session.add(Memory(user_id=user_id, memory_type=MemoryType.TASK, content=each.content))
    await session.commit()
    listed = [memory.content for memory in await store.list(MemoryQuery(user_id=user_id))]
    assert listed == [f"turn {number}" for number in reversed(range(50))]


async def test_the_caller_may_give_the_id_and_the_time(session: AsyncSession, user_id: UUID) -> None:
    store, ids = MemoryStore(session), [uuid4() for _ in range(3)]
    added = await store.add(turn(user_id, id=ids[0], created_at=LAST_YEAR))
    assert (added.id, added.created_at) == (ids[0], LAST_YEAR)
    assert await store.add_many([turn(user_id, id=ids[1], created_at=LAST_YEAR), turn(user_id, id=ids[2])]) == ids[1:]
    await session.commit()
    listed = await store.list(MemoryQuery(user_id=user_id))
    assert [memory.id for memory in listed] == [ids[2], *sorted(ids[:2], reverse=True)]
    assert [memory.created_at == LAST_YEAR for memory in listed] == [False, True, True]
    assert all(memory.accessed_at.year > LAST_YEAR.year for memory in listed)  # only now it can be recalled


async def test_a_memory_without_a_time_is_as_old_as_its_transaction(session: AsyncSession, user_id: UUID) -> None:
    store = MemoryStore(session)
    await store.add(turn(user_id, 0))
    await store.add_many([turn(user_id, 1)])
    first, second = await store.list(MemoryQuery(user_id=user_id))
    assert first.created_at == second.created_at


async def test_an_id_that_is_taken_is_named(session: AsyncSession, user_id: UUID) -> None:
    store, id = MemoryStore(session), uuid4()
    await store.add(turn(user_id, id=id))
    with pytest.raises(InvalidMemory, match=rf"{id}, of memory 2 \(counted from 0, id {id}\), belongs to another"):
        await store.add_many([turn(user_id), turn(user_id), turn(user_id, id=id)])
    await session.commit()
    with pytest.raises(InvalidMemory, match=f"the id {id} belongs to another memory"):
        await store.add(turn(user_id, id=id))
    await session.rollback()
    assert len(await store.list(MemoryQuery(user_id=user_id))) == 1


@pytest.mark.parametrize("offset", [2**31, 2**63 - 1])
async def test_beyond_the_last_page_there_is_nothing(session: AsyncSession, user_id: UUID, offset: int) -> None:
    await MemoryStore(session).add(turn(user_id))
    assert await MemoryStore(session).list(MemoryQuery(user_id=user_id, offset=offset)) == []
    with pytest.raises(ValueError, match="less than or equal to"):
        MemoryQuery(user_id=user_id, offset=2**63)
