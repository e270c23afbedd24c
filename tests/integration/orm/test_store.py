"""The store on a real database, with both drivers: what it adds, finds, notes, deletes and refuses."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from memdb import migrations
from memdb.database import Connection
from memdb.errors import DatabaseError, InvalidMemory, UnknownUser
from memdb.ledger.sqlfiles import Sets
from memdb.models import Memory, MemoryType, User
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate, MemoryWithDistance
from memdb.store import MemoryStore, create_engine, sessions
from tests import application
from tests.helpers import address, vectors


@pytest.fixture
def store(session: AsyncSession) -> MemoryStore[Memory]:
    return MemoryStore(session)


def a_memory(user_id: UUID, content: str = "a walk", **values: Any) -> MemoryCreate:
    return MemoryCreate(**{"user_id": user_id, "memory_type": MemoryType.TASK, "content": content, **values})


def leaning(share: float) -> list[float]:
    """At a cosine distance of 1 - share from [1, 0, 0, …]."""
    return [share, (1 - share**2) ** 0.5, *[0.0] * 1534]


AHEAD = leaning(1)


async def test_adding_one(store: MemoryStore[Memory], session: AsyncSession, user_id: UUID) -> None:
    added = await store.add(a_memory(user_id, embedding=AHEAD, extra_data={"source": "chat"}))
    await session.commit()
    session.expunge_all()
    read = await store.get(added.id)
    assert read is not None
    assert (read.content, read.embedding, read.extra_data) == ("a walk", AHEAD, {"source": "chat"})
    assert await store.get(added.id, user_id=uuid4()) is None
    assert await store.get(uuid4()) is None


@pytest.mark.once
async def test_adding_many_keeps_their_order_and_all_that_they_say(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    embeddings = vectors(200)
    ids = await store.add_many(
        a_memory(user_id, f"é{number} 🌱", embedding=embedding, memory_type="project", extra_data={"number": number})
        for number, embedding in enumerate(embeddings)
    )
    ids += await store.add_many([a_memory(user_id, "no embedding yet")])
    assert await store.add_many([]) == []
    await session.commit()
    rows = {memory.id: memory for memory in await session.scalars(select(Memory))}
    assert [rows[id].content for id in ids] == [*(f"é{number} 🌱" for number in range(200)), "no embedding yet"]
    assert rows[ids[7]].embedding == pytest.approx(embeddings[7], rel=1e-6)
    assert (rows[ids[7]].extra_data, rows[ids[7]].memory_type) == ({"number": 7}, MemoryType.PROJECT)
    assert (rows[ids[200]].embedding, rows[ids[200]].extra_data) == (None, {})


@pytest.mark.once
async def test_adding_many_adds_all_or_none_and_keeps_what_was_done_before(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    def failing(error: Exception) -> Iterator[MemoryCreate]:
        yield from (a_memory(user_id, embedding=embedding) for embedding in vectors(100))
        raise error

    await store.add(a_memory(user_id, "before"))
    nobody = uuid4()
    with pytest.raises(UnknownUser, match=f"there is no user {nobody}"):
        await store.add_many([a_memory(user_id), a_memory(nobody)])
    with pytest.raises(RuntimeError, match="service is down"):
        await store.add_many(failing(RuntimeError("the embeddings service is down")))
    with pytest.raises(TimeoutError, match="service is slow"):
        await store.add_many(failing(TimeoutError("the embeddings service is slow")))
    with pytest.raises(InvalidMemory, match=r"memory 0 \(counted from 0\)"):
        await store.add_many([a_memory(user_id, extra_data={"mood": float("nan")})])
    with pytest.raises(InvalidMemory, match=r"memory 1 \(counted from 0\)"):
        await store.add_many([a_memory(user_id), a_memory(user_id, extra_data={"mood": "\0"})])
    await session.commit()
    assert (await session.scalars(select(Memory.content))).all() == ["before"]


@pytest.mark.once
async def test_adding_many_takes_what_was_assigned_as_the_constructor_would(
    store: MemoryStore[Memory], user_id: UUID
) -> None:
    id = uuid4()
    for skip_existing in (False, True):
        memory = a_memory(user_id, "x")
        memory.id, memory.user_id, memory.memory_type = str(id), str(user_id), "project"  # type: ignore[assignment]
        assert await store.add_many([memory], skip_existing=skip_existing) == [id]
        read = await store.get(id)
        assert read is not None
        assert (read.user_id, read.memory_type) == (user_id, MemoryType.PROJECT)
        assert await store.delete([id]) == 1
        memory.user_id = []  # type: ignore[assignment]
        with pytest.raises(InvalidMemory, match=rf"^memory 0 \(counted from 0, id {id}\): user_id"):
            await store.add_many([memory], skip_existing=skip_existing)


@pytest.mark.once
async def test_an_unknown_user_is_told_clearly(store: MemoryStore[Memory], session: AsyncSession) -> None:
    nobody = uuid4()
    with pytest.raises(UnknownUser, match=f"there is no user {nobody}") as error:
        await store.add(a_memory(nobody))
    assert error.value.hint
    await session.rollback()


async def test_listing_by_tier_metadata_and_time(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    other = User()
    session.add(other)
    await session.flush()
    for number, tier in enumerate(("personal", "project", "task", "task")):
        memory = await store.add(a_memory(user_id, f"{number}", memory_type=tier, extra_data={"n": number % 2}))
        memory.created_at = func.now() - timedelta(days=number)
    await store.add(a_memory(other.id, "of another"))
    await session.commit()
    now = (await session.execute(select(func.now()))).scalar_one()

    async def contents(**conditions: Any) -> list[str]:
        return [memory.content for memory in await store.list(MemoryQuery(user_id=user_id, **conditions))]

    assert await contents() == ["0", "1", "2", "3"]
    assert await contents(memory_types=["task", "project"]) == ["1", "2", "3"]
    assert await contents(extra_data={"n": 1}) == ["1", "3"]
    assert await contents(created_from=now - timedelta(days=2, hours=1), created_before=now - timedelta(hours=1)) == [
        "1",
        "2",
    ]
    assert await contents(accessed_before=now - timedelta(days=1)) == []
    assert await contents(limit=2, offset=1) == ["1", "2"]


async def test_booleans_in_metadata_are_compared_without_losing_what_is_not_there(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    said: dict[str, Any] = {
        "true": {"done": True},
        "false": {"done": False},
        "null": {"done": None},
        "text": {"done": "true"},
        "missing": {},
    }
    await store.add_many(a_memory(user_id, content, extra_data=data) for content, data in said.items())
    none = await store.add(a_memory(user_id, "none"))
    await session.execute(update(Memory).where(Memory.id == none.id).values(extra_data=None))

    async def found(value: Any) -> set[str]:
        query = MemoryQuery(user_id=user_id, extra_data={"done": value})
        return {memory.content for memory in await store.list(query)}

    assert await found(True) == {"true"}
    assert await found(False) == {"false", "null", "text", "missing", "none"}
    assert await found(None) == {"null", "missing", "none"}
    assert await found("true") == {"text"}


@pytest.mark.once
async def test_a_list_reads_embeddings_only_if_asked(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    await store.add_many([a_memory(user_id, embedding=AHEAD)])
    (memory,) = await store.list(MemoryQuery(user_id=user_id))
    with pytest.raises(InvalidRequestError, match="embedding"):
        _ = memory.embedding
    session.expunge_all()
    (memory,) = await store.list(MemoryQuery(user_id=user_id), embeddings=True)
    assert memory.embedding == AHEAD


async def test_the_nearest_come_first_and_none_beyond_the_maximum_distance(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    shares = {"same": 1.0, "near": 0.9, "far": 0.4, "opposite": -1.0}
    await store.add_many(a_memory(user_id, content, embedding=leaning(share)) for content, share in shares.items())
    await store.add_many([a_memory(user_id, "personal", embedding=leaning(0.8), memory_type="personal")])
    await store.add_many([a_memory(user_id, "no embedding")])
    zero = await store.add(a_memory(user_id, "zero"))
    await session.execute(
        text("update memories set embedding = array_fill(0, array[1536])::vector where id = :id"), {"id": zero.id}
    )

    async def found(**conditions: Any) -> dict[str, float]:
        query = MemorySimilarityQuery(user_id=user_id, embedding=AHEAD, **conditions)
        return {neighbour.content: neighbour.distance for neighbour in await store.nearest(query)}

    everything = await found(limit=10)
    assert list(everything) == ["same", "near", "personal", "far", "opposite"]
    assert list(everything.values()) == pytest.approx([0, 0.1, 0.2, 0.6, 2], abs=1e-6)
    assert list(await found(limit=2)) == ["same", "near"]
    assert list(await found(max_distance=0.5)) == ["same", "near", "personal"]
    assert list(await found(memory_types=["personal"])) == ["personal"]
    assert await found(memory_types=["project"]) == {}
    (nearest, *_) = await store.nearest(MemorySimilarityQuery(user_id=user_id, embedding=AHEAD))
    shown = MemoryWithDistance.model_validate(nearest).model_dump()
    assert (shown["metadata"], shown["distance"], "embedding" in shown) == ({}, pytest.approx(0, abs=1e-6), False)


async def test_an_index_scan_that_filters_afterwards_still_finds_enough(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    """With a user of 1 % of the memories, an HNSW scan finds less than one of them, unless it may go on."""
    crowd = User()
    session.add(crowd)
    await session.flush()
    drawn = vectors(606)
    await store.add_many(a_memory(crowd.id, embedding=embedding) for embedding in drawn[:600])
    await store.add_many(a_memory(user_id, embedding=embedding) for embedding in drawn[600:605])
    for setting in ("enable_sort", "enable_seqscan", "enable_bitmapscan"):
        await session.execute(text(f"set local {setting} = off"))
    await session.execute(text("drop index ix_memories_user_id"))
    plain = text("select id from memories where user_id = :user order by embedding <=> cast(:near as vector) limit 5")
    near = str(drawn[605])
    assert len((await session.scalars(plain, {"user": user_id, "near": near})).all()) < 5
    found = await store.nearest(MemorySimilarityQuery(user_id=user_id, embedding=drawn[605], limit=5))
    assert len(found) == 5
    assert sorted(found, key=lambda neighbour: neighbour.distance) == found


async def test_noting_a_recall_writes_only_what_is_due_and_waits_for_nobody(
    store: MemoryStore[Memory], engine: AsyncEngine, session: AsyncSession, user_id: UUID
) -> None:
    old, new, busy = await store.add_many(a_memory(user_id, content) for content in ("old", "new", "busy"))
    long_ago = update(Memory).where(Memory.id.in_([old, busy])).values(accessed_at=func.now() - timedelta(days=2))
    await session.execute(long_ago)
    await session.commit()
    read = await store.get(old)
    assert read is not None
    async with sessions(engine).begin() as other:
        await other.execute(delete(Memory).where(Memory.id == busy))
        assert await asyncio.wait_for(store.touch([old, new, busy, uuid4()]), timeout=10) == 1
        referring = select(Memory.id).where(Memory.id == old).with_for_update(read=True, key_share=True, nowait=True)
        assert await other.scalar(referring) == old  # as who pins it, or puts it into a collection
        await session.commit()
        await other.rollback()
    assert (read.content, read.accessed_at > read.created_at) == ("old", True)  # readable, and as it is now
    assert await store.touch([old]) == 0
    assert await store.touch([]) == 0


@pytest.mark.once
async def test_changing_a_memory(store: MemoryStore[Memory], session: AsyncSession, user_id: UUID) -> None:
    added = await store.add(a_memory(user_id, embedding=AHEAD))
    kept = await store.update(added.id, MemoryUpdate(memory_type=MemoryType.PROJECT, extra_data={"a": 1}))
    assert kept is added
    assert (kept.memory_type, kept.extra_data, kept.embedding) == (MemoryType.PROJECT, {"a": 1}, AHEAD)
    await store.update(added.id, MemoryUpdate(content="a run", embedding=leaning(0.5)))
    await session.commit()
    session.expunge_all()
    both = await store.get(added.id)
    assert both is not None
    assert both.embedding == pytest.approx(leaning(0.5))
    misleading = await store.update(added.id, MemoryUpdate(content="a swim"))
    assert misleading is not None
    assert misleading.embedding is None
    assert await store.update(added.id, MemoryUpdate(content="x"), user_id=uuid4()) is None


@pytest.mark.once
async def test_deleting_tells_how_many_were_there(store: MemoryStore[Memory], user_id: UUID) -> None:
    ids = await store.add_many(a_memory(user_id) for _ in range(3))
    assert await store.delete(ids, user_id=uuid4()) == 0
    assert await store.delete([ids[0], uuid4()]) == 1
    assert await store.delete(ids, user_id=user_id) == 2
    assert await store.delete([]) == 0


@pytest.mark.once
async def test_writers_and_readers_at_the_same_time(engine: AsyncEngine, user_id: UUID) -> None:
    async def work(number: int) -> int:
        async with sessions(engine).begin() as session:
            store = MemoryStore(session)
            await store.add_many(a_memory(user_id, f"{number}", embedding=vector) for vector in vectors(20))
            return len(await store.nearest(MemorySimilarityQuery(user_id=user_id, embedding=AHEAD, limit=20)))

    assert await asyncio.gather(*(work(number) for number in range(8))) == [20] * 8
    async with sessions(engine)() as session:
        assert await session.scalar(select(func.count()).select_from(Memory)) == 160


@pytest.mark.once
async def test_an_engine_of_the_application_serves_as_well(migrated: str, driver: str, user_id: UUID) -> None:
    """Without the binary form of vectors, which only memdb's own engines know."""
    engine = create_async_engine(
        address(migrated, driver).replace("dbname=", "database=" if driver == "asyncpg" else "dbname=")
    )
    async with AsyncSession(engine) as session:
        store = MemoryStore(session)
        await store.add_many([a_memory(user_id, embedding=leaning(0.5))])
        (found,) = await store.nearest(
            MemorySimilarityQuery(user_id=user_id, embedding=AHEAD, memory_types=[MemoryType.TASK])
        )
        assert found.distance == pytest.approx(0.5)
    await engine.dispose()


@pytest.fixture
async def elsewhere(empty_connection: Connection, empty: str, driver: str, sets: Sets) -> AsyncIterator[AsyncSession]:
    """A session on a database whose extension is not on the search_path, with an application's own models."""
    empty_connection.execute('create schema "Extra Types"; create extension vector schema "Extra Types"')
    empty_connection.execute("create table users (id uuid primary key, email varchar(320) not null unique)")
    empty_connection.execute('set search_path = public, "Extra Types"')
    migrations.migrate(empty_connection, sets)
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


async def test_it_works_where_the_extension_lives_in_another_schema(elsewhere: AsyncSession) -> None:
    user = application.User(email="sam@example.org")
    user.memories.append(application.Memory(memory_type="task", content="through the ORM", embedding=leaning(0.9)))
    elsewhere.add(user)
    await elsewhere.flush()
    store = MemoryStore(elsewhere, application.Memory)
    await store.add_many([a_memory(user.id, "through COPY", embedding=AHEAD)])
    await elsewhere.commit()
    found = await store.nearest(MemorySimilarityQuery(user_id=user.id, embedding=AHEAD))
    assert [neighbour.content for neighbour in found] == ["through COPY", "through the ORM"]
    elsewhere.expunge_all()
    (read,) = await store.list(MemoryQuery(user_id=user.id, limit=1), embeddings=True)
    assert isinstance(read, application.Memory)
    assert read.embedding is not None


@pytest.mark.once
async def test_without_the_extension_it_says_so(empty: str, driver: str) -> None:
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        with pytest.raises(DatabaseError, match="no extension"):
            await MemoryStore(session).nearest(MemorySimilarityQuery(user_id=uuid4(), embedding=AHEAD))
    await engine.dispose()


async def test_an_upsert_replaces_all_that_this_user_has_under_an_id_and_nothing_of_others(
    store: MemoryStore[Memory], session: AsyncSession, user_id: UUID
) -> None:
    session.add(other := User())
    await session.flush()
    told = await store.add(a_memory(user_id, "before", embedding=AHEAD, extra_data={"draft": True}))
    theirs = await store.add(a_memory(other.id, "theirs"))
    long_ago = func.now() - timedelta(days=40)
    await session.execute(update(Memory).values(created_at=long_ago, accessed_at=long_ago))
    before = await store.get(told.id)
    assert before is not None
    made_at = before.created_at
    new = uuid4()
    memories = [a_memory(user_id, id=told.id), a_memory(user_id, id=new), a_memory(user_id, "last", id=told.id)]
    assert await store.upsert_many(memories) == [told.id, new]
    again = await store.get(told.id, user_id=user_id)
    assert again is not None
    assert (again.content, again.embedding, again.extra_data, again.created_at) == ("last", None, {}, made_at)
    assert again.accessed_at - again.created_at == timedelta(days=40)
    with pytest.raises(InvalidMemory, match=f"the id {theirs.id}, of memory 1"):
        await store.upsert_many([a_memory(user_id, "lost", id=new), a_memory(user_id, id=theirs.id)])
    with pytest.raises(UnknownUser):
        await store.upsert_many([a_memory(uuid4())])
    assert await store.upsert_many([]) == []
    ids = [UUID(int=number) for number in range(100, 0, -1)]
    assert await store.upsert_many(a_memory(user_id, id=id) for id in ids) == ids
    written = await session.scalars(select(Memory.id).where(Memory.id.in_(ids)).order_by(text("ctid")))
    assert written.all() == sorted(ids)  # so that two at once never wait each for the other
    session.expunge_all()
    found = await store.get_many([theirs.id, new, uuid4(), told.id, new])
    assert [memory.content for memory in found] == ["theirs", "a walk", "last"]
    assert await store.get_many([theirs.id], user_id=user_id) == []
    with pytest.raises(InvalidRequestError, match="embedding"):
        _ = found[0].embedding
