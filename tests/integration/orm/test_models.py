"""The models on a real database: what they write, what is deleted with what, and what they refuse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from pgvector import Vector
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from memdb import migrations
from memdb.database import Connection
from memdb.errors import InvalidMemory, UsageError
from memdb.ledger.sqlfiles import Sets
from memdb.models import Base, Memory, MemoryCollection, MemoryType, User
from memdb.store import create_engine, sessions
from tests import application
from tests.helpers import address, vectors

pytestmark = pytest.mark.once


def a_memory(user_id: UUID, **values: Any) -> Memory:
    return Memory(**{"user_id": user_id, "memory_type": MemoryType.TASK, "content": "a walk", **values})


async def test_the_acceptance_example_of_the_story(migrated: str, connection: Connection) -> None:
    """With SQLAlchemy's own engine and session, as the story has them."""
    user_id = uuid4()
    connection.execute("insert into users (id) values (%s)", [user_id])
    engine = create_async_engine(address(migrated, "asyncpg").replace("dbname=", "database="))
    async with AsyncSession(engine) as session:
        memory = Memory(
            user_id=user_id,
            memory_type=MemoryType.PERSONAL,
            content="I prefer working in the morning",
            embedding=[0.1] * 1536,
            extra_data={"source": "preferences"},
        )
        session.add(memory)
        await session.commit()

        result = await session.execute(select(Memory).where(Memory.user_id == user_id))
        memories = result.scalars().all()
        assert len(memories) == 1
        assert memories[0].content == "I prefer working in the morning"
        assert memories[0].memory_type == MemoryType.PERSONAL
        assert memories[0].embedding == [0.1] * 1536
        assert memories[0].extra_data == {"source": "preferences"}
    await engine.dispose()
    stored = connection.execute("select memory_type::text, metadata from memories").fetchall()
    assert stored == [("personal", {"source": "preferences"})]


async def test_a_memory_is_made_read_changed_and_deleted(session: AsyncSession, user_id: UUID) -> None:
    memory = a_memory(user_id, embedding=vectors(1)[0])
    session.add(memory)
    await session.commit()
    assert isinstance(memory.id, UUID)
    assert isinstance(memory.created_at, datetime)
    assert (memory.created_at.tzinfo is not None, memory.extra_data) == (True, {})
    session.expunge_all()
    read = await session.get_one(Memory, memory.id)
    assert read.embedding == pytest.approx(memory.embedding, rel=1e-6)
    read.content, read.memory_type = "a run", MemoryType.PROJECT
    read.extra_data = {"source": "chat"}
    read.extra_data["seen"] = True
    await session.commit()
    read.extra_data["seen"] = False
    await session.commit()
    session.expunge_all()
    changed = await session.get_one(Memory, memory.id)
    assert (changed.content, changed.memory_type) == ("a run", MemoryType.PROJECT)
    assert changed.extra_data == {"source": "chat", "seen": False}
    changed.extra_data = None
    await session.commit()
    assert await session.scalar(select(func.count()).where(Memory.extra_data.is_(None))) == 1
    await session.delete(changed)
    await session.commit()
    assert await session.get(Memory, memory.id) is None


async def test_users_and_collections_are_made_changed_and_deleted(session: AsyncSession, user_id: UUID) -> None:
    user = await session.get_one(User, user_id)
    user.memory_collections.append(MemoryCollection(collection_type="journal", name="Mornings"))
    await session.commit()
    (collection,) = (await session.scalars(select(MemoryCollection))).all()
    assert (collection.user_id, collection.description) == (user_id, None)
    collection.description = "what helps"
    await session.commit()
    user.memory_collections.remove(collection)
    await session.commit()
    assert (await session.scalars(select(MemoryCollection))).all() == []
    await session.delete(user)
    await session.commit()
    assert await session.get(User, user_id) is None


async def test_deleting_a_user_deletes_all_of_theirs_and_nothing_else(session: AsyncSession, user_id: UUID) -> None:
    other = User(memories=[Memory(memory_type="task", content="stays")])
    user = await session.get_one(User, user_id)
    collection = MemoryCollection(user=user, collection_type="journal", name="Evenings")
    session.add_all([other, collection, *(a_memory(user_id) for _ in range(3))])
    await session.commit()
    await session.delete(user)  # the memories are not loaded for it
    await session.commit()
    left = await session.scalars(select(Memory.content))
    assert (left.all(), (await session.scalars(select(MemoryCollection))).all()) == (["stays"], [])
    await session.execute(text("delete from users"))
    assert await session.scalar(select(func.count()).select_from(Memory)) == 0


async def test_loaded_memories_are_deleted_with_their_user_too(session: AsyncSession, user_id: UUID) -> None:
    session.add_all([a_memory(user_id), a_memory(user_id)])
    await session.commit()
    session.expunge_all()
    user = (await session.scalars(select(User).options(selectinload(User.memories)))).one()
    assert len(user.memories) == 2
    user.memories.pop()
    await session.commit()
    await session.delete(user)
    await session.commit()
    assert await session.scalar(select(func.count()).select_from(Memory)) == 0


async def test_nothing_is_loaded_lazily_outside_of_the_async_context(engine: AsyncEngine, user_id: UUID) -> None:
    async with sessions(engine)() as session:
        memory = a_memory(user_id)
        session.add_all([memory, MemoryCollection(user_id=user_id, collection_type="journal", name="Evenings")])
        await session.commit()
        assert (memory.content, memory.extra_data) == ("a walk", {})  # not expired by the commit
    async with sessions(engine)() as session:
        user = (await session.scalars(select(User))).one()
        found = (await session.scalars(select(Memory).options(selectinload(Memory.user)))).one()
        assert user.memory_collections[0].user is user  # it is in the session already
    assert [collection.name for collection in user.memory_collections] == ["Evenings"]
    assert found.user is user


@pytest.mark.parametrize("form", [list, tuple, np.array, lambda numbers: np.array(numbers, np.float32), Vector])
def test_an_embedding_may_come_as_list_array_or_vector(form: Any) -> None:
    numbers = [0.5, *[0.25] * 1535]
    assert Memory(embedding=form(numbers)).embedding == numbers
    assert Memory(embedding=None).embedding is None


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        ([0.1] * 768, "1536 numbers, but this one has 768"),
        ([], "this one has 0"),
        (np.ones((2, 1536)), "the shape 2 x 1536"),
        ([float("nan")] * 1536, "number 0 .* is nan"),
        ([1.0, float("inf")] * 768, "number 1 .* is inf"),
        (np.full(1536, 1e39), "is inf"),
        ([0.0] * 1536, "all zeros"),
        ([1e-60] * 1536, "all zeros"),
        (["x"] * 1536, "a list of 1536 numbers"),
        ("[0.1]", "is str"),
        (7, "not iterable"),
    ],
)
def test_an_embedding_that_cannot_be_right_is_refused_on_assignment(embedding: Any, message: str) -> None:
    memory = Memory()
    with pytest.raises(InvalidMemory, match=message):
        memory.embedding = embedding


def test_an_unknown_tier_and_metadata_that_are_no_object_are_refused_on_assignment() -> None:
    with pytest.raises(InvalidMemory, match="no tier 'forever'") as error:
        Memory(memory_type="forever")
    assert "personal, project, task" in error.value.hint
    with pytest.raises(InvalidMemory, match="must be an object, but is list"):
        Memory(extra_data=["source"])
    assert Memory(memory_type="task").memory_type is MemoryType.TASK


REFUSED: dict[str, tuple[Any, ...]] = {
    "id": ("sam", 7),
    "user_id": ("sam", 7),
    "memory_type": ("forever", None),
    "content": ("", " \n", "a\0", "\ud83d", b"a walk", None, "x" * 10_001),
    "embedding": ([0.1], [0.0] * 1536, [1e25] * 1536),
    "extra_data": ("{}", {"a": float("nan")}, {"a": {"b": ["\0"]}}, {"a": uuid4()}, {1: 2}),
    "created_at": (datetime(2024, 1, 1, 12), date(2024, 1, 1), "2024-01-01", datetime.min.replace(tzinfo=UTC)),  # noqa: DTZ001
    "accessed_at": (datetime(2024, 1, 1, 12), date(2024, 1, 1), 1704067200),  # noqa: DTZ001
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_stored_is_refused_on_assignment(name: str) -> None:
    for value in REFUSED[name]:
        with pytest.raises(InvalidMemory, match=name if name != "memory_type" else "tier"):
            Memory(**{name: value})
        memory = Memory()
        with pytest.raises(InvalidMemory):
            setattr(memory, name, value)
        assert getattr(memory, name) is None


def test_collections_are_held_to_their_columns_on_assignment() -> None:
    refused = {"name": ("", " ", "x" * 256, "\0"), "collection_type": ("", "x" * 51, None), "description": ("\0", 7)}
    for name, wrong in refused.items():
        for value in wrong:
            with pytest.raises(InvalidMemory, match=name):
                MemoryCollection(**{name: value})
    assert MemoryCollection(name=" Mornings ", description="").name == " Mornings "
    for model in (MemoryCollection, User):
        with pytest.raises(InvalidMemory, match="created_at"):
            model(created_at=datetime(2024, 1, 1))  # noqa: DTZ001


def test_what_sql_is_to_compute_is_left_to_it() -> None:
    for value in (func.now(), text("now()"), func.now() - timedelta(days=1), select(func.now()).scalar_subquery()):
        memory: Any = Memory(created_at=value, content=func.upper("a"))
        assert memory.created_at is value


NAIVE, DAY = datetime(2024, 1, 1, 12), date(2024, 1, 1)  # noqa: DTZ001


async def test_what_changes_in_place_is_refused_when_it_is_written(session: AsyncSession, user_id: UUID) -> None:
    memory = a_memory(user_id, extra_data={"a": {"b": [1]}})
    assert memory.extra_data is not None
    memory.extra_data["a"]["b"].append(float("nan"))
    session.add(memory)
    with pytest.raises(InvalidMemory, match=r"extra_data\.a\.b\[1\] is nan"):
        await session.flush()
    await session.rollback()
    stored = a_memory(user_id, extra_data={})
    session.add(stored)
    await session.flush()
    assert stored.extra_data is not None
    stored.extra_data["when"] = datetime.now(UTC)
    with pytest.raises(InvalidMemory, match=r"extra_data\.when is of the type datetime"):
        await session.flush()


CHANGES: dict[str, Callable[[Any], object]] = {
    "assigned": lambda data: data.__setitem__("a", 2), "removed": lambda data: data.pop("a"),
    "deleted": lambda data: data.__delitem__("a"), "updated": lambda data: data.update(b=1),
    "merged": lambda data: data.__ior__({"b": 1}), "set by default": lambda data: data.setdefault("b", 1),
    "cleared": lambda data: data.clear(), "taken": lambda data: data.popitem(),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_whatever_changes_the_top_level_keys_is_written(
    session: AsyncSession, user_id: UUID, change: str
) -> None:
    memory = a_memory(user_id, extra_data={"a": 1})
    session.add(memory)
    await session.commit()
    CHANGES[change](memory.extra_data)
    await session.commit()
    expected = {"a": 1}
    CHANGES[change](expected)
    await session.refresh(memory)
    assert memory.extra_data == expected


WRITTEN_PAST_THE_ATTRIBUTES: list[tuple[str, Any]] = [
    ("content", " "), ("content", "\0"), ("embedding", [0.1]), ("embedding", [0.0] * 1536), ("memory_type", "forever"),
    ("extra_data", {"a": float("inf")}), ("extra_data", ["a"]), ("created_at", NAIVE), ("accessed_at", DAY),
]  # fmt: skip


async def test_statements_that_go_past_the_attributes_are_held_to_the_same_rules(
    session: AsyncSession, user_id: UUID
) -> None:
    valid = {"user_id": user_id, "memory_type": "task", "content": "a walk"}
    for name, value in WRITTEN_PAST_THE_ATTRIBUTES:
        with pytest.raises(InvalidMemory):
            async with session.begin_nested():
                await session.execute(insert(Memory), [valid, valid | {name: value}])
        with pytest.raises(InvalidMemory):
            await session.execute(insert(Memory).values(**valid | {name: value}))
        with pytest.raises(InvalidMemory):
            await session.execute(update(Memory).values({name: value}))
    await session.execute(insert(Memory), [valid | {"extra_data": {"a": 1}}, valid | {"extra_data": None}])
    written = await session.scalars(text("select metadata::text from memories"))
    assert set(written.all()) == {'{"a": 1}', None}


async def test_no_metadata_are_null_and_those_that_are_not_given_are_empty(
    session: AsyncSession, user_id: UUID
) -> None:
    session.add_all([a_memory(user_id, content="none", extra_data=None), a_memory(user_id, content="not given")])
    await session.commit()
    written = await session.execute(text("select content, metadata::text from memories"))
    assert {row.content: row[1] for row in written} == {"none": None, "not given": "{}"}


async def test_a_naive_time_is_no_condition(session: AsyncSession, user_id: UUID) -> None:
    session.add(a_memory(user_id))
    await session.flush()
    for wrong in (NAIVE, DAY):
        for condition in (Memory.created_at >= wrong, Memory.accessed_at < wrong, Memory.created_at.in_([wrong])):
            with pytest.raises(InvalidMemory, match="the time"):
                await session.execute(select(Memory).where(condition))
    ago = timedelta(days=1)
    for right in (
        Memory.created_at > datetime.now(UTC) - ago,
        Memory.created_at > func.now() - ago,
        Memory.created_at + ago > func.now(),
        Memory.created_at.between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        Memory.content.like("a%"),
        Memory.content != "",
        Memory.extra_data["a"].is_(None),
        Memory.extra_data.contains({}),
    ):
        assert len((await session.scalars(select(Memory).where(right))).all()) == 1, right


async def test_models_never_create_or_drop_their_tables(
    engine: AsyncEngine, empty: str, connection: Connection
) -> None:
    with pytest.raises(UsageError, match="about to create or drop"):
        async with engine.begin() as opened:
            await opened.run_sync(Base.metadata.drop_all)
    async with engine.begin() as opened:
        await opened.run_sync(Base.metadata.create_all)  # all is there: nothing to do
    fresh = create_engine(empty)
    with pytest.raises(UsageError, match="about to create or drop"):
        async with fresh.begin() as opened:
            await opened.run_sync(Base.metadata.create_all)
    await fresh.dispose()
    with psycopg.connect(empty) as looked:
        assert looked.execute("select to_regtype('memory_type'), to_regclass('users')").fetchone() == (None, None)
    assert connection.execute("select to_regclass('memories') is not null").fetchone() == (True,)


async def test_writers_at_the_same_time_lose_nothing(engine: AsyncEngine, user_id: UUID) -> None:
    async def write(number: int) -> None:
        async with sessions(engine).begin() as session:
            session.add_all([a_memory(user_id, content=f"{number}.{item}") for item in range(5)])

    await asyncio.gather(*(write(number) for number in range(10)))
    async with sessions(engine)() as session:
        assert await session.scalar(select(func.count(Memory.content.distinct()))) == 50


@pytest.fixture
async def of_application(
    empty_connection: Connection, empty: str, sets: Sets
) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """Sessions on a database whose users are the application's."""
    empty_connection.execute("create table users (id uuid primary key, email varchar(320) not null unique)")
    migrations.migrate(empty_connection, sets)
    engine = create_engine(empty)
    yield sessions(engine)
    await engine.dispose()


async def test_the_mixins_serve_the_users_of_an_application(of_application: async_sessionmaker[AsyncSession]) -> None:
    async with of_application() as session:
        user = application.User(email="sam@example.org")
        user.memories.append(application.Memory(memory_type="personal", content="tea", embedding=vectors(1)[0]))
        user.memory_collections.append(application.MemoryCollection(collection_type="journal", name="Evenings"))
        session.add(user)
        await session.commit()
        found = (await session.scalars(select(application.Memory).options(selectinload(application.Memory.user)))).one()
        assert found.user is user
        await session.delete(user)
        await session.commit()
        assert (await session.scalars(select(application.MemoryCollection))).all() == []
