"""Sessions that say for whom they ask, where the set row_security holds their role to the rows of one user."""

import asyncio
import re
import textwrap
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

import memdb
from memdb.errors import InvalidMemory, UsageError
from memdb.models import Memory, MemoryCollection, MemoryType, User
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, act_for, create_engine, sessions
from tests.conftest import new_database
from tests.helpers import address, vectors
from tests.integration.orm.pooling import pooled

pytestmark = pytest.mark.once

ANN, BOB = UUID(int=1), UUID(int=2)
NEAR = vectors(1)[0]
Factory = async_sessionmaker[AsyncSession]


@pytest.fixture(scope="module")
def role(server: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as admin:
        name = f"acting_{admin.info.backend_pid}"
        admin.execute(f"create role {name} login".encode())
        yield name
        admin.execute(f"drop role {name}".encode())


@pytest.fixture(scope="module")
def secured(server: str, template: str, role: str) -> Iterator[str]:
    """The name of a database with the sets, and a role for an application."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=("fast_search", "row_security")) as db:
            db.migrate()
        with psycopg.connect(conninfo) as admin:
            admin.execute(f"grant all on memories, memory_collections, users to {role}".encode())
        yield str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])


@pytest.fixture
def database(server: str, secured: str) -> Iterator[str]:
    with new_database(server, template=secured) as conninfo:
        yield conninfo


@pytest.fixture
async def held(database: str, role: str, driver: str) -> AsyncIterator[Factory]:
    """Sessions of the role, in a database where Ann and Bob have two memories each."""
    engine = create_engine(address(make_conninfo(database, user=role), driver))
    await fill(engine)
    yield sessions(engine)
    await engine.dispose()


async def fill(engine: AsyncEngine) -> None:
    """As an application does it: each user adds themselves."""
    for user in (ANN, BOB):
        async with sessions(engine)() as session:
            act_for(session, user)
            session.add_all(
                [User(id=user), MemoryCollection(user_id=user, collection_type="journal", name=f"of {user}")]
            )
            await session.flush()
            await MemoryStore(session).add_many([a_memory(user, n) for n in range(2)])
            await session.commit()


def a_memory(user: UUID, number: int, *, id: UUID | None = None) -> MemoryCreate:
    content = f"secret of {user}"
    id = id or UUID(int=(user.int << 64) + number)
    return MemoryCreate(id=id, user_id=user, memory_type=MemoryType.TASK, content=content, embedding=NEAR)


OF_BOB = UUID(int=BOB.int << 64)
READS: dict[str, Any] = {
    "list": lambda store, _: store.list(MemoryQuery(user_id=BOB)),
    "nearest": lambda store, _: store.nearest(MemorySimilarityQuery(user_id=BOB, embedding=NEAR)),
    "nearest by metadata": lambda store, _: store.nearest(
        MemorySimilarityQuery(user_id=BOB, embedding=NEAR, extra_data={"done": False})
    ),
    "get": lambda store, _: store.get(OF_BOB),
    "get of a user": lambda store, _: store.get(OF_BOB, user_id=BOB),
    "update": lambda store, _: store.update(OF_BOB, MemoryUpdate(content="changed")),
    "touch": lambda store, _: store.touch([OF_BOB], unless_within=timedelta(0)),
    "delete": lambda store, _: store.delete([OF_BOB]),
    "delete of a user": lambda store, _: store.delete([OF_BOB], user_id=BOB),
    "models": lambda _, session: session.scalar(select(Memory).where(Memory.user_id == BOB)),
    "a model by its key": lambda _, session: session.get(Memory, OF_BOB),
    "a user": lambda _, session: session.get(User, BOB),
    "collections": lambda _, session: session.scalar(select(MemoryCollection).where(MemoryCollection.user_id == BOB)),
    "a count": lambda _, session: session.scalar(select(func.count()).select_from(Memory).where(Memory.id == OF_BOB)),
    "text": lambda _, session: session.scalar(text("select content from memories where content like '%2'")),
}
"""What finds or changes something of Bob's only where he asks himself."""


@pytest.mark.parametrize("name", READS)
async def test_a_session_finds_and_changes_what_is_of_the_user_for_whom_it_asks(held: Factory, name: str) -> None:
    for user, finds in ((ANN, False), (None, False), (BOB, True)):
        async with held() as session:
            act_for(session, user)
            assert bool(await READS[name](MemoryStore(session), session)) is finds
            await session.rollback()
            assert bool(await READS[name](MemoryStore(session), session)) is finds  # in its next transaction, too
    async with held() as session:
        assert not await READS[name](MemoryStore(session), session)


async def test_nothing_is_stored_for_another(held: Factory) -> None:
    async with held() as session:
        act_for(session, ANN)
        store = MemoryStore(session)
        for memories, skip in (
            ([a_memory(BOB, 7)], False),
            ([a_memory(BOB, 7)], True),
            ([a_memory(ANN, 7), a_memory(BOB, 8)], False),
        ):
            with pytest.raises(DBAPIError, match="row-level security policy"):
                await store.add_many(memories, skip_existing=skip)
            await session.rollback()
        with pytest.raises(DBAPIError, match="row-level security policy"):
            await store.add(a_memory(BOB, 7))
        await session.rollback()
        with pytest.raises(DBAPIError, match="row-level security policy"):
            await session.execute(update(Memory).values(user_id=BOB))
        await session.rollback()
        with pytest.raises(InvalidMemory, match="belongs to another memory"):
            await store.add(a_memory(ANN, 0, id=OF_BOB))


async def test_a_session_asks_for_one_user_in_a_transaction(held: Factory) -> None:
    async with held() as session:
        act_for(session, ANN)
        assert await MemoryStore(session).list(MemoryQuery(user_id=ANN))
        with pytest.raises(UsageError, match="cannot ask for another user"):
            act_for(session, BOB)
        async with session.begin_nested():
            assert not await MemoryStore(session).list(MemoryQuery(user_id=BOB))
        await session.commit()
        act_for(session, BOB)
        assert await MemoryStore(session).list(MemoryQuery(user_id=BOB))
        assert not await MemoryStore(session).list(MemoryQuery(user_id=ANN))


@pytest.mark.parametrize("then", [ANN, None])
async def test_what_a_session_has_read_for_one_user_it_does_not_give_to_the_next(
    held: Factory, then: UUID | None
) -> None:
    async with held() as session:
        act_for(session, BOB)
        read = await session.get(Memory, OF_BOB)
        assert read is not None
        await session.commit()
        act_for(session, then)
        assert await session.get(Memory, OF_BOB) is None
        assert read.content == f"secret of {BOB}"  # whoever has it, has it


async def test_where_there_are_no_transactions_nobody_is_told_that_nothing_was_found(held: Factory) -> None:
    async with held() as session:
        act_for(session, BOB)
        with pytest.raises(UsageError, match="cannot say for whom it asks"):
            await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    for name in ("list", "nearest", "models"):
        async with held(bind=held.kw["bind"].execution_options(isolation_level="AUTOCOMMIT")) as session:
            act_for(session, BOB)
            with pytest.raises(UsageError, match="cannot say for whom it asks"):
                await READS[name](MemoryStore(session), session)


async def test_a_session_says_for_whom_it_asks_within_begin_until_it_has_asked(held: Factory) -> None:
    for user, others in ((ANN, BOB), (BOB, ANN)):
        async with held.begin() as session:
            act_for(session, others)
            act_for(session, user)
            assert await MemoryStore(session).list(MemoryQuery(user_id=user))
            assert not await MemoryStore(session).list(MemoryQuery(user_id=others))
            with pytest.raises(UsageError, match="cannot ask for another user"):
                act_for(session, others)
    async with held.begin() as session:
        assert not await MemoryStore(session).list(MemoryQuery(user_id=ANN))
        with pytest.raises(UsageError, match="cannot ask for another user"):
            act_for(session, ANN)


async def test_a_session_acts_as_the_page_shows(held: Factory) -> None:
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    query = MemorySimilarityQuery(user_id=ANN, embedding=NEAR)
    lines = [*textwrap.dedent(snippet).splitlines(), ""]
    body = "\n    ".join(line for line in lines if not line.startswith("from "))
    scope: dict[str, Any] = {"engine": held.kw["bind"], "user_id": ANN, "query": query}
    exec("\n".join(line for line in lines if line.startswith("from ")), scope)
    exec(f"async def shown():\n    {body.replace('        await', '        return await')}", scope)
    assert {found.user_id for found in await scope["shown"]()} == {ANN}


async def test_two_users_share_one_pooled_connection_also_when_it_is_lost(
    database: str, role: str, driver: str
) -> None:
    """With one server process for all, whatever a transaction leaves behind would meet the next."""
    with pooled(database, user=role, size=1) as conninfo:
        engine = create_engine(address(conninfo, driver), transaction_pooler=True, pool_size=4)
        await fill(engine)

        async def asked(user: UUID | None, *, crash: bool = False) -> set[UUID]:
            async with sessions(engine)() as session:
                act_for(session, user)
                found = {row.user_id for row in await session.scalars(select(Memory))}
                if crash:
                    with psycopg.connect(database, autocommit=True) as admin:
                        admin.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity "
                            "where usename = %s and datname = current_database()",
                            [role],
                        )
                    with pytest.raises(DBAPIError):
                        await session.execute(select(Memory))
                return found

        turns = [ANN, BOB, None] * 6
        assert await asyncio.gather(*map(asked, turns)) == [{user} - {None} for user in turns]
        for user in (ANN, BOB):
            assert await asked(user, crash=True) == {user}
            assert await asked(None) == set()
            assert await asked(ANN) == {ANN}
        interrupted = asyncio.create_task(asked(ANN))
        await asyncio.sleep(0.01)
        interrupted.cancel()
        assert await asked(BOB) == {BOB}
        async with sessions(engine)() as session:
            assert not (await session.scalars(select(Memory))).all()
        await engine.dispose()
