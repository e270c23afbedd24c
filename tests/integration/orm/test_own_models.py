"""What an application adds to the classes that it makes of the mixins: columns, constraints, a schema."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import CheckConstraint, Index, MetaData
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from memdb import database, migrations
from memdb.database import Connection
from memdb.errors import UsageError
from memdb.ledger.sqlfiles import Sets
from memdb.models import MemoryCollectionMixin, MemoryMixin, MemoryType, UserMixin
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address

AHEAD = [1.0] * 1536


def a_memory(user_id: UUID) -> MemoryCreate:
    return MemoryCreate(user_id=user_id, memory_type=MemoryType.TASK, content="a walk", embedding=AHEAD)


async def add_in_each_way(session: AsyncSession, model: Any, user_id: UUID) -> None:
    store: MemoryStore[Any] = MemoryStore(session, model)
    await store.add(a_memory(user_id))
    await store.add_many([a_memory(user_id)])
    await store.add_many([a_memory(user_id)], skip_existing=True)


async def test_a_default_in_python_holds_whichever_way_a_memory_comes(
    session: AsyncSession, user_id: UUID, connection: Connection
) -> None:
    class Own(DeclarativeBase): ...

    class User(UserMixin, Own):
        __tablename__ = "users"
        id: Mapped[UUID] = mapped_column(primary_key=True)

    class MemoryCollection(MemoryCollectionMixin, Own): ...

    class Memory(MemoryMixin, Own):
        mood: Mapped[str | None] = mapped_column(default="calm")

    connection.execute("alter table memories add mood text default 'none'")
    await add_in_each_way(session, Memory, user_id)
    await session.commit()
    assert connection.execute("select mood from memories").fetchall() == [("calm",)] * 3


@pytest.mark.parametrize("chosen", [(), ("fast_search",)])
async def test_memories_are_stored_and_found_in_the_schema_that_models_name(
    empty_connection: Connection, empty: str, driver: str, sets: Sets, chosen: tuple[str, ...]
) -> None:
    class Own(DeclarativeBase):
        metadata = MetaData(schema="Of Sam")

    class User(UserMixin, Own):
        __tablename__ = "users"
        id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)

    class MemoryCollection(MemoryCollectionMixin, Own): ...

    class Memory(MemoryMixin, Own): ...

    empty_connection.execute('create schema "Of Sam"')
    database.use_schema(empty_connection, "Of Sam")
    migrations.migrate(empty_connection, sets, chosen=chosen)
    engine = create_engine(address(empty, driver))
    async with sessions(engine).begin() as session:
        user = User()
        session.add(user)
        await session.flush()
        await add_in_each_way(session, Memory, user.id)
        store = MemoryStore(session, Memory)
        for memory in await store.list(MemoryQuery(user_id=user.id, memory_types=[MemoryType.TASK], limit=1)):
            memory.memory_type = MemoryType.PROJECT
        query = MemorySimilarityQuery(user_id=user.id, memory_types=[MemoryType.TASK], embedding=AHEAD)
        assert len(await store.nearest(query)) == 2
    await engine.dispose()


async def test_tables_with_further_constraints_are_left_to_migrations(empty: str, driver: str) -> None:
    class Own(DeclarativeBase): ...

    class User(UserMixin, Own):
        __tablename__ = "users"
        id: Mapped[UUID] = mapped_column(primary_key=True)

    class Memory(MemoryMixin, Own):
        mood: Mapped[str | None]
        __table_args__ = (Index("ix_memories_mood", "mood"), CheckConstraint("mood <> ''"))

    class MemoryCollection(MemoryCollectionMixin, Own):
        __table_args__ = ({"schema": "other"},)

    for table in (Own.metadata.tables[name] for name in ("memories", "other.memory_collections")):
        assert table.primary_key.name == f"{table.name}_pkey"
        engine = create_engine(address(empty, driver))
        with pytest.raises(UsageError, match="about to create or drop"):
            async with engine.begin() as opened:
                await opened.run_sync(table.create)
        await engine.dispose()
