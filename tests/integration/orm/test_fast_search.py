"""The store searches through search_memories where the set fast_search is applied, and finds the same."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import database, migrations
from memdb.ledger.sqlfiles import Sets
from memdb.models import MemoryType
from memdb.schemas import MemoryCreate, MemorySimilarityQuery, Where
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address, vectors


@pytest.mark.parametrize("count", [40, 1100])
async def test_with_the_set_the_store_finds_the_same_through_it(
    migrated: str, driver: str, session: AsyncSession, user_id: UUID, sets: Sets, count: int
) -> None:
    tiers = [*MemoryType]
    await MemoryStore(session).add_many(
        MemoryCreate(
            user_id=user_id,
            memory_type=tiers[number % 3],
            content=f"{number}",
            embedding=embedding,
            extra_data={"n": number % 2, "done": number % 5 == 0},
        )
        for number, embedding in enumerate(vectors(count))
    )
    await session.commit()
    question = vectors(count + 1)[-1]
    conditions: list[dict[str, Any]] = [{}, {"memory_types": ["task"]}, {"limit": 20, "max_distance": 0.9}]
    conditions += [{"extra_data": {"n": 1}}, {"extra_data": {"n": 1, "done": False}}, {"extra_data": {"n": None}}]
    conditions += [{"where": [Where("n", gt=0), Where("done", eq=True)]}]
    queries = [MemorySimilarityQuery(user_id=user_id, embedding=question, **these) for these in conditions]
    before = [await MemoryStore(session).nearest(query) for query in queries]
    await session.close()
    with database.connect(migrated, purpose="test") as connection:
        migrations.migrate(connection, sets, chosen=("fast_search",))

    engine, statements = create_engine(address(migrated, driver)), list[str]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    async with sessions(engine)() as other:
        after = [await MemoryStore(other).nearest(query) for query in queries]
    await engine.dispose()
    assert [shown(neighbours) for neighbours in after] == [shown(neighbours) for neighbours in before]
    called = [sum(f'"{name}"(' in text for text in statements) for name in ("search_memories", "search_memories_where")]
    assert called == [4, 3]


def shown(neighbours: Any) -> list[tuple[Any, ...]]:
    """All but the last digits of the distances."""
    return [(found.id, found.content, found.extra_data, round(found.distance, 6)) for found in neighbours]
