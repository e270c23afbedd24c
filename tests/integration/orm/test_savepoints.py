"""What a savepoint takes back, the objects of the session do not go on to show."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.models import Memory
from memdb.schemas import MemoryCreate, MemoryUpdate
from memdb.store import MemoryStore

pytestmark = pytest.mark.once

Store = MemoryStore[Memory]


def updating(store: Store, id: UUID) -> Awaitable[Any]:
    return store.update(id, MemoryUpdate(content="likes coffee", extra_data={"b": 2}))


def touching(store: Store, id: UUID) -> Awaitable[Any]:
    return store.touch([id], unless_within=timedelta(0))


def deleting(store: Store, id: UUID) -> Awaitable[Any]:
    return store.delete([id])


@pytest.mark.parametrize("change", [updating, touching, deleting])
async def test_objects_show_what_was_there_before_the_savepoint(
    session: AsyncSession, user_id: UUID, change: Callable[[Store, UUID], Awaitable[Any]]
) -> None:
    store = MemoryStore(session)
    memory = await store.add(
        MemoryCreate(user_id=user_id, memory_type="task", content="likes tea", extra_data={"a": 1})  # type: ignore[arg-type]
    )
    id, accessed_at = memory.id, memory.accessed_at
    await session.commit()
    async with session.begin_nested() as savepoint:
        assert await change(store, id)
        await savepoint.rollback()
    assert inspect(memory).persistent
    assert await memory.awaitable_attrs.content == "likes tea"
    assert (memory.accessed_at, memory.extra_data) == (accessed_at, {"a": 1})
