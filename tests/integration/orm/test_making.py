"""A store that is given an embedder makes the embedding, and notes its model."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import memdb
from memdb.errors import DatabaseError, EmbedderFailed
from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.embedding_server import meaning
from tests.helpers import address

pytestmark = pytest.mark.once


class Mine:
    model = "mine"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        self.asked.append(len(texts))
        return [meaning(text) * (text != "nothing") for text in texts]


class Theirs:
    model = "theirs"

    async def aembed(self, texts: Sequence[str]) -> Sequence[Any]:
        return Mine().embed(texts)


@asynccontextmanager
async def opened(conninfo: str, driver: str) -> AsyncIterator[tuple[AsyncSession, Callable[..., MemoryCreate]]]:
    """A session, and what makes memories of a user in it."""
    with memdb.open(conninfo, sets=("drop_hnsw", "embeddings", "deduplication")) as db:
        db.migrate()
    engine = create_engine(address(conninfo, driver))
    async with sessions(engine)() as session:
        session.add(user := User())
        await session.flush()

        def said(content: str, **more: Any) -> MemoryCreate:
            return MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content=content, **more)

        yield session, said
    await engine.dispose()


async def states(session: AsyncSession) -> dict[UUID, str]:
    rows = await session.execute(text("select memory_id, state from memory_embedding_states('mine')"))
    return {row.memory_id: row.state for row in rows}


async def right(session: AsyncSession) -> bool:
    """Whether each memory has the embedding of its text."""
    rows = await session.execute(text("select content, embedding::real[] from memories"))
    return all(np.allclose(numbers, meaning(content), atol=1e-6) for content, numbers in rows)


async def test_many_are_embedded_in_few_requests_and_stored_replaced_or_left_as_without(
    empty: str, driver: str
) -> None:
    async with opened(empty, driver) as (session, said):
        store, mine = MemoryStore(session), Mine()
        texts = [said(f"text {n}") for n in range(70)]
        ids = await store.add_many([*texts, said("own", embedding=meaning("own").tolist())], embedder=mine)
        assert (len(ids), mine.asked, await right(session)) == (71, [64, 6], True)
        assert await states(session) == dict.fromkeys(ids[:70], "current") | {ids[70]: "unknown"}
        again = [said("text 1"), said("new"), said("new")]
        assert len(await store.add_many(again, skip_duplicates=True, embedder=mine)) == 1
        replaced = [said("other", id=ids[0]), said("last", id=ids[1]), said("theirs", id=ids[2])]
        replaced.append(said("given", id=ids[2], embedding=meaning("given").tolist()))
        assert await store.upsert_many(replaced, embedder=Theirs()) == ids[:3]
        found = await states(session)
        assert [found[id] for id in ids[:4]] == ["other model", "other model", "unknown", "current"]
        assert await right(session)


class Lazy:
    """As fastembed does it: embeddings are made only when they are taken."""

    model = "mine"

    def embed(self, texts: Sequence[str]) -> Iterator[Any]:
        assert threading.current_thread() is not threading.main_thread()
        yield from Mine().embed(texts)


async def test_what_a_generator_makes_only_when_it_is_asked_keeps_no_task_waiting(empty: str, driver: str) -> None:
    async with opened(empty, driver) as (session, said):
        await MemoryStore(session).add(said("text"), embedder=Lazy())
        assert await right(session)


async def test_a_changed_text_gets_its_embedding_along_with_it(empty: str, driver: str) -> None:
    async with opened(empty, driver) as (session, said):
        store, mine = MemoryStore(session), Mine()
        (id,) = await store.add_many([said("before")])
        assert await store.update(id, MemoryUpdate(memory_type=MemoryType.PROJECT), embedder=mine) is not None
        assert (mine.asked, await states(session)) == ([], {id: "missing"})
        changed = await store.update(id, MemoryUpdate(content="after"), embedder=mine)
        assert changed is not None
        assert (changed.content, await states(session), await right(session)) == ("after", {id: "current"}, True)
        assert await store.update(UUID(int=1), MemoryUpdate(content="x"), embedder=mine) is None


@pytest.mark.parametrize("way", ["add", "add_many", "upsert_many", "update"])
async def test_a_text_that_a_trigger_replaces_makes_its_embedding_stale(empty: str, driver: str, way: str) -> None:
    async with opened(empty, driver) as (session, said):
        store = MemoryStore(session)
        (id,) = await store.add_many([said("before")])
        body = "begin new.content = replace(new.content, 'secret', '…'); return new; end"
        await session.execute(
            text(f"create function censored() returns trigger language plpgsql as $body$ {body} $body$")
        )
        await session.execute(
            text("create trigger censored before insert or update on memories for each row execute function censored()")
        )
        if way == "add":
            ids = [(await store.add(said(content), embedder=Mine())).id for content in ("a secret", "a text")]
        elif way == "update":
            await store.update(id, MemoryUpdate(content="a secret"), embedder=Mine())
            ids = [id, *await store.add_many([said("a text")], embedder=Mine())]
        else:
            ids = await getattr(store, way)([said("a secret"), said("a text")], embedder=Mine())
        found = await states(session)
        assert [found[id] for id in ids] == ["stale", "current"]


async def test_of_those_with_one_id_only_the_one_that_is_stored_is_embedded(empty: str, driver: str) -> None:
    async with opened(empty, driver) as (session, said):
        store, mine, (first, second) = MemoryStore(session), Mine(), (UUID(int=1), UUID(int=2))
        given = [said("given", id=first, embedding=meaning("given").tolist()), said("one", id=second)]
        given += [said("two", id=second), said("last", id=first)]
        assert await store.upsert_many(given, embedder=mine) == [first, second]
        assert (sum(mine.asked), await right(session)) == (2, True)
        assert await states(session) == {first: "current", second: "current"}
        given = [said(content, id=UUID(int=3)) for content in ("stored", "passed over")]
        assert await store.add_many(given, skip_existing=True, embedder=mine) == [UUID(int=3)]
        assert (sum(mine.asked), await right(session), (await states(session))[UUID(int=3)]) == (3, True, "current")


@pytest.mark.parametrize("way", ["add_many", "upsert_many", "update"])
async def test_where_an_embedding_or_the_set_is_missing_all_is_as_it_was(empty: str, driver: str, way: str) -> None:
    async with opened(empty, driver) as (session, said):
        store = MemoryStore(session)
        (id,) = await store.add_many([said("before")])

        async def change(content: str) -> Any:
            if way == "update":
                return await store.update(id, MemoryUpdate(content=content), embedder=Mine())
            return await getattr(store, way)([said("first"), said(content)], embedder=Mine())

        with pytest.raises(EmbedderFailed, match="all zeros" if way == "update" else r"memory 1 .*all zeros"):
            await change("nothing")
        await session.execute(text("drop function note_embedding_model"))
        with pytest.raises(DatabaseError, match="no function note_embedding_model"):
            await change("after")
        contents = await session.scalars(text("select content from memories"))
        assert contents.all() == ["before"]


async def test_a_memory_is_embedded_as_it_is_added_and_its_model_is_known(empty: str, driver: str) -> None:
    with memdb.open(empty, sets=("drop_hnsw", "embeddings")) as db:
        db.migrate()
    engine = create_engine(address(empty, driver))
    async with sessions(engine)() as session:
        session.add(user := User())
        await session.flush()
        store = MemoryStore(session)

        def said(content: str, **more: Any) -> MemoryCreate:
            return MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content=content, **more)

        first = await store.add(said("a"), embedder=Mine())
        second = await store.add(said("b"), embedder=Theirs(), skip_existing=True)
        third = await store.add(said("c", embedding=meaning("d").tolist()), embedder=Mine())
        assert second is not None
        with pytest.raises(EmbedderFailed, match="all zeros"):
            await store.add(said("nothing"), embedder=Mine())
        states = text("select memory_id, state from memory_embedding_states('mine')")
        found = [(id, state) for id, state in await session.execute(states)]
        assert sorted(found) == sorted([(first.id, "current"), (second.id, "other model"), (third.id, "unknown")])
        await session.commit()
        await session.execute(text("drop function note_embedding_model"))
        with pytest.raises(DatabaseError, match="no function note_embedding_model"):
            await store.add(said("e"), embedder=Mine())
    await engine.dispose()
