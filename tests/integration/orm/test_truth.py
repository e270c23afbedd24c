"""The database is right, and not the session: what others commit is seen, and what two change is not lost."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from memdb.database import Connection
from memdb.errors import InvalidMemory
from memdb.models import Memory, MemoryType, User
from memdb.schemas import GoalMetadata, MemoryCreate, MemoryQuery, MemoryUpdate
from memdb.store import MemoryStore, sessions

pytestmark = pytest.mark.once

AHEAD = [1.0, *[0.0] * 1535]


@pytest.fixture
async def memory(session: AsyncSession, user_id: UUID) -> Memory:
    """A memory that one session knows, and goes on to use."""
    added = await MemoryStore(session).add(
        MemoryCreate(
            user_id=user_id,
            memory_type=MemoryType.TASK,
            content="likes tea",
            embedding=AHEAD,
            extra_data={"a": 1, "b": {"c": 1, "d": 1}},
        )
    )
    await session.commit()
    return added


@pytest.fixture
async def other(engine: AsyncEngine, memory: Memory) -> AsyncIterator[AsyncSession]:
    """A session of somebody else, who has read the memory, too."""
    async with sessions(engine)() as session:
        await MemoryStore(session).get(memory.id)
        await session.commit()
        yield session


async def change(session: AsyncSession, id: UUID, **values: Any) -> Memory | None:
    changed = await MemoryStore(session).update(id, MemoryUpdate(**values))
    await session.commit()
    return changed


async def test_reads_show_what_others_have_committed(
    session: AsyncSession, other: AsyncSession, memory: Memory
) -> None:
    await change(other, memory.id, content="likes coffee")
    assert await MemoryStore(session).get(memory.id) is memory
    assert memory.content == "likes coffee"
    await change(other, memory.id, content="likes water")
    (listed,) = await MemoryStore(session).list(MemoryQuery(user_id=memory.user_id))
    assert (listed is memory, memory.content) == (True, "likes water")
    with pytest.raises(SQLAlchemyError, match="greenlet"):
        _ = memory.embedding  # which a list does not read, and which would be of another text
    assert await memory.awaitable_attrs.embedding is None


async def test_reads_keep_what_the_session_has_changed(session: AsyncSession, memory: Memory, user_id: UUID) -> None:
    memory.content = "likes cocoa"
    with session.no_autoflush:
        await MemoryStore(session).list(MemoryQuery(user_id=user_id))
        assert memory.content == "likes cocoa"
        memory.extra_data = {"z": 26}
        assert await MemoryStore(session).get(memory.id) is memory
    assert (memory.content, memory.extra_data) == ("likes cocoa", {"z": 26})


async def test_an_update_to_what_the_session_remembers_is_one(
    session: AsyncSession, other: AsyncSession, memory: Memory
) -> None:
    await change(other, memory.id, content="likes coffee", embedding=AHEAD)
    changed = await change(session, memory.id, content="likes tea")
    assert changed is memory
    assert (memory.content, memory.embedding) == ("likes tea", None)
    assert await MemoryStore(other).get(memory.id) is not None
    same = await change(session, memory.id, content="likes tea", embedding=AHEAD)
    assert same is not None
    assert (await change(session, memory.id, content="likes tea", memory_type="project")) is memory
    assert (memory.embedding, memory.memory_type) == (AHEAD, MemoryType.PROJECT)  # the text is what it has been


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("content", "likes coffee"),
        ("memory_type", "personal"),
        ("embedding", [0.0, *AHEAD[:-1]]),
        ("extra_data", {"theirs": 1}),
    ],
)
async def test_what_is_assigned_is_written_also_where_the_object_remembers_it(
    session: AsyncSession, other: AsyncSession, memory: Memory, name: str, theirs: Any
) -> None:
    mine = getattr(memory, name)
    await change(other, memory.id, **{name: theirs})
    setattr(memory, name, dict(mine) if isinstance(mine, dict) else mine)
    await session.commit()
    stored = await MemoryStore(other).get(memory.id)
    assert stored is not None
    assert getattr(stored, name) == mine


async def test_what_was_refused_leaves_nothing_to_be_written(
    session: AsyncSession, other: AsyncSession, memory: Memory
) -> None:
    await change(other, memory.id, content="likes coffee")
    with pytest.raises(InvalidMemory):
        memory.content = " "
    assert not session.dirty
    await session.commit()
    stored = await MemoryStore(other).get(memory.id)
    assert stored is not None
    assert stored.content == "likes coffee"


async def test_an_update_is_one_statement(session: AsyncSession, engine: AsyncEngine, memory: Memory) -> None:
    assert await MemoryStore(session).get(memory.id) is memory  # which asks once what is applied beside memories
    sent = list[str]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    await MemoryStore(session).update(memory.id, MemoryUpdate(content="x", extra_data={"k": 1}))
    assert [statement.split()[0] for statement in sent] == ["UPDATE"]
    assert await MemoryStore(session).update(memory.id, MemoryUpdate()) is memory
    assert await MemoryStore(session).update(memory.id, MemoryUpdate(content="y"), user_id=uuid4()) is None
    assert memory.content == "x"


async def test_what_is_deleted_meanwhile_is_not_there(
    session: AsyncSession, other: AsyncSession, memory: Memory
) -> None:
    assert await MemoryStore(other).delete([memory.id]) == 1
    await other.commit()
    assert await change(session, memory.id, content="likes tea") is None
    assert await change(session, memory.id, extra_data={"a": 2}) is None
    assert await MemoryStore(session).get(memory.id) is None
    assert await MemoryStore(session).delete([memory.id]) == await MemoryStore(session).touch([memory.id]) == 0


async def test_deleted_objects_leave_the_session(session: AsyncSession, memory: Memory) -> None:
    memory.content = "changed, but not flushed"
    assert await MemoryStore(session).delete([memory.id]) == 1
    await session.commit()
    assert memory not in session


async def test_keys_of_the_metadata_that_two_set_are_both_there(
    session: AsyncSession, other: AsyncSession, memory: Memory
) -> None:
    await change(session, memory.id, extra_data={"mine": [1]})
    changed = await change(other, memory.id, extra_data={"theirs": {"x": None}, "a": 2})
    assert changed is not None
    assert changed.extra_data == {"a": 2, "b": {"c": 1, "d": 1}, "mine": [1], "theirs": {"x": None}}


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ('{"a": 1, "b": 2}', {"a": None}, {"b": 2}),
        ('{"a": 1}', {"a": None, "b": 2, "gone": None}, {"b": 2}),
        ('{"a": {"x": 1}}', {"a": {"y": None}}, {"a": {"y": None}}),  # only the first level is merged
        ('{"goal_id": "g"}', {"goal_id": None}, {}),
        ('{"a": 1}', {}, {"a": 1}),
        ("null", {"a": 1}, {"a": 1}),
        ("[1, 2]", {"a": 1}, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
        (None, {"a": None}, {}),
        ('{"a": 1}', None, None),
        ('{"a": 1}', GoalMetadata(goal_id="g"), {"a": 1, "goal_id": "g"}),
    ],
)
async def test_metadata_are_merged_by_the_database(
    session: AsyncSession, connection: Connection, memory: Memory, before: Any, patch: Any, after: Any
) -> None:
    connection.execute("update memories set metadata = %s::jsonb", [before])
    changed = await change(session, memory.id, extra_data=patch)
    assert changed is not None
    assert changed.extra_data == after
    assert connection.execute("select metadata from memories").fetchone() == (after,)


def test_metadata_that_are_set_follow_the_patterns() -> None:
    with pytest.raises(ValueError, match="intensity"):
        MemoryUpdate(extra_data={"stressor": "exam", "intensity": 11})


async def test_many_ids_are_one_parameter(session: AsyncSession, memory: Memory) -> None:
    ids = [uuid4() for _ in range(40_000)]
    assert await MemoryStore(session).touch([*ids, memory.id]) == 0
    assert await MemoryStore(session).delete([*ids, memory.id]) == 1


async def test_a_recall_is_shown_by_the_objects_of_the_session(session: AsyncSession, memory: Memory) -> None:
    await session.execute(text("update memories set accessed_at = now() - interval '1 day'"))
    await session.commit()
    before = memory.accessed_at
    assert await MemoryStore(session).touch([memory.id]) == 1
    await session.commit()
    assert memory.accessed_at >= before
    assert "accessed_at" not in session.sync_session.dirty


@pytest.fixture
def again(memory: Memory) -> MemoryCreate:
    """The same memory, given by somebody who does not know whether it has arrived."""
    return MemoryCreate(id=memory.id, user_id=memory.user_id, memory_type=MemoryType.TASK, content="again")


async def test_what_may_have_been_stored_can_be_given_once_more(
    session: AsyncSession, memory: Memory, again: MemoryCreate
) -> None:
    store, id = MemoryStore(session), uuid4()
    new = again.model_copy(update={"id": id, "embedding": AHEAD, "extra_data": {"n": 1}})
    for stored in ([id], []):
        async with session.begin():
            assert await store.add_many([again, new, again], skip_existing=True) == stored
    async with session.begin():
        assert await store.add(again, skip_existing=True) is None
        added = await store.add(again.model_copy(update={"id": uuid4()}), skip_existing=True)
    assert added is not None
    assert (added.content, added.created_at.tzinfo is not None) == ("again", True)
    contents = [kept.content for kept in await store.list(MemoryQuery(user_id=memory.user_id))]
    assert sorted(contents) == ["again", "again", "likes tea"]
    read = await store.get(id)
    assert read is not None
    assert (read.embedding, read.extra_data) == (AHEAD, {"n": 1})


async def test_an_id_of_another_user_is_neither_taken_nor_shown(
    session: AsyncSession, memory: Memory, again: MemoryCreate
) -> None:
    other = User()
    session.add(other)
    await session.flush()
    theirs = again.model_copy(update={"user_id": other.id})
    new = again.model_copy(update={"id": None, "user_id": other.id})
    with pytest.raises(InvalidMemory, match=rf"the id {memory.id}, of memory 1 \(counted from 0, id") as error:
        await MemoryStore(session).add_many([new, theirs], skip_existing=True)
    assert str(memory.user_id) not in str(error.value) + error.value.hint
    with pytest.raises(InvalidMemory, match="belongs to another memory"):
        await MemoryStore(session).add_many([again.model_copy(update={"id": uuid4()}), again])
    twice = uuid4()
    pair = [again.model_copy(update={"id": twice}), theirs.model_copy(update={"id": twice})]
    with pytest.raises(InvalidMemory, match=r"memory 1 \("):
        await MemoryStore(session).add_many(pair, skip_existing=True)
    await session.commit()
    assert await MemoryStore(session).list(MemoryQuery(user_id=other.id)) == []


async def test_retries_at_the_same_time_store_it_once(engine: AsyncEngine, again: MemoryCreate) -> None:
    new = again.model_copy(update={"id": uuid4()})
    async with sessions(engine)() as first, sessions(engine)() as second:
        assert await MemoryStore(first).add_many([new], skip_existing=True) == [new.id]
        await first.commit()
        assert await MemoryStore(second).add_many([new], skip_existing=True) == []
