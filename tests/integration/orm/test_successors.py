"""A store that is told of the model that has taken over asks by it, and stores its embeddings beside memories."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import memdb
from memdb import project
from memdb.errors import DatabaseError, InvalidMemory, UsageError
from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate, MemorySimilarityQuery, MemoryUpdate
from memdb.store import Embeddings, MemoryStore, create_engine, sessions
from tests.embedding_server import meaning
from tests.helpers import address

pytestmark = pytest.mark.once

NEW = Embeddings("new", "halfvec(32)")


class Asked(MemorySimilarityQuery):
    embedding_type = NEW.type


class New:
    model = NEW.model

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        return [meaning(text)[:32] for text in texts]


@pytest.fixture
async def session(migrated: str, driver: str, tmp_path: Path) -> AsyncIterator[AsyncSession]:
    sql_dir = project.init(tmp_path).sql_dir
    project.begin(sql_dir, "new", 32, "halfvec")
    project.switch(sql_dir, "new")
    with memdb.open(migrated, sql_dir=sql_dir, sets=("fast_search", "drop_hnsw")) as db:
        db.migrate()
    engine = create_engine(address(migrated, driver))
    async with sessions(engine)() as session:
        yield session
    await engine.dispose()


async def test_what_is_added_and_changed_is_found_by_the_new_model(session: AsyncSession) -> None:
    session.add(user := User())
    await session.flush()
    store, new = MemoryStore(session, embeddings=NEW), New()

    def said(content: str, **more: Any) -> MemoryCreate:
        return MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content=content, **more)

    async def nearest(content: str) -> list[str]:
        query = Asked(user_id=user.id, embedding=meaning(content)[:32], limit=1)
        return [found.content for found in await store.nearest(query)]

    added = await store.add(said("one"), embedder=new)
    await store.add_many([said("two"), said("three")], embedder=new)
    (own,) = await store.add_many([said("four", embedding=meaning("four"))])  # by the former model
    assert [await nearest(content) for content in ("one", "two", "three")] == [["one"], ["two"], ["three"]]
    assert await store.set_embeddings(user.id, {own: meaning("four")[:32]}) == 1
    assert await nearest("four") == ["four"]
    await store.update(added.id, MemoryUpdate(content="five"), embedder=new)
    assert await nearest("five") == ["five"]
    (found, *_) = await store.search(user.id, None, meaning("two")[:32])
    assert found.content == "two"
    former = await MemoryStore(session).nearest(MemorySimilarityQuery(user_id=user.id, embedding=meaning("four")))
    assert [one.content for one in former] == ["four"]
    count = await session.scalar(text("select count(*) from memory_embeddings_new"))
    assert count == 4


async def test_what_is_no_such_embedding_is_refused(session: AsyncSession) -> None:
    session.add(user := User())
    await session.flush()
    stored = MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content="one")
    added = await MemoryStore(session).add(stored)
    with pytest.raises(InvalidMemory, match="32"):
        await MemoryStore(session, embeddings=NEW).set_embeddings(user.id, {added.id: [1.0] * 33})
    with pytest.raises(UsageError, match="of no model"):
        await MemoryStore(session).set_embeddings(user.id, {added.id: [1.0] * 32})
    other = MemoryStore(session, embeddings=Embeddings("other", "vector(32)"))
    with pytest.raises(DatabaseError, match="set_memory_embeddings_other"):
        await other.set_embeddings(user.id, {added.id: [1.0] * 32})
