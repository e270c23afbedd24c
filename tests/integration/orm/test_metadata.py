"""Metadata of objects: keys that two sessions change are all there, and the objects show it without asking."""

import pickle
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from memdb.database import Connection
from memdb.errors import InvalidMemory
from memdb.models import Memory
from memdb.store import sessions

pytestmark = pytest.mark.once

BEFORE = {"a": 1, "b": {"c": [1]}, "d": True}


@pytest.fixture
async def memory(session: AsyncSession, user_id: UUID) -> Memory:
    """A memory that was added, committed, and not read again."""
    added = Memory(user_id=user_id, memory_type="task", content="x", extra_data=dict(BEFORE))
    session.add(added)
    await session.commit()
    return added


@pytest.fixture
async def theirs(engine: AsyncEngine, memory: Memory) -> AsyncIterator[Memory]:
    """The same in another session, which has just set a key; the first session does not know."""
    async with sessions(engine)() as other:
        read = await other.get_one(Memory, memory.id)
        await other.rollback()
        await other.refresh(read)
        assert read.extra_data is not None
        read.extra_data["theirs"] = None
        await other.commit()
        yield read


def setting(data: dict[str, Any]) -> None:
    data["mine"] = [1]


def setting_within(data: dict[str, Any]) -> None:
    data["b"]["c"].append(2)


def removing(data: dict[str, Any]) -> None:
    del data["a"]


def emptying(data: dict[str, Any]) -> None:
    data.clear()


def one_for_true(data: dict[str, Any]) -> None:
    data["d"] = 1


@pytest.mark.parametrize("change", [setting, setting_within, removing, emptying, one_for_true])
async def test_a_change_of_keys_leaves_those_of_others(
    session: AsyncSession, memory: Memory, theirs: Memory, connection: Connection, change: Callable[[Any], None]
) -> None:
    assert memory.extra_data is not None
    expected = pickle.loads(pickle.dumps(BEFORE))
    change(expected)
    held = memory.extra_data
    change(held)
    flag_modified(memory, "extra_data")
    memory.content = "y"
    await session.commit()
    assert memory.extra_data is held
    assert held == expected | {"theirs": None}
    assert connection.execute("select metadata, content from memories").fetchone() == (held, "y")
    held["again"] = 1
    await session.commit()
    assert connection.execute("select metadata ->> 'again' from memories").fetchone() == ("1",)


async def test_updating_in_place_merges_and_assigning_replaces(
    session: AsyncSession, memory: Memory, theirs: Memory, connection: Connection
) -> None:
    assert memory.extra_data is not None
    memory.extra_data |= {"mine": 1}
    await session.commit()
    assert memory.extra_data == BEFORE | {"theirs": None, "mine": 1}
    memory.extra_data = {"only": 1}
    await session.commit()
    assert connection.execute("select metadata from memories").fetchone() == ({"only": 1},)
    memory.extra_data = None
    await session.commit()
    assert connection.execute("select metadata from memories").fetchone() == (None,)


def setting_as_before(data: Any) -> None:
    data["a"] = 1


def updating_as_before(data: Any) -> None:
    data.update({"a": 1})


def setting_and_removing(data: Any) -> None:
    data["a"] = 1
    del data["a"]


@pytest.mark.parametrize("change", [setting_as_before, updating_as_before, setting_and_removing])
async def test_a_key_that_is_set_to_what_the_object_remembers_is_written(
    session: AsyncSession, memory: Memory, connection: Connection, change: Callable[[Any], None]
) -> None:
    connection.execute("""update memories set metadata = metadata || '{"a": 2, "theirs": 3}'""")
    expected = dict(BEFORE)
    change(expected)
    change(memory.extra_data)
    await session.commit()
    assert memory.extra_data == expected | {"theirs": 3}
    assert connection.execute("select metadata from memories").fetchone() == (memory.extra_data,)


async def test_keys_that_change_after_an_update_of_many_rows_leave_those_of_others(
    session: AsyncSession, memory: Memory, connection: Connection
) -> None:
    given = {"a": 1}
    await session.execute(update(Memory).where(Memory.id == memory.id).values(extra_data=given))
    await session.commit()
    connection.execute("""update memories set metadata = metadata || '{"theirs": 1}'""")
    assert memory.extra_data is not None
    memory.extra_data["mine"] = 1
    await session.commit()
    expected = {"a": 1, "theirs": 1, "mine": 1}
    assert connection.execute("select metadata from memories").fetchone() == (expected,)
    assert (memory.extra_data, given) == (expected, {"a": 1})


async def test_metadata_of_another_memory_are_copied(
    session: AsyncSession, memory: Memory, user_id: UUID, connection: Connection
) -> None:
    await session.refresh(memory)
    other = Memory(user_id=user_id, memory_type="task", content="other", extra_data={"z": 1})
    session.add(other)
    await session.commit()
    other.extra_data = memory.extra_data
    assert other.extra_data is not None
    other.extra_data["z"] = 2
    await session.commit()
    assert memory.extra_data == BEFORE
    row = connection.execute("select metadata from memories where content = 'other'").fetchone()
    assert row == (BEFORE | {"z": 2},)


async def test_a_rollback_forgets_the_change(session: AsyncSession, memory: Memory, connection: Connection) -> None:
    assert memory.extra_data is not None
    memory.extra_data["mine"] = 1
    await session.flush()
    await session.rollback()
    await session.refresh(memory)
    assert memory.extra_data == BEFORE
    async with session.begin_nested() as savepoint:
        memory.extra_data["mine"] = 1
        await session.flush()
        await savepoint.rollback()
    await session.refresh(memory)
    memory.extra_data["more"] = 1
    await session.commit()
    assert connection.execute("select metadata from memories").fetchone() == (BEFORE | {"more": 1},)


async def test_what_cannot_be_stored_is_refused_by_the_flush(session: AsyncSession, memory: Memory) -> None:
    assert memory.extra_data is not None
    memory.extra_data["id"] = uuid4()
    with pytest.raises(InvalidMemory, match=r"extra_data\.id is of the type UUID"):
        await session.flush()
    await session.rollback()


async def test_a_row_that_is_gone_is_told_as_sqlalchemy_tells_it(
    session: AsyncSession, memory: Memory, connection: Connection
) -> None:
    assert memory.extra_data is not None
    connection.execute("delete from memories")
    memory.extra_data["mine"] = 1
    with pytest.raises(StaleDataError):
        await session.flush()
    await session.rollback()


async def test_metadata_that_are_no_object_are_an_empty_one(
    session: AsyncSession, memory: Memory, connection: Connection
) -> None:
    assert memory.extra_data is not None
    await session.execute(text("update memories set metadata = null"))
    memory.extra_data["mine"] = 1
    await session.commit()
    assert memory.extra_data == {"mine": 1}
