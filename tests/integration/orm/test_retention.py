"""A store pins memories, and says when they expire."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from memdb import database, migrations
from memdb.errors import DatabaseError, InvalidMemory
from memdb.models import MemoryType
from memdb.schemas import MemoryQuery, MemoryUpdate
from memdb.shape import Shape, Users
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address
from tests.integration.orm import shapes

pytestmark = pytest.mark.once

SHAPE = Shape(Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False), "halfvec", 768)
NEAR = [1.0] * 768


async def test_a_store_says_which_memories_stay_and_which_go(empty: str, driver: str, tmp_path: Path) -> None:
    models = shapes.models(SHAPE)
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, SHAPE)
        migrations.run(connection, shapes.write(tmp_path, SHAPE), migrations.Migrate(chosen=("retention",)))
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        store, (ann, bob, *_) = MemoryStore(session, models.memory), models.ids
        ids = await store.add_many(
            models.create(user_id=ann, memory_type=MemoryType.TASK, content="a", embedding=NEAR) for _ in range(3)
        )
        assert await store.pin([*ids[:2], UUID(int=5)], user_id=ann) == 2
        assert await store.pin(ids, user_id=bob) == 0
        assert await store.expire(ids[1:], datetime.now(UTC), user_id=ann) == 2
        assert await store.pin(ids[2:], user_id=ann, pinned=False) == 1
        kept = text("select memory_id, pinned, expires_at is null from memory_retention order by memory_id")
        assert (await session.execute(kept)).all() == [
            (id, pinned, pinned) for id, pinned in zip(ids, (True, False, False), strict=True)
        ]
        assert await store.expire(ids, None, user_id=ann) == 3
        for never in (datetime(2026, 1, 1), datetime.min.replace(tzinfo=UTC)):  # noqa: DTZ001
            with pytest.raises(InvalidMemory):
                await store.expire(ids, never, user_id=ann)
        assert await store.expire(ids[:1], datetime.now(UTC), user_id=ann) == 1
        assert await store.get(ids[0], user_id=ann) is await store.get(ids[0]) is None
        assert await store.update(ids[0], MemoryUpdate(content="b")) is None
        assert {memory.id for memory in await store.get_many(ids)} == set(ids[1:])
        assert {memory.id for memory in await store.list(MemoryQuery[Any](user_id=ann))} == set(ids[1:])
        assert {memory.id for memory in await store.search(ann, "a")} == set(ids[1:])
        near = await store.nearest(models.query(user_id=ann, embedding=NEAR))
        assert {memory.id for memory in near} == set(ids[1:])
        again = models.create(id=ids[0], user_id=ann, memory_type=MemoryType.TASK, content="again")
        assert await store.upsert_many([again]) == ids[:1]  # another memory, which does not expire
        assert (await store.get(ids[0])) is not None
        await session.execute(text("drop function pin_memories"))
        with pytest.raises(DatabaseError, match="no function pin_memories") as refused:
            await store.pin(ids, user_id=ann)
        assert refused.value.hint == "Apply the set: memdb migrate --with retention"
    await engine.dispose()
