"""What a memory says is in no error, no traceback and no log, whoever refuses it, and whichever driver is below."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from memdb.database import Connection
from memdb.models import Memory
from memdb.schemas import MemoryCreate, MemoryQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address

pytestmark = pytest.mark.once

SECRET = "-".join(("my", "debts"))  # so that it is not in the lines of this file that a traceback shows
REFUSED = f"{SECRET} refused"  # by a constraint of the application
EMBEDDING = [0.1] * 1536
Attempt = Callable[[AsyncSession, UUID], Awaitable[Any]]


def a_memory(user_id: UUID, content: str = SECRET, **values: Any) -> MemoryCreate:
    given: dict[str, Any] = {"user_id": user_id, "memory_type": "task", "content": content, "embedding": EMBEDDING}
    return MemoryCreate(**given | values)


async def _flush(session: AsyncSession, user_id: UUID) -> None:
    session.add(Memory(user_id=user_id, memory_type="task", content=SECRET))
    await session.flush()


async def _update(session: AsyncSession, user_id: UUID) -> None:
    memory = await MemoryStore(session).add(a_memory(user_id, "fine"))
    await MemoryStore(session).update(memory.id, MemoryUpdate(content=REFUSED))


BY_THE_STORE: dict[str, Attempt] = {
    "check": lambda session, user: MemoryStore(session).add(a_memory(user, REFUSED)),
    "check of many": lambda session, user: MemoryStore(session).add_many(
        [a_memory(user, "x"), a_memory(user, REFUSED)]
    ),
    "unique": lambda session, user: MemoryStore(session).add_many([a_memory(user), a_memory(user)]),
    "unknown user": lambda session, _: MemoryStore(session).add(a_memory(uuid4())),
    "update": _update,
}
BY_THE_ENGINE: dict[str, Attempt] = {
    "flush": lambda session, _: _flush(session, uuid4()),
    "not null": lambda session, _: session.execute(text("insert into memories (content) values (:c)"), {"c": SECRET}),
    "no id": lambda session, _: session.execute(text("select cast(:c as uuid)"), {"c": SECRET}),
    "no number": lambda session, _: session.execute(text("select :c + 1"), {"c": SECRET}),
}


@pytest.fixture
def users(migrated: str, connection: Connection, driver: str) -> UUID:
    connection.execute("alter table memories add constraint of_application check (content not like '%refused')")
    connection.execute("create unique index one_of_each on memories (content)")
    added: UUID = connection.value("insert into users default values returning id")
    return added


async def told(session: AsyncSession, attempt: Attempt, user_id: UUID) -> str:
    """All that a log would have of it."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of what kind it is does not matter
        await attempt(session, user_id)
    return "".join(traceback.format_exception(raised.value)) + str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("own", [False, True], ids=["its engine", "an engine of the application's"])
async def test_no_error_of_the_store_says_it(
    migrated: str, users: UUID, driver: str, own: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sqlalchemy.engine")
    attempts = BY_THE_STORE if own else BY_THE_STORE | BY_THE_ENGINE
    make: Any = create_async_engine if own else create_engine
    engine = make(address(migrated, driver))
    said = {}
    for name, attempt in attempts.items():
        async with sessions(engine)() as session:
            said[name] = await told(session, attempt, users)
    await engine.dispose()
    assert [name for name, text in said.items() if SECRET in text] == []
    assert own or SECRET not in caplog.text


async def test_the_kind_of_an_error_and_its_constraint_stay(migrated: str, users: UUID, driver: str) -> None:
    engine = create_engine(address(migrated, driver))
    async with sessions(engine)() as session:
        with pytest.raises(IntegrityError, match='violates check constraint "of_application"') as raised:
            await MemoryStore(session).add(a_memory(users, REFUSED))
    assert raised.value.statement
    await engine.dispose()


async def test_an_application_may_ask_for_values(migrated: str, driver: str) -> None:
    engine = create_engine(address(migrated, driver), hide_parameters=False)
    async with sessions(engine)() as session:
        with pytest.raises(DBAPIError, match=SECRET):
            await session.execute(text("insert into memories (content) values (:c)"), {"c": SECRET})
    await engine.dispose()


@pytest.mark.parametrize(
    "make",
    [
        lambda: a_memory(uuid4(), f"{SECRET}\udc00"),
        lambda: a_memory(uuid4(), memory_type=SECRET),
        lambda: a_memory(uuid4(), extra_data={"stressor": [SECRET]}),
        lambda: a_memory(uuid4(), extra_data=SECRET),
        lambda: MemoryUpdate(content=f"{SECRET}\0"),
        lambda: MemoryUpdate(extra_data={"stressor": [SECRET], "intensity": SECRET}),
        lambda: MemoryQuery(user_id=SECRET),
        lambda: MemoryCreate.model_validate_json(f'{{"content": "{SECRET}", "other": "{SECRET}"}}'),
    ],
)
def test_no_error_of_a_schema_says_it(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        make()
    assert SECRET not in "".join(traceback.format_exception(raised.value)) + repr(raised.value)
