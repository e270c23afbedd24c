"""Searches: exact, one round trip where they can be, and right while the database changes under a pool."""

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from pgvector import Vector
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from memdb import migrations
from memdb.database import Connection
from memdb.errors import DatabaseError
from memdb.ledger.sqlfiles import Sets
from memdb.models import Memory, MemoryType, User
from memdb.schemas import MemoryCreate, MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, drivers, sessions
from tests.helpers import address

AHEAD = [1.0, *[0.0] * 1535]
SIDEWAYS = [0.0, 1.0, *[0.0] * 1534]


def a_memory(user_id: UUID, content: str = "a walk", embedding: Any = AHEAD, **values: Any) -> MemoryCreate:
    return MemoryCreate(user_id=user_id, memory_type=MemoryType.TASK, content=content, embedding=embedding, **values)


async def nearest(session: AsyncSession, user_id: UUID, **conditions: Any) -> list[str]:
    query = MemorySimilarityQuery(user_id=user_id, **{"embedding": AHEAD, **conditions})
    return [found.content for found in await MemoryStore(session).nearest(query)]


@pytest.fixture
async def one(session: AsyncSession, user_id: UUID) -> UUID:
    """A user with one memory."""
    await MemoryStore(session).add(a_memory(user_id))
    await session.commit()
    return user_id


@pytest.fixture
def sent_alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that went past SQLAlchemy, with all that the drivers are told with them."""
    texts = list[str]()
    for driver in (drivers.Asyncpg, drivers.Psycopg):
        fetch = driver.fetch

        async def noting(self: Any, text: str, arguments: Any, fetch: Any = fetch) -> Any:
            texts.append(text)
            return await fetch(self, text, arguments)

        monkeypatch.setattr(driver, "fetch", noting)
    return texts


async def test_a_user_of_many_memories_misses_none_of_them(
    session: AsyncSession, user_id: UUID, connection: Connection
) -> None:
    """Each memory is the nearest to its own embedding, also where the planner would take the index of embeddings."""
    drawn = np.random.default_rng(5).standard_normal((600, 1536)).astype(np.float32)
    await MemoryStore(session).add_many(a_memory(user_id, f"{n}", vector) for n, vector in enumerate(drawn))
    await session.commit()
    for setting in ("enable_sort", "enable_seqscan", "enable_bitmapscan"):
        await session.execute(text(f"set local {setting} = off"))
    await session.execute(text("set local hnsw.ef_search = 1"))
    assert [(await nearest(session, user_id, embedding=drawn[n], limit=1))[0] for n in range(0, 600, 5)] == [
        f"{n}" for n in range(0, 600, 5)
    ]
    assert len(await nearest(session, user_id, limit=1000)) == 600


async def test_of_equally_near_memories_the_order_is_that_of_their_ids(session: AsyncSession, user_id: UUID) -> None:
    await MemoryStore(session).add_many(a_memory(user_id, f"{n}") for n in range(40))
    whole = await nearest(session, user_id, limit=40)
    assert whole == [f"{n}" for n in range(40)]
    assert [await nearest(session, user_id, limit=k) for k in (1, 7, 39)] == [whole[:k] for k in (1, 7, 39)]


async def test_a_search_may_ask_for_metadata(session: AsyncSession, user_id: UUID) -> None:
    said: dict[str, Any] = {
        "true": {"done": True, "n": 1},
        "false": {"done": False, "tags": ["a", "b"]},
        "null": {"done": None},
        "missing": {},
    }
    await MemoryStore(session).add_many(a_memory(user_id, name, extra_data=data) for name, data in said.items())

    async def found(**data: Any) -> set[str]:
        return set(await nearest(session, user_id, extra_data=data))

    assert await found(done=True) == {"true"}
    assert await found(done=False) == {"false", "null", "missing"}
    assert await found(done=None) == {"null", "missing"}
    assert await found(tags=["a"], done=False) == {"false"}
    assert await found(n=1, tags=["a"]) == set()


async def test_a_search_that_comes_first_needs_no_transaction(
    engine: AsyncEngine, one: UUID, sent_alone: list[str], connection: Connection
) -> None:
    async with sessions(engine)() as session:
        assert await nearest(session, one) == ["a walk"]  # learns what is there
    assert sent_alone == []
    async with sessions(engine)() as session:
        assert await nearest(session, one) == await nearest(session, one) == ["a walk"]
        state = connection.execute(
            "select array_agg(state) from pg_stat_activity where datname = current_database() and state != 'active'"
        ).fetchone()
        assert state is not None
        assert set(state[0]) == {"idle"}
        assert len(sent_alone) == 2
        await session.execute(text("select 1"))
        await nearest(session, one)
        assert len(sent_alone) == 2  # in a transaction it belongs to that


@pytest.mark.once
async def test_a_search_within_a_transaction_sends_asyncpg_no_array(migrated: str, one: UUID) -> None:
    """Which would take most of its time."""
    engine = create_engine(address(migrated, "asyncpg"))
    sent = list[Any]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[3]))
    async with sessions(engine)() as session:
        assert await nearest(session, one) == ["a walk"]
        async with session.begin_nested():
            assert await nearest(session, one) == ["a walk"]
    assert [type(value) for values in sent for value in values if isinstance(value, list)] == []
    assert sum(isinstance(value, Vector) for values in sent for value in values) == 2
    await engine.dispose()


@pytest.mark.once
async def test_a_search_sees_what_the_transaction_has_done(engine: AsyncEngine, one: UUID) -> None:
    async with sessions(engine)() as session:
        await nearest(session, one)
    async with sessions(engine)() as session:
        session.add(Memory(user_id=one, memory_type="task", content="not flushed", embedding=AHEAD))
        assert await nearest(session, one) == ["a walk", "not flushed"]
        await session.rollback()
        assert await nearest(session, one) == ["a walk"]


@pytest.mark.once
async def test_a_search_after_a_search_belongs_to_what_the_session_does_in_between(
    engine: AsyncEngine, one: UUID, sent_alone: list[str]
) -> None:
    async with sessions(engine)() as session:
        assert await nearest(session, one) == ["a walk"]
        await session.rollback()
        for number in (1, 2):
            assert await nearest(session, one) == ["a walk"]
            assert len(sent_alone) == number
        async with session.begin_nested():
            assert await nearest(session, one) == ["a walk"]  # to which it can be rolled back
        session.add(Memory(user_id=one, memory_type="task", content="not flushed", embedding=AHEAD))
        assert await nearest(session, one) == ["a walk", "not flushed"]
        session.add(Memory(user_id=UUID(int=1), memory_type="task", content="of nobody"))
        for error in (IntegrityError, PendingRollbackError):
            with pytest.raises(error):
                await nearest(session, one)
        assert len(sent_alone) == 2
        await session.rollback()
        assert await nearest(session, one) == ["a walk"]
        assert len(sent_alone) == 3


@pytest.mark.once
async def test_a_repeatable_read_stays_one(migrated: str, driver: str, one: UUID, sent_alone: list[str]) -> None:
    plain = create_engine(address(migrated, driver))
    by_option = create_engine(address(migrated, driver), isolation_level="REPEATABLE READ")
    by_default = create_engine(address(f"{migrated} options=-cdefault_transaction_isolation=serializable", driver))
    for engine in (by_option, plain.execution_options(isolation_level="SERIALIZABLE"), by_default):
        for content in ("learns", "stays"):
            async with sessions(engine)() as session:
                before = await nearest(session, one)
                async with sessions(plain).begin() as other:
                    await MemoryStore(other).add(a_memory(one, content))
                assert await nearest(session, one) == before
    assert sent_alone == []
    for engine in (plain, by_option, by_default):
        await engine.dispose()


@pytest.mark.once
@pytest.mark.parametrize("place", ["alone", "in a transaction"])
async def test_a_lost_connection_is_an_error_of_sqlalchemy_and_leaves_the_pool(
    migrated: str, driver: str, one: UUID, connection: Connection, place: str
) -> None:
    engine = create_engine(address(migrated, driver), pool_size=1, max_overflow=0)
    for _ in range(2):
        async with sessions(engine)() as session:
            assert await nearest(session, one) == ["a walk"]
    ended = (
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid != %s"
    )
    async with sessions(engine)() as session:
        if place != "alone":
            await session.execute(text("select 1"))
        connection.execute(ended, [connection.info.backend_pid])
        with pytest.raises(DBAPIError) as error:
            await nearest(session, one)
        assert error.value.connection_invalidated
    async with sessions(engine)() as session:
        assert await nearest(session, one) == ["a walk"]
    await engine.dispose()


@pytest.mark.once
async def test_a_search_that_takes_too_long_is_an_error_of_sqlalchemy(
    migrated: str, driver: str, one: UUID, sent_alone: list[str], connection: Connection
) -> None:
    engine = create_engine(address(f"{migrated} options=-cstatement_timeout=100", driver))
    async with sessions(engine)() as session:
        await nearest(session, one)
        await session.rollback()
        with connection.transaction():
            connection.execute("lock table memories")
            with pytest.raises(DBAPIError, match="statement timeout"):
                await nearest(session, one)
        await session.rollback()
        assert await nearest(session, one) == ["a walk"]
    assert len(sent_alone) == 2
    await engine.dispose()


@pytest.mark.once
@pytest.mark.parametrize("place", ["alone", "in a transaction"])
async def test_a_search_that_is_cancelled_leaves_a_pool_that_works(
    migrated: str, driver: str, one: UUID, place: str
) -> None:
    engine = create_engine(address(migrated, driver), pool_size=1, max_overflow=0)
    other = create_engine(address(migrated, driver))
    for _ in range(2):
        async with sessions(engine)() as session:
            await nearest(session, one)
    for _ in range(3):
        async with sessions(other).begin() as locking, sessions(engine)() as session:
            await locking.execute(text("lock table memories"))
            if place != "alone":
                await session.execute(text("select 1"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(nearest(session, one), timeout=0.1)
        async with sessions(engine)() as session:
            assert await nearest(session, one) == ["a walk"]
    await engine.dispose()
    await other.dispose()


FUNCTION = "search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer)"
CHANGES = {
    "dropped": f"drop function {FUNCTION}",
    "another signature": f"drop function {FUNCTION}; "
    "create function search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer) "
    "returns table (content text) language sql begin atomic select 'of the application'; end",
    "moved": "create schema elsewhere; alter extension vector set schema elsewhere",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", ["alone", "in a transaction"])
async def test_searches_go_on_while_what_is_beside_the_table_changes(
    migrated: str, driver: str, sets: Sets, connection: Connection, change: str, place: str
) -> None:
    migrations.migrate(connection, sets, chosen=("fast_search",))
    engine = create_engine(address(migrated, driver), pool_size=1, max_overflow=0)

    async def request(user_id: UUID) -> list[str]:
        async with sessions(engine).begin() as session:
            if place != "alone":
                await session.execute(text("select 1"))
            return await nearest(session, user_id)

    async with sessions(engine).begin() as session:
        user = User()
        session.add(user)
        await session.flush()
        await MemoryStore(session).add(a_memory(user.id))
    for _ in range(7):  # so often that the drivers and the server have prepared it
        assert await request(user.id) == ["a walk"]
    connection.execute(CHANGES[change].encode())
    answers = []
    for _ in range(3):
        with contextlib.suppress(DatabaseError):
            answers.append(await request(user.id))
    await engine.dispose()
    assert answers[-2:] == [["a walk"]] * 2
    assert place != "alone" or len(answers) == 3


async def test_the_set_is_used_once_it_is_applied(
    engine: AsyncEngine,
    one: UUID,
    sets: Sets,
    connection: Connection,
    sent_alone: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with sessions(engine)() as session:
        await nearest(session, one)
    migrations.migrate(connection, sets, chosen=("fast_search",))
    with monkeypatch.context() as patched:
        patched.setattr("memdb.store.surroundings.FOR_A_TRANSACTION", 0)
        async with sessions(engine)() as session:
            await session.execute(text("select 1"))
            assert await nearest(session, one) == ["a walk"]  # learns it
    async with sessions(engine)() as session:
        assert await nearest(session, one) == ["a walk"]
    assert ['"search_memories"(' in text for text in sent_alone] == [True]


async def test_requests_go_on_after_the_schema_was_made_anew(
    migrated: str, driver: str, sets: Sets, connection: Connection
) -> None:
    """All types have other numbers then."""
    migrations.migrate(connection, sets, chosen=("fast_search",))
    engine = create_engine(address(migrated, driver), pool_size=1, max_overflow=0)

    async def request(*, alone: bool) -> list[str]:
        async with sessions(engine)() as session:
            user = User()
            session.add(user)
            await session.flush()
            await MemoryStore(session).add(a_memory(user.id))
            await MemoryStore(session).add_many([a_memory(user.id)])
            if alone:
                await session.commit()
            found = await nearest(session, user.id)
            await session.commit()
            return found

    for alone in (True, False) * 4:
        assert await request(alone=alone) == ["a walk"] * 2
    migrations.rollback(connection, sets, steps=None)
    migrations.migrate(connection, sets)
    for alone in (True, False) * 2:
        assert await request(alone=alone) == ["a walk"] * 2
    await engine.dispose()


@pytest.mark.parametrize("conditions", [{}, {"extra_data": {"done": False}}], ids=["prepared", "not prepared"])
async def test_a_type_made_anew_a_moment_ago_costs_one_transaction_at_most(
    migrated: str, driver: str, sets: Sets, connection: Connection, monkeypatch: pytest.MonkeyPatch, conditions: Any
) -> None:
    migrations.migrate(connection, sets, chosen=("fast_search",))
    monkeypatch.setattr("memdb.store.surroundings.FOR_A_TRANSACTION", 600)
    engine = create_engine(address(migrated, driver), pool_size=1, max_overflow=0)

    async def request(**conditions: Any) -> list[str]:
        async with sessions(engine).begin() as session:
            await session.execute(text("select 1"))
            return await nearest(session, UUID(int=1), **conditions)

    for _ in range(7):
        assert await request() == []
    migrations.rollback(connection, sets, steps=None)
    migrations.migrate(connection, sets, chosen=("fast_search",))
    with contextlib.suppress(DatabaseError):
        await request(**conditions)
    for _ in range(2):
        assert await request(**conditions) == []
    await engine.dispose()


async def test_a_server_that_lacks_the_table_says_so(empty: str, driver: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create extension vector")
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        with pytest.raises(DatabaseError, match="there is no table memories"):
            await nearest(session, UUID(int=1))
    await engine.dispose()


async def test_a_schema_translate_map_leads_to_other_tables(
    engine: AsyncEngine, one: UUID, connection: Connection
) -> None:
    connection.execute('create schema "Tenant"; create table "Tenant".memories (like public.memories including all)')
    tenant = engine.execution_options(schema_translate_map={None: "Tenant"})
    for count in (1, 2):
        async with sessions(tenant).begin() as session:
            await nearest(session, one)
            assert await MemoryStore(session).add_many([a_memory(one, "of the tenant")])
        async with sessions(tenant)() as session:
            assert await nearest(session, one) == ["of the tenant"] * count
    async with sessions(engine)() as session:
        assert await nearest(session, one) == ["a walk"]


async def test_what_may_not_be_read_is_not_told_as_a_change(
    engine: AsyncEngine, one: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memdb.store.surroundings.FOR_A_TRANSACTION", 0)
    async with sessions(engine)() as session:
        await nearest(session, one)
        await session.execute(text("create role asking"))
        await session.execute(text("set local role asking"))
        with pytest.raises(DBAPIError, match="permission denied"):
            await nearest(session, one)
        await session.rollback()
        assert await nearest(session, one) == ["a walk"]
