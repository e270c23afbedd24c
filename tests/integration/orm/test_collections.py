"""A store gathers memories in collections, and finds them there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import database, migrations
from memdb.errors import DatabaseError, InvalidMemory, UnknownUser
from memdb.models import MemoryType
from memdb.schemas import (
    MemoryCollectionCreate,
    MemoryCollectionResponse,
    MemoryCollectionUpdate,
    MemoryQuery,
    MemorySimilarityQuery,
)
from memdb.shape import Shape, Users
from memdb.store import CollectionStore, MemoryStore, create_engine, sessions
from memdb.values import Where
from tests.helpers import address
from tests.integration.orm import shapes

SHAPE = Shape(Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False), "halfvec", 3)
MODELS = shapes.models(SHAPE)
ANN, BOB, NOBODY = MODELS.ids
TEXTS = ("a walk by the sea", "the sea at night", "bread and butter", "a walk at night")


@pytest.fixture(
    params=[("collections",), ("collections", "fast_search", "hybrid_search", "row_security")], ids="+".join
)
async def session(
    request: pytest.FixtureRequest, empty: str, driver: str, tmp_path: Path
) -> AsyncIterator[AsyncSession]:
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, SHAPE)
        migrations.run(connection, shapes.write(tmp_path, SHAPE), migrations.Migrate(chosen=request.param))
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


def collection(name: str, user: Any = ANN) -> MemoryCollectionCreate[str]:
    return MemoryCollectionCreate[str](user_id=user, collection_type="journal", name=name)


async def remembered(store: MemoryStore[Any], user: Any = ANN) -> list[UUID]:
    return await store.add_many(
        MODELS.create(
            user_id=user,
            memory_type=MemoryType.TASK,
            content=text,
            embedding=[1, n, 0] if n < 3 else None,
            extra_data={"n": n},
        )
        for n, text in enumerate(TEXTS)
    )


async def test_memories_are_gathered_listed_and_searched_within_a_collection(session: AsyncSession) -> None:
    memories, collections = MemoryStore(session, MODELS.memory), CollectionStore(session, MODELS.collection)
    ids, others = await remembered(memories), await remembered(memories, BOB)
    made = await collections.create(collection("Walks"))
    assert await collections.add(made.id, [ids[3], ids[1], ids[2], *others, UUID(int=1)], user_id=ANN) == 3
    assert await collections.add(made.id, ids[1:], user_id=ANN) == 0
    assert await collections.add(made.id, others, user_id=BOB) == 0
    await session.commit()

    listed = await memories.list(MemoryQuery[str](user_id=ANN, collection_id=made.id))
    assert {memory.id for memory in listed} == {*ids[1:]}
    question: dict[str, Any] = {"user_id": ANN, "embedding": [1, 0, 0], "collection_id": made.id}
    for _ in range(2):  # once as the first statement of a transaction, which goes past SQLAlchemy
        near = await memories.nearest(MODELS.query(**question))
        assert [found.id for found in near] == [ids[1], ids[2]]
        await session.commit()
    narrowed = MODELS.query(**question, where=[Where(path=["n"], gte=2)], max_distance=0.9)
    assert [found.id for found in await memories.nearest(narrowed)] == [ids[2]]
    assert await memories.nearest(MODELS.query(**{**question, "user_id": BOB})) == []

    both = await memories.search(ANN, "a walk by the sea", [1, 2, 0], collection=made.id)
    assert {found.id for found in both} == {*ids[1:]}
    assert both[0].id in ids[1:3]
    words = await memories.search(ANN, "walk", metadata={"n": 3}, collection=made.id)
    assert [found.id for found in words] == [ids[3]]
    assert await memories.search(BOB, "walk", collection=made.id) == []
    await collections.get(made.id, user_id=ANN)  # so what follows is in a transaction, and goes through SQLAlchemy
    assert [found.id for found in await memories.search(ANN, "a walk by the sea", [1, 2, 0], collection=made.id)] == [
        found.id for found in both
    ]

    assert await collections.remove(made.id, ids[:2], user_id=BOB) == 0
    assert await collections.remove(made.id, ids[:2], user_id=ANN) == 1
    assert len(await memories.list(MemoryQuery[str](user_id=ANN, collection_id=made.id))) == 2
    assert await collections.delete(made.id, user_id=ANN)
    assert await memories.list(MemoryQuery[str](user_id=ANN, collection_id=made.id)) == []
    assert len(await memories.list(MemoryQuery[str](user_id=ANN))) == 4


@pytest.mark.once
async def test_collections_are_made_listed_changed_and_deleted_by_their_user(session: AsyncSession) -> None:
    collections = CollectionStore(session, MODELS.collection)
    first, second = await collections.create(collection("One")), await collections.create(collection("Two"))
    assert await collections.create(collection("His", BOB))
    assert {found.id for found in await collections.list(ANN)} == {first.id, second.id}
    assert await collections.get(first.id, user_id=BOB) is None
    change = MemoryCollectionUpdate(name="Three", description="what helps")
    assert (await collections.update(first.id, change, user_id=BOB)) is None
    changed = await collections.update(first.id, change, user_id=ANN)
    assert changed == first
    shown = MemoryCollectionResponse[str].model_validate(first)
    assert (shown.name, shown.description, shown.collection_type) == ("Three", "what helps", "journal")
    assert await collections.update(second.id, MemoryCollectionUpdate(), user_id=ANN) is second
    assert not await collections.delete(first.id, user_id=BOB)
    assert await collections.delete(first.id, user_id=ANN)
    assert await collections.get(first.id, user_id=ANN) is None
    for nonsense in (lambda: collections.list(""), lambda: collections.get(7, user_id=ANN)):  # type: ignore[arg-type]
        with pytest.raises(InvalidMemory):
            await nonsense()
    with pytest.raises(UnknownUser):
        await collections.create(collection("Hers", NOBODY))


async def test_without_the_set_it_is_said_which_one_is_missing(migrated: str) -> None:
    engine = create_engine(address(migrated, "asyncpg"))
    nobody, nothing = UUID(int=1), UUID(int=2)
    query = MemorySimilarityQuery(user_id=nobody, embedding=[1.0] * 1536, collection_id=nothing)
    async with sessions(engine)() as session:
        for ask in (
            lambda: MemoryStore(session).nearest(query),
            lambda: MemoryStore(session).search(nobody, "walk", collection=nothing),
            lambda: CollectionStore(session).add(nothing, [nothing], user_id=nobody),
        ):
            with pytest.raises(DatabaseError) as refused:
                await ask()
            assert refused.value.hint == "Apply the set: memdb migrate --with collections"
            await session.rollback()
        with pytest.raises(DatabaseError, match="memory_collection_members"):
            await MemoryStore(session).list(MemoryQuery(user_id=nobody, collection_id=nothing))
    await engine.dispose()
