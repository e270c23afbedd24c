"""What an application adds to the classes that it makes of the mixins: columns, constraints, a schema."""

import contextlib
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, MetaData, Numeric, Text, Uuid, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from memdb import database, migrations
from memdb.database import Connection
from memdb.errors import InvalidMemory, UsageError
from memdb.ledger.sqlfiles import Sets
from memdb.models import MemoryCollectionMixin, MemoryMixin, MemoryType, UserMixin
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address

pytestmark = pytest.mark.once

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


class Felt(MemoryCreate):
    """What an application stores beside: a column of its own."""

    mood: str


async def test_further_fields_of_a_schema_are_stored_in_columns_of_their_names(
    session: AsyncSession, user_id: UUID, connection: Connection
) -> None:
    class Own(DeclarativeBase): ...

    class User(UserMixin, Own):
        __tablename__ = "users"
        id: Mapped[UUID] = mapped_column(primary_key=True)

    class MemoryCollection(MemoryCollectionMixin, Own): ...

    class Memory(MemoryMixin, Own):
        mood: Mapped[str | None]

    connection.execute("alter table memories add mood text default 'none'")
    store = MemoryStore(session, Memory)
    felt = Felt(**a_memory(user_id).model_dump(by_alias=False), mood="calm")
    await store.add(felt)
    assert len(await store.add_many(felt for _ in range(70))) == 70
    await store.add_many([felt, a_memory(user_id)], skip_existing=True)
    with pytest.raises(InvalidMemory, match=r"^memory 1 .* has fields that the first lacks: mood"):
        await store.add_many([a_memory(user_id), felt])
    await session.commit()
    moods = connection.execute("select mood, count(*) from memories group by mood order by mood").fetchall()
    assert moods == [("calm", 72), ("none", 1)]


@pytest.mark.parametrize("skip_existing", [False, True])
async def test_what_no_column_could_hold_is_refused(session: AsyncSession, user_id: UUID, skip_existing: bool) -> None:
    store = MemoryStore(session)
    felt = Felt(**a_memory(user_id).model_dump(by_alias=False), mood="calm")
    with pytest.raises(InvalidMemory, match="Felt has fields that Memory lacks: mood"):
        await store.add(felt, skip_existing=skip_existing)
    no_memory: Any = dict(felt)
    for memories, position in (([felt], 0), ([no_memory], 0), ([a_memory(user_id), no_memory], 1)):
        with pytest.raises(InvalidMemory, match=rf"^memory {position} \(counted from 0\)"):
            await store.add_many(memories, skip_existing=skip_existing)


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


@pytest.mark.parametrize("first", ["users", "memories"])
def test_memories_refer_to_the_users_of_the_application_whichever_class_comes_first(first: str) -> None:
    class Own(DeclarativeBase): ...

    def owner() -> Any:
        class User(UserMixin, Own):
            __tablename__ = "auth_user"
            __table_args__ = ({"schema": "auth"},)
            number: Mapped[int] = mapped_column(BigInteger, primary_key=True)

        return User

    users = owner() if first == "users" else None

    class Memory(MemoryMixin[int], Own): ...

    class MemoryCollection(MemoryCollectionMixin[int], Own): ...

    users = users or owner()
    for model in (Memory, MemoryCollection):
        table = Own.metadata.tables[model.__tablename__]
        (key,) = table.foreign_keys
        assert (key.target_fullname, key.name) == ("auth.auth_user.number", f"{table.name}_user_id_fkey")
        assert isinstance(table.c.user_id.type, BigInteger)
    assert str(select(Memory).join(users)).endswith("JOIN auth.auth_user ON auth.auth_user.number = memories.user_id")


@pytest.mark.parametrize(
    ("key", "said", "refusal"),
    [
        (Uuid, UUID, None),
        (BigInteger, UUID, "Memory is a MemoryMixin[UUID], and the key of its users is bigint"),
        (Text, int, "Memory is a MemoryMixin[int], and the key of its users is text"),
    ],
)
def test_a_parameter_that_type_checkers_would_believe_is_the_type_of_the_key(
    key: Any, said: Any, refusal: str | None
) -> None:
    class Own(DeclarativeBase): ...

    user = type("User", (UserMixin, Own), {"__tablename__": "users", "id": mapped_column(key, primary_key=True)})
    refused = contextlib.nullcontext() if refusal is None else pytest.raises(UsageError, match=re.escape(refusal))
    with refused:

        class Memory(MemoryMixin[said], Own): ...

    assert user in [mapper.class_ for mapper in Own.registry.mappers]


def test_memories_refer_to_the_column_id_or_to_the_only_key_or_as_the_application_says() -> None:
    def refers(columns: dict[str, Any], of_memory: dict[str, Any]) -> tuple[str, str]:
        class Own(DeclarativeBase): ...

        user = type("User", (UserMixin, Own), {"__tablename__": "users", **columns})
        memory = type("Memory", (MemoryMixin, Own), of_memory)
        assert user.__name__ == "User"
        (key,) = memory.__table__.foreign_keys  # type: ignore[attr-defined]
        return key.target_fullname, shape_of(memory).users.key_type

    def number(**options: Any) -> Any:
        return mapped_column(Integer, **options)

    assert refers({"pk": number(primary_key=True), "id": mapped_column(Uuid, unique=True)}, {}) == ("users.id", "uuid")
    assert refers({"pk": number(primary_key=True)}, {}) == ("users.pk", "integer")
    own = {"user_id": mapped_column(Integer, ForeignKey("users.code"))}
    assert refers({"id": mapped_column(Uuid, primary_key=True), "code": number()}, own) == ("users.code", "integer")
    with pytest.raises(UsageError, match="memories refer to one column, and the primary key of users has 2"):
        refers({"a": number(primary_key=True), "b": number(primary_key=True)}, {})
    with pytest.raises(UsageError, match=r"memories cannot refer to users.id: .* cannot have the type 'NUMERIC'"):
        refers({"id": mapped_column(Numeric, primary_key=True)}, {})
