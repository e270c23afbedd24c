"""A store leaves out memories whose text is there already, also if several add it at a time."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import database, migrations
from memdb.errors import DatabaseError, InvalidMemory
from memdb.models import MemoryType
from memdb.shape import Shape, Users
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address
from tests.integration.orm import shapes

pytestmark = pytest.mark.once

SHAPE = Shape(Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False), "halfvec", 768)


async def test_what_a_user_has_already_is_left_out(empty: str, driver: str, tmp_path: Path) -> None:
    models = shapes.models(SHAPE)
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, SHAPE)
        migrations.run(connection, shapes.write(tmp_path, SHAPE), migrations.Migrate(chosen=("deduplication",)))
    engine = create_engine(address(empty, driver))
    ann, bob, *_ = models.ids

    def said(content: str, user: Any = ann, id: UUID | None = None) -> Any:
        return models.create(user_id=user, memory_type=MemoryType.TASK, content=content, id=id)

    async with sessions(engine).begin() as session:
        store = MemoryStore(session, models.memory)
        first = await store.add(said("I like tea"), skip_duplicates=True)
        assert first is not None
        assert await store.add(said(" I like\u3000\ntea"), skip_duplicates=True) is None
        given = [said("I like tea"), said("I like tea", bob), said("b"), said("I LIKE tea"), said("b "), said("c")]
        ids = await store.add_many(given, skip_duplicates=True)
        contents = [memory.content for memory in await store.get_many(ids)]
        assert contents == ["I like tea", "b", "I LIKE tea", "c"]
        assert await store.add_many(given, skip_duplicates=True) == []
        assert await store.add_many([], skip_duplicates=True) == []
        assert await store.add(said("d", id=first.id), skip_existing=True, skip_duplicates=True) is None
        with pytest.raises(InvalidMemory, match=r"memory 2 \(counted from 0, id"):
            await store.add_many([said("c"), said("e"), said("f", id=first.id)], skip_duplicates=True)
        assert await store.add_many([said("b")]) != []  # what is not asked for is not done

    async def once(session: AsyncSession) -> list[UUID]:
        async with session.begin():
            given = [said(f"at a time {n}") for n in range(20)]
            return await MemoryStore(session, models.memory).add_many(given, skip_duplicates=True)

    async with sessions(engine)() as one, sessions(engine)() as two, sessions(engine)() as three:
        added = await asyncio.gather(*map(once, (one, two, three)))
    assert sorted(map(len, added)) == [0, 0, 20]
    async with sessions(engine)() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        with pytest.raises(DBAPIError, match="does not see what others have added"):
            await MemoryStore(session, models.memory).add(said("g"), skip_duplicates=True)
    async with sessions(engine)() as session:
        await session.execute(text("drop function take_turns_adding cascade"))
        with pytest.raises(DatabaseError, match="no function take_turns_adding") as refused:
            await MemoryStore(session, models.memory).add(said("g"), skip_duplicates=True)
        assert refused.value.hint == "Apply the set: memdb migrate --with deduplication"
    await engine.dispose()
