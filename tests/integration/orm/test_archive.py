"""A store replaces memories by newer ones, tells their history, and brings them back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import database, migrations
from memdb.errors import DatabaseError, DataError, InvalidMemory, UsageError
from memdb.models import MemoryType
from memdb.schemas import MemoryVersion
from memdb.shape import Shape, Users
from memdb.store import MemoryArchive, MemoryStore, create_engine, sessions
from memdb.store.found import Restored
from tests.helpers import address
from tests.integration.orm import shapes

pytestmark = pytest.mark.once

SHAPE = Shape(Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False), "halfvec", 4)
MODELS = shapes.models(SHAPE)
ANN, BOB, _ = MODELS.ids
THEN = datetime(2026, 1, 10, tzinfo=UTC)


def memory(content: str, numbers: list[float], **more: Any) -> Any:
    return MODELS.create(
        user_id=ANN, memory_type=MemoryType.PERSONAL, content=content, embedding=numbers, extra_data={"a": 1}, **more
    )


@pytest.fixture
async def session(empty: str, driver: str, tmp_path: Path) -> AsyncIterator[AsyncSession]:
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, SHAPE)
        migrations.run(connection, shapes.write(tmp_path, SHAPE), migrations.Migrate(chosen=("archive",)))
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


async def test_a_memory_is_replaced_found_in_the_archive_alone_and_comes_back(session: AsyncSession) -> None:
    store, archive = MemoryStore(session, MODELS.memory), MemoryArchive(session, MODELS.memory)
    old = await store.add(memory("lives in Berlin", [1, 0, 0, 0], created_at=datetime(2026, 1, 1, tzinfo=UTC)))
    new = await archive.supersede(old.id, memory("lives in Lisbon", [1, 0.1, 0, 0]), user_id=ANN, valid_to=THEN)
    old.content = "not written any more"
    newest = (await store.add(memory("lives in Porto", [1, 0.2, 0, 0]))).id
    assert await archive.supersede(new, newest, user_id=ANN) == newest
    query = MODELS.query(user_id=ANN, embedding=[1, 0, 0, 0])
    assert [found.id for found in await store.nearest(query)] == [newest]
    versions = await archive.versions(new, user_id=ANN)
    assert [(each.content, each.reason, each.replaced_by) for each in versions] == [
        ("lives in Berlin", "superseded", new), ("lives in Lisbon", "superseded", newest),
        ("lives in Porto", None, None),
    ]  # fmt: skip
    first, second, last = versions
    assert (first.memory_type, first.valid_to, second.valid_from, last.valid_to) == (
        MemoryType.PERSONAL, THEN, THEN, None
    )  # fmt: skip
    assert MemoryVersion.model_validate(first).model_dump(mode="json")["valid_to"] == "2026-01-10T00:00:00Z"
    found = await archive.search(
        ANN, [1, 0, 0, 0], metadata={"a": 1}, tiers=[MemoryType.PERSONAL], valid_at=first.valid_from
    )
    assert [(each.id, each.distance, each.extra_data) for each in found] == [(old.id, 0, {"a": 1})]
    assert await archive.restore([old.id, newest], user_id=ANN) == [Restored(old.id, "superseded", new, True)]
    assert (await store.get(old.id)).content == "lives in Berlin"  # type: ignore[union-attr]
    await session.commit()
    assert [each.id for each in await archive.search(ANN, [1, 0, 0, 0], k=1)] == [new]


async def test_what_cannot_be_is_refused_and_others_see_nothing(session: AsyncSession) -> None:
    store, archive = MemoryStore(session, MODELS.memory), MemoryArchive(session, MODELS.memory)
    old, new = await store.add_many([memory("old", [1, 0, 0, 0]), memory("new", [1, 0, 0, 0])])
    await archive.supersede(old, new, user_id=ANN)
    await session.commit()
    assert list(await archive.versions(old, user_id=BOB)) == list(await archive.search(BOB, [1, 0, 0, 0])) == []
    assert await archive.restore([old], user_id=BOB) == []
    for gone, by, user in ((old, new, ANN), (new, UUID(int=5), ANN), (new, new, BOB)):
        with pytest.raises((DataError, InvalidMemory), match=r"not among the memories|by another one") as refused:
            await archive.supersede(gone, by, user_id=user)
        assert refused.value.hint or by == gone
        await session.rollback()
    wrong: dict[str, Any]
    for wrong in ({"reasons": ["old"]}, {"reasons": []}, {"metadata": {"a": None}}, {"k": 0}):
        with pytest.raises(UsageError):
            await archive.search(ANN, [1, 0, 0, 0], **wrong)
    for never in ({"valid_at": datetime(2026, 1, 1)}, {"embedding": [1]}):  # noqa: DTZ001
        with pytest.raises(InvalidMemory):
            await archive.search(ANN, **({"embedding": [1, 0, 0, 0]} | never))


async def test_without_the_set_it_is_said_which_one_is_missing(session: AsyncSession) -> None:
    archive = MemoryArchive(session, MODELS.memory)
    for name in ("supersede_memory", "restore_memories", "memory_versions", "search_memory_archive"):
        await session.execute(text(f"drop function {name}"))
    await session.commit()
    for call in (
        lambda: archive.supersede(UUID(int=1), UUID(int=2), user_id=ANN),
        lambda: archive.restore([UUID(int=1)], user_id=ANN),
        lambda: archive.versions(UUID(int=1), user_id=ANN),
        lambda: archive.search(ANN, [1, 0, 0, 0]),
    ):
        with pytest.raises(DatabaseError, match="there is no function") as refused:
            await call()
        assert refused.value.hint == "Apply the set: memdb migrate --with archive"
        await session.rollback()
