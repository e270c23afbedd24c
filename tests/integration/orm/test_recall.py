"""A store weighs memories by recency and importance, and notes which of them were used."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import memdb
from memdb import database, migrations
from memdb.errors import DatabaseError, InvalidMemory, UsageError
from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate
from memdb.shape import Shape, Users
from memdb.store import MemoryStore, act_for, create_engine, sessions
from memdb.values import Where
from tests.conftest import new_database
from tests.helpers import address
from tests.integration.orm import shapes
from tests.integration.orm.pooling import pooled

pytestmark = pytest.mark.once

SETS = ("drop_hnsw", "fast_search", "importance")


def leaning(share: float, dimensions: int = 1536) -> list[float]:
    """At the cosine 1 - share from what is asked."""
    return [1 - share, (1 - (1 - share) ** 2) ** 0.5] + [0.0] * (dimensions - 2)


@pytest.fixture(scope="module")
def prepared(server: str, template: str) -> Iterator[str]:
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=(*SETS, "row_security", "force_row_security")) as db:
            db.migrate()
        yield conninfo


@pytest.fixture
async def session(prepared: str, driver: str) -> AsyncIterator[AsyncSession]:
    engine = create_engine(address(prepared, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


@pytest.fixture
async def session_of_core(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with sessions(engine)() as session:
        yield session


async def filled(session: AsyncSession) -> tuple[UUID, list[UUID]]:
    """A user with three memories, ever farther from what is asked, and as old as a half-life."""
    user = User()
    session.add(user)
    await session.flush()
    ids = await MemoryStore(session).add_many(
        MemoryCreate(
            user_id=user.id,
            memory_type=MemoryType.TASK,
            content="a walk",
            embedding=leaning(number / 100),
            extra_data={"number": number},
            created_at=datetime.now(UTC) - timedelta(days=7),
        )
        for number in range(3)
    )
    await session.commit()
    return user.id, ids


async def test_what_was_noted_comes_first_with_the_factors_that_say_why(session: AsyncSession) -> None:
    user_id, ids = await filled(session)
    store = MemoryStore(session)
    for _ in range(2):  # within a transaction that has learned what is there, and with a statement alone
        assert [found.id for found in await store.recall(user_id, leaning(0))] == ids
        await session.commit()
    assert await store.noted([ids[2], ids[2], UUID(int=5)], user_id=user_id) == 1
    assert await store.noted(ids, user_id=UUID(int=5)) == 0
    assert await session.scalar(select(func.set_memory_importance(user_id, [ids[1]], 0.75))) == 1
    await session.commit()
    first, second, third = await store.recall(user_id, leaning(0))
    assert [first.id, second.id, third.id] == [ids[2], ids[1], ids[0]]
    assert [first.relevance, first.recency] == pytest.approx([0.98, 1], abs=1e-3)
    assert first.score == pytest.approx(first.relevance * first.recency_factor * first.importance_factor)
    assert (first.recalls, first.recalled_at is not None, first.extra_data) == (1, True, {"number": 2})
    assert [second.importance, second.importance_factor, second.recalls] == pytest.approx([0.75, 1.025, 0])
    assert [third.recency, third.recency_factor] == pytest.approx([0.5, 1], abs=1e-3)
    narrowed = await store.recall(user_id, leaning(0), k=1, tiers=[MemoryType.TASK], metadata={"number": 1})
    assert [found.id for found in narrowed] == [ids[1]]
    assert await store.recall(user_id, leaning(0), max_distance=0.005, tiers=[MemoryType.PERSONAL]) == []


async def test_filters_by_metadata_mean_what_they_mean_in_a_search(session: AsyncSession) -> None:
    user_id, ids = await filled(session)
    store = MemoryStore(session)
    (done,) = await store.add_many(
        [
            MemoryCreate(
                user_id=user_id,
                memory_type=MemoryType.TASK,
                content="a swim",
                embedding=leaning(0.5),
                extra_data={"done": True},
            )
        ]
    )
    await session.commit()
    for given, found in (
        ({"metadata": {"done": False}}, ids),
        ({"metadata": {"done": True}}, [done]),
        ({"metadata": {"number": None}}, [done]),
        ({"where": [Where("number", gte=1)]}, ids[1:]),
        ({"metadata": {"number": 2}, "where": [Where("done", exists=False)]}, ids[2:]),
    ):
        assert {one.id for one in await store.recall(user_id, leaning(0), **given)} == set(found)
        assert {one.id for one in await store.search(user_id, None, leaning(0), **given)} == set(found)


async def test_what_cannot_be_asked_is_refused_before_it_is_sent(session: AsyncSession) -> None:
    store = MemoryStore(session)
    for embedding in ([1.0], [float("nan")] * 1536, None):
        with pytest.raises(InvalidMemory):
            await store.recall(UUID(int=1), embedding)
    for given in ({"k": 0}, {"k": None}, {"k": 2.5}, {"max_distance": 3.0}, {"max_distance": "far"}):
        with pytest.raises(UsageError):
            await store.recall(UUID(int=1), leaning(0), **given)
        with pytest.raises(UsageError):
            await store.search(UUID(int=1), "a walk", **given)
    with pytest.raises(InvalidMemory):
        await store.noted(["no id"], user_id=UUID(int=1))  # type: ignore[list-item]


async def test_a_role_that_is_held_to_policies_recalls_and_notes_its_own(session: AsyncSession) -> None:
    user_id, ids = await filled(session)
    other_id, of_other = await filled(session)
    await session.execute(text("grant all on memories, memory_importance, memory_recall_weights to pg_monitor"))
    await session.execute(text("set role pg_monitor"))
    await session.commit()
    act_for(session, user_id)
    store = MemoryStore(session)
    assert await store.noted([*ids, *of_other], user_id=user_id) == 3
    assert await store.noted(of_other, user_id=other_id) == 0
    assert [found.recalls for found in await store.recall(user_id, leaning(0))] == [1, 1, 1]
    assert await store.recall(other_id, leaning(0)) == []
    await session.rollback()
    await session.execute(text("reset role"))


@pytest.mark.parametrize("method", ["recall", "noted"])
async def test_without_the_sets_it_says_what_is_missing(session_of_core: AsyncSession, method: str) -> None:
    store, id = MemoryStore(session_of_core), UUID(int=1)
    asked = store.recall(id, leaning(0)) if method == "recall" else store.noted([], user_id=id)
    with pytest.raises(DatabaseError, match="there is no function") as refused:
        await asked
    assert "--with importance" in (refused.value.hint or "")


async def test_a_set_that_is_applied_again_is_used_at_once(prepared: str, session: AsyncSession) -> None:
    user_id, _ = await filled(session)
    with database.connect(prepared, purpose="test") as other:
        other.execute("alter function recall_memories rename to rolled_back")
        with pytest.raises(DatabaseError, match="there is no function"):
            await MemoryStore(session).recall(user_id, leaning(0))
        await session.rollback()
        other.execute("alter function rolled_back rename to recall_memories")
    assert len(await MemoryStore(session).recall(user_id, leaning(0))) == 3


async def test_many_note_the_same_through_a_transaction_pooler(prepared: str, driver: str) -> None:
    with pooled(prepared) as conninfo:
        engine = create_engine(address(conninfo, driver), transaction_pooler=True)
        async with sessions(engine)() as session:
            user_id, ids = await filled(session)

        async def use(turn: int) -> int:
            async with sessions(engine).begin() as session:
                return await MemoryStore(session).noted(ids[:: 1 if turn % 2 else -1], user_id=user_id)

        assert await asyncio.gather(*map(use, range(8))) == [3] * 8
        async with sessions(engine)() as session:
            found = await MemoryStore(session).recall(user_id, leaning(0))
        assert [memory.recalls for memory in found] == [8, 8, 8]
        await engine.dispose()


async def test_memories_of_another_shape_are_recalled_alike(empty: str, driver: str, tmp_path: Path) -> None:
    shape = Shape(Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False), "halfvec", 768)
    models = shapes.models(shape)
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, shape)
        migrations.run(connection, shapes.write(tmp_path, shape), migrations.Migrate(chosen=SETS))
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        store = MemoryStore(session, models.memory)
        ids = await store.add_many(
            models.create(
                user_id=models.ids[0], memory_type=MemoryType.TASK, content="a", embedding=leaning(n / 10, 768)
            )
            for n in range(3)
        )
        assert await store.noted(ids[:2], user_id=models.ids[0]) == 2
        found = await store.recall(models.ids[0], leaning(0, 768))
        assert [(memory.id, memory.recalls) for memory in found] == [(ids[0], 1), (ids[1], 1), (ids[2], 0)]
    await engine.dispose()
