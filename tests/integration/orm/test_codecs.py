"""What an application has told its driver, or SQLAlchemy, of types: nothing of it reaches what is stored and read."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from pgvector.asyncpg import register_vector
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg.types.string import TextLoader
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from memdb import database, migrations
from memdb.database import Connection
from memdb.errors import InvalidMemory
from memdb.ledger.sqlfiles import Sets
from memdb.models import Memory, MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.conftest import new_database
from tests.helpers import address

pytestmark = pytest.mark.once

AHEAD = [1.0, *[0.0] * 1535]


def exact(text: Any) -> Any:
    """JSON as an application may read it, in its own way."""
    return json.loads(text, parse_float=Decimal)


async def _tell(driver: Any) -> None:
    if hasattr(driver, "set_type_codec"):  # asyncpg
        for name in ("json", "jsonb"):
            await driver.set_type_codec(name, schema="pg_catalog", encoder=json.dumps, decoder=exact)
    else:
        set_json_dumps(lambda value: json.dumps({"wrapped": value}), driver)
        set_json_loads(exact, driver)


@pytest.fixture(params=["the driver", "SQLAlchemy"])
async def told(migrated: str, driver: str, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """An engine that reads and writes JSON in another way."""
    options: dict[str, Any] = {}
    if request.param == "SQLAlchemy":
        options = {"json_serializer": lambda value: json.dumps(str(value)), "json_deserializer": exact}
    engine = create_engine(address(migrated, driver), **options)
    if request.param == "the driver":
        event.listen(engine.sync_engine, "connect", lambda connection, _: connection.run_async(_tell))
    yield engine
    await engine.dispose()


async def test_metadata_are_stored_and_read_alike_however_an_application_writes_json(
    told: AsyncEngine, connection: Connection, user_id: UUID
) -> None:
    data: dict[str, Any] = {"a": 0.1, "b": {"c": [1.5, None]}}
    memory: Any = {"user_id": user_id, "memory_type": "task", "content": "x", "embedding": AHEAD, "extra_data": data}
    async with sessions(told).begin() as session:
        store = MemoryStore(session)
        await store.add(MemoryCreate(**memory))
        await store.add_many([MemoryCreate(**memory)])
        await store.add_many([MemoryCreate(**memory)], skip_existing=True)
        changed = await store.add(MemoryCreate(**memory | {"extra_data": {"a": 0.1}}))
        await store.update(changed.id, MemoryUpdate(extra_data={"b": data["b"]}))
        assigned = await store.add(MemoryCreate(**memory | {"extra_data": {"a": 0.1}}))
        assert assigned.extra_data is not None
        assigned.extra_data["b"] = data["b"]
    stored = connection.execute("select distinct metadata::text from memories").fetchall()
    assert [json.loads(text) for (text,) in stored] == [data]
    async with sessions(told)() as session:
        store = MemoryStore(session)
        listed = await store.list(MemoryQuery(user_id=user_id, extra_data={"a": 0.1, "done": False, "gone": None}))
        nearest = await store.nearest(MemorySimilarityQuery(user_id=user_id, embedding=AHEAD, extra_data={"a": 0.1}))
        assert [found.extra_data for found in listed] == [found.extra_data for found in nearest] == [data] * 5
        assert {type(found.extra_data["a"]) for found in listed if found.extra_data} == {float}


async def test_metadata_in_a_condition_are_sent_alike(told: AsyncEngine, user_id: UUID) -> None:
    async with sessions(told).begin() as session:
        session.add(Memory(user_id=user_id, memory_type="task", content="x", extra_data={"a": 1}))
        for condition in (Memory.extra_data.contains({"a": 1}), Memory.extra_data == {"a": 1}):
            assert await session.scalar(select(Memory.content).where(condition)) == "x"


async def _as_text(driver: Any) -> None:
    await driver.set_type_codec("vector", encoder=str, decoder=json.loads)


async def _of_arrays(driver: Any) -> None:
    def encode(value: Any) -> str:
        return np.array2string(value, separator=",", threshold=2000)

    await driver.set_type_codec("vector", encoder=encode, decoder=json.loads)


@pytest.mark.parametrize("tell", [register_vector, _as_text, _of_arrays])
async def test_a_search_goes_on_with_an_applications_own_form_of_vectors(
    migrated: str, user_id: UUID, tell: Any
) -> None:
    """Also within a transaction, which a refusal by the server would end."""
    engine = create_engine(address(migrated, "asyncpg"), pool_size=1, max_overflow=0)
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.run_async(tell))
    query = MemorySimilarityQuery(user_id=user_id, embedding=AHEAD)
    async with sessions(engine).begin() as session:
        session.add(Memory(user_id=user_id, memory_type="task", content="x", embedding=AHEAD))
        for _ in range(2):
            assert [found.content for found in await MemoryStore(session).nearest(query)] == ["x"]
    for _ in range(2):
        async with sessions(engine)() as session:
            assert [found.content for found in await MemoryStore(session).nearest(query)] == ["x"]
    await engine.dispose()


@pytest.mark.parametrize("own", [True, False])
async def test_texts_are_stored_alike_whatever_encoding_a_connection_has(
    migrated: str, driver: str, user_id: UUID, connection: Connection, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine of the application's own, and one of memdb where the environment names another encoding."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    make = create_async_engine if own else create_engine
    engine = make(f"postgresql+{driver}://" if own else address(migrated, driver), **_connect(migrated, driver, own))
    texts: Any = {"content": "Grüße", "extra_data": {"ä": "ö"}}
    memory: Any = {"user_id": user_id, "memory_type": "task", "embedding": AHEAD, **texts}
    async with sessions(engine).begin() as session:
        store = MemoryStore(session)
        await store.add(MemoryCreate(**memory))
        await store.add_many([MemoryCreate(**memory)])
        await store.add_many([MemoryCreate(**memory)], skip_existing=True)
    stored = connection.execute("select content, metadata from memories").fetchall()
    assert stored == [(texts["content"], texts["extra_data"])] * 3
    query = MemorySimilarityQuery(user_id=user_id, embedding=AHEAD, extra_data=texts["extra_data"])
    async with sessions(engine)() as session:
        assert [found.content for found in await MemoryStore(session).nearest(query)] == [texts["content"]] * 3
    await engine.dispose()


@pytest.mark.parametrize("own", [True, False])
async def test_what_an_encoding_does_not_have_is_refused_with_what_to_do(
    server: str, sets: Sets, driver: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoding of a connection of the application's own, and that of a database."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    encoding, make = ("UTF8", create_async_engine) if own else ("LATIN1", create_engine)
    strange: Any = {"content": "猫", "user_id": uuid4(), "memory_type": "task", "embedding": AHEAD}
    with new_database(server, template=f"template0 encoding {encoding} lc_collate 'C' lc_ctype 'C'") as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            migrations.migrate(connection, sets)
            connection.execute("insert into users values (%s)", [strange["user_id"]])
        url = f"postgresql+{driver}://" if own else address(conninfo, driver)
        options = _connect(conninfo, driver, own)
        if own and driver == "asyncpg":
            options["connect_args"]["server_settings"] = {"client_encoding": "LATIN1"}
        engine = make(url, **options)
        id = uuid4()
        known = MemoryCreate(**{**strange, "content": "cat", "id": id})
        async with sessions(engine).begin() as session:
            await MemoryStore(session).add(known)
        memory = MemoryCreate(**strange)
        wanted: Any = {"user_id": known.user_id, "extra_data": {"a": "猫"}}
        calls: list[Callable[[MemoryStore[Memory]], Awaitable[object]]] = [
            lambda store: store.add(memory),
            lambda store: store.add_many([memory]),
            lambda store: store.add_many([memory], skip_existing=True),
            lambda store: store.update(id, MemoryUpdate(content="猫")),
        ]
        if not own:  # metadata to look for have escapes on the way
            calls.append(lambda store: store.list(MemoryQuery(**wanted)))
            calls.append(lambda store: store.nearest(MemorySimilarityQuery(embedding=AHEAD, **wanted)))
        for call in calls:
            async with sessions(engine)() as session:
                with pytest.raises(InvalidMemory) as caught:
                    await call(MemoryStore(session))
                assert "UTF8" in caught.value.hint
        await engine.dispose()


def _connect(conninfo: str, driver: str, own: bool) -> dict[str, Any]:
    if not own:
        return {}
    parameters = conninfo_to_dict(conninfo)
    if driver == "asyncpg":
        parameters = {
            "host": parameters["host"], "port": parameters.get("port"),
            "user": parameters["user"], "database": parameters["dbname"],
        }  # fmt: skip
    return {"connect_args": parameters}


async def _read_as_text(driver: Any) -> None:
    for name in ("uuid", "timestamptz"):
        if hasattr(driver, "set_type_codec"):  # asyncpg
            await driver.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str)
        else:
            driver.adapters.register_loader(name, TextLoader)


async def test_many_are_stored_where_ids_and_times_are_read_as_text(migrated: str, driver: str, user_id: UUID) -> None:
    engine = create_engine(address(migrated, driver))
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.run_async(_read_as_text))
    memories = [MemoryCreate(id=uuid4(), user_id=user_id, memory_type=MemoryType.TASK, content="x") for _ in range(2)]
    async with sessions(engine).begin() as session:
        store = MemoryStore(session)
        assert await store.add_many(memories[:1]) == [memories[0].id]
        assert await store.add_many(memories, skip_existing=True) == [memories[1].id]
    await engine.dispose()
