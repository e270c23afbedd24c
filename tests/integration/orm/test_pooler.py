"""Through PgBouncer in transaction mode: many clients on two server processes, which know nothing of each other."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from memdb.models import Memory, MemoryType, User
from memdb.models.ids import new_id
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address, vectors
from tests.integration.orm.pooling import pooled

pytestmark = pytest.mark.once


@pytest.fixture
def pooler(migrated: str) -> Iterator[str]:
    """The connection string of a new database, by way of a transaction pooler."""
    with pooled(migrated) as conninfo:
        yield conninfo


async def _work(engine: AsyncEngine, number: int) -> int:
    """Some transactions, as requests make them: a user, memories in both ways, searches."""
    async with sessions(engine).begin() as session:
        user = User()
        session.add(user)
        await session.flush()
        store = MemoryStore(session)
        drawn = vectors(10, random_seed=number)
        await store.add_many(
            MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content="a walk", embedding=embedding)
            for embedding in drawn
        )
        await store.add(MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content="a run", embedding=drawn[0]))
        known = MemoryCreate(id=new_id(), user_id=user.id, memory_type=MemoryType.TASK, content="a run")
        for stored in ([known.id], []):
            assert await store.add_many([known], skip_existing=True) == stored
        changed = await store.update(known.id or user.id, MemoryUpdate(content="a swim", extra_data={"n": number}))
        assert changed is not None
        assert await store.delete([changed.id]) == 1
    found = 0
    for embedding in drawn[:3]:
        async with sessions(engine).begin() as session:
            store = MemoryStore(session)
            alone = await store.nearest(MemorySimilarityQuery(user_id=user.id, embedding=embedding, limit=1))
            assert len(alone) == 1
            neighbours = await store.nearest(MemorySimilarityQuery(user_id=user.id, embedding=embedding, limit=20))
            assert len(await store.search(user.id, "walk", embedding)) == 10
            listed = await store.list(MemoryQuery(user_id=user.id, extra_data={"done": False}))
            await store.touch([neighbour.id for neighbour in neighbours])
            found += len(neighbours) + len(listed)
    return found


async def test_the_store_works_through_a_transaction_pooler(pooler: str, driver: str) -> None:
    engine = create_engine(address(pooler, driver), transaction_pooler=True, pool_size=8)
    assert await asyncio.gather(*(_work(engine, number) for number in range(16))) == [66] * 16
    async with sessions(engine)() as session:
        assert await session.scalar(select(func.count()).select_from(Memory)) == 176
        prepared = await session.scalar(select(func.count()).select_from(func.pg_prepared_statement()))
        assert prepared == 0  # nothing is left behind for whoever gets the server process next
    await engine.dispose()
