"""A store forgets a user, in a transaction with what else an application does."""

from pathlib import Path

import pytest
from sqlalchemy import text

from memdb import database, migrations
from memdb.errors import DatabaseError, InvalidMemory, UnknownUser
from memdb.models import MemoryType
from memdb.shape import Shape, Users
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address
from tests.integration.orm import shapes

pytestmark = pytest.mark.once

SHAPE = Shape(Users("crm.accounts", "account_id", "varchar(40)", may_be_made=False), "halfvec", 768)


async def test_a_store_forgets_one_user_and_only_them(empty: str, driver: str, tmp_path: Path) -> None:
    models = shapes.models(SHAPE)
    with database.connect(empty, purpose="test") as connection:
        shapes.make_users(connection, SHAPE)
        migrations.run(connection, shapes.write(tmp_path, SHAPE), migrations.Migrate(chosen=("erasure", "retention")))
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        store, (ann, bob, nobody) = MemoryStore(session, models.memory), models.ids
        ids = {
            user: (await store.add(models.create(user_id=user, memory_type=MemoryType.TASK, content="a"))).id
            for user in (ann, bob)
        }
        await store.pin([ids[ann]], user_id=ann)
        assert await store.forget(ann) == {
            "public.memories": 1,
            "public.memory_collections": 0,
            "public.memory_retention": 1,
        }
        assert await store.get(ids[ann]) is None
        assert (await session.scalars(text("select count(*) from crm.accounts"))).one() == 2
        await session.commit()
        with pytest.raises(UnknownUser, match=f"no user {nobody}"):
            await store.forget(nobody)
        await session.rollback()
        with pytest.raises(InvalidMemory, match="identifies nobody"):
            await store.forget("")
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        with pytest.raises(DatabaseError, match="would not be seen, nor deleted") as refused:
            await store.forget(bob)
        assert refused.value.hint == (
            "Nothing was deleted. Have the engine begin transactions at the level READ COMMITTED."
        )
        await session.rollback()
        await session.execute(text("drop function forget_user"))
        with pytest.raises(DatabaseError, match="no function forget_user") as refused:
            await store.forget(bob)
        assert refused.value.hint == "Apply the set: memdb migrate --with erasure"
        await session.rollback()
        assert await store.get(ids[bob]) is not None
    await engine.dispose()
