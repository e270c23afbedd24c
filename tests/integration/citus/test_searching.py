"""A search of a user asks the one shard that has their memories, and finds what it found on one server."""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pgvector.psycopg import register_vector
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.models import MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address
from tests.integration.citus.conftest import SHARDS

KNOWN, NOBODY = UUID(int=7), UUID(int=1)
TOLD = "-c citus.log_remote_commands=on -c client_min_messages=notice"


class Heard:
    """Which shards a connection has asked."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, message: Any) -> None:
        self.said.append(str(getattr(message, "message_primary", None) or getattr(message, "message", "")))

    def shards(self) -> set[int]:
        """By their place: those of all tables that have one place lie together."""
        found = {
            int(number) % SHARDS
            for text in self.said
            if "issuing" in text
            for number in re.findall(r"\b(?:users|memor\w+?)_(\d{6,})\b", text)
        }
        self.said.clear()
        return found


@pytest.fixture
def told(spread: str) -> Iterator[tuple[psycopg.Connection, Heard]]:
    with psycopg.connect(make_conninfo(spread, options=TOLD), autocommit=True) as connection:
        register_vector(connection)
        heard = Heard()
        connection.add_notice_handler(heard)
        yield connection, heard


def test_answers_are_those_of_one_server(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        asked = connection.execute("select user_id, embedding, k, tiers, filter::text, distance, ids from answers")
        questions = asked.fetchall()
        assert len(questions) > 300
        for user, embedding, k, tiers, contained, distance, ids in questions:
            found = connection.execute(
                "select array_agg(id)"
                " from search_memories(%s, %s::vector, %s, %s::text[]::memory_type[], %s, %s::jsonb)",
                [user, embedding, k, tiers, distance, contained],
            ).fetchone()
            assert found == (ids,)


def test_so_are_answers_by_words_and_by_both(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        questions = connection.execute("select * from answers_by_words").fetchall()
        assert any(ids for _, _, _, ids, _ in questions)
        for user, content, embedding, ids, of_both in questions:
            found = connection.execute(
                "select (select array_agg(id) from search_memories_by_words(%(u)s, %(c)s, 10)),"
                " (select array_agg(id) from search_memories_hybrid(%(u)s, %(c)s, %(e)s::vector, 10))",
                {"u": user, "c": content, "e": embedding},
            ).fetchone()
            assert found == (ids, of_both)


def test_so_is_what_is_recalled(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        for user, embedding, k, ids in connection.execute("select * from answers_by_weight").fetchall():
            found = connection.execute(
                "select array_agg(id) from recall_memories(%s, %s::vector, %s)", [user, embedding, k]
            ).fetchone()
            assert found == (ids,)


def test_so_are_answers_in_a_collection(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        questions = connection.execute("select * from answers_in_collections").fetchall()
        assert any(ids for _, _, ids in questions)
        for user, embedding, ids in questions:
            found = connection.execute(
                "select array_agg(id) from search_memories_in_collection("
                "%(u)s, %(u)s, %(e)s::vector, 10, '{project,task}')",
                {"u": user, "e": embedding},
            ).fetchone()
            assert found == (ids,)


SEARCHES = (
    "select * from search_memories(%(user)s, %(embedding)s)",
    "select * from search_memories(%(user)s, %(embedding)s, 30)",
    'select * from search_memories(%(user)s, %(embedding)s, metadata => \'{"source": "chat"}\')',
    "select * from search_memories_where(%(user)s, %(embedding)s, '$.source == \"chat\"')",
    "select * from search_memories_by_words(%(user)s, 'what is the work of today, A-17/3')",
    "select * from search_memories_hybrid(%(user)s, 'what is the work of today', %(embedding)s)",
    "select * from recall_memories(%(user)s, %(embedding)s)",
    "select * from search_memories_in_collection(%(user)s, %(user)s, %(embedding)s) where id::text <> 'source'",
    "select * from memories_in_collection(%(user)s, %(user)s) where id::text <> 'source'",
    "select * from memories where user_id = %(user)s order by embedding <=> %(embedding)s limit 10",
)


@pytest.mark.parametrize("query", SEARCHES)
@pytest.mark.parametrize("prepared", [False, True])
def test_each_form_asks_one_shard(told: tuple[psycopg.Connection, Heard], query: str, prepared: bool) -> None:
    connection, heard = told
    users = connection.execute("select user_id, count(*) from memories group by user_id order by 2").fetchall()
    (embedding,) = connection.execute("select embedding from memories limit 1").fetchone() or (None,)
    for user in (users[0][0], users[-1][0]):
        for number in range(7):  # from the sixth on, plans are made for any user
            heard.said.clear()
            with connection.transaction() if number % 2 else contextlib.nullcontext():
                found = connection.execute(query, {"user": user, "embedding": embedding}, prepare=prepared).fetchall()
            assert (len(found) > 0 or "source" in query or "words" in query, len(heard.shards())) == (True, 1)


def test_few_memories_are_searched_with_one_question_to_their_shard(told: tuple[psycopg.Connection, Heard]) -> None:
    """Each question is a way to another server and back; what has expired is left out by the same one."""
    connection, heard = told
    user, number, embedding = connection.execute(
        "select user_id, count(*), min(embedding::text)::vector from memories group by user_id order by 2 limit 1"
    ).fetchone() or (None, 0, None)
    assert 10 < number < 250
    for _ in range(7):
        heard.said.clear()
        found = connection.execute("select id from search_memories(%s, %s)", [user, embedding]).fetchall()
        asked = [said for said in heard.said if "issuing" in said]
        assert (len(found), len(asked)) == (10, 1)


Ask = Callable[[MemoryStore[Any], Any, Any], Any]

OF_THE_STORE: dict[str, Ask] = {
    "nearest": lambda store, user, near: store.nearest(MemorySimilarityQuery(user_id=user, embedding=near, limit=5)),
    "nearest of metadata": lambda store, user, near: store.nearest(
        MemorySimilarityQuery(user_id=user, embedding=near, limit=5, extra_data={"source": "chat"})
    ),
    "search": lambda store, user, near: store.search(user, "sea", near, k=5),
    "nearest in a collection": lambda store, user, near: store.nearest(
        MemorySimilarityQuery(user_id=user, embedding=near, limit=5, collection_id=user)
    ),
    "search in a collection": lambda store, user, near: store.search(user, "sea", near, k=5, collection=user),
    "list of a collection": lambda store, user, near: store.list(MemoryQuery(user_id=user, collection_id=user)),
    "recall": lambda store, user, near: store.recall(user, near, k=5),
    "noted": lambda store, user, near: store.noted([KNOWN], user_id=user),
    "list": lambda store, user, near: store.list(MemoryQuery(user_id=user, limit=5)),
    "get": lambda store, user, near: store.get(KNOWN, user_id=user),
    "update": lambda store, user, near: store.update(KNOWN, MemoryUpdate(content="new"), user_id=user),
    "touch": lambda store, user, near: store.touch([KNOWN], user_id=user),
    "pin": lambda store, user, near: store.pin([KNOWN], user_id=user),
    "expire": lambda store, user, near: store.expire([KNOWN], datetime(2030, 1, 1, tzinfo=UTC), user_id=user),
    "delete": lambda store, user, near: store.delete([KNOWN], user_id=user),
    "add": lambda store, user, near: store.add(
        MemoryCreate(user_id=user, memory_type=MemoryType.TASK, content="a", embedding=near), skip_existing=True
    ),
}


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
@pytest.mark.parametrize("asks", OF_THE_STORE)
async def test_the_store_asks_one_shard(spread: str, driver: str, asks: str) -> None:
    engine = create_engine(address(spread, driver))
    with psycopg.connect(spread) as connection:
        (user, near) = connection.execute(
            "select user_id, embedding::real[] from memories order by user_id limit 1"
        ).fetchone() or (None, None)
    heard = Heard()
    async with sessions(engine)() as session:
        await _listen(session, heard, driver)
        store = MemoryStore(session)
        for _ in range(7):
            await OF_THE_STORE[asks](store, user, near)
            assert len(heard.shards()) == 1
        await session.rollback()
    await engine.dispose()


async def _listen(session: AsyncSession, heard: Heard, driver: str) -> None:
    connection = await session.connection()
    raw: Any = (await connection.get_raw_connection()).driver_connection
    if driver == "psycopg":
        raw.add_notice_handler(heard)
        await raw.execute("set citus.log_remote_commands = on")
    else:
        raw.add_log_listener(lambda _, message: heard(message))
        await raw.execute("set citus.log_remote_commands = on")
    await MemoryStore(session).list(MemoryQuery(user_id=NOBODY))  # learns what is there
    heard.said.clear()


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_the_store_keeps_its_promises_in_shards(spread: str, driver: str) -> None:
    engine = create_engine(address(spread, driver))
    async with sessions(engine)() as session:
        store = MemoryStore(session)
        with psycopg.connect(spread) as connection:
            (user,) = connection.execute("select id from users order by id limit 1").fetchone() or (None,)
        made = MemoryCreate(user_id=user, memory_type=MemoryType.TASK, content="one")
        (id,) = await store.add_many([made])
        again = made.model_copy(update={"id": id, "content": "two"})
        assert await store.add_many([again], skip_existing=True) == []
        assert await store.upsert_many([again]) == [id]
        changed = await store.update(id, MemoryUpdate(content="three"))
        assert changed is not None
        assert changed.content == "three"
        await session.execute(text("update memories set accessed_at = '2020-01-01'"))
        assert await store.touch([id]) == 1
        assert await store.delete([id]) == 1
        await session.rollback()
    await engine.dispose()
