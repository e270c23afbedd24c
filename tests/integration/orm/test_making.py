"""A store that is given an embedder makes the embedding, and notes its model."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

import memdb
from memdb.errors import DatabaseError, EmbedderFailed
from memdb.models import MemoryType, User
from memdb.schemas import MemoryCreate
from memdb.store import MemoryStore, create_engine, sessions
from tests.embedding_server import meaning
from tests.helpers import address

pytestmark = pytest.mark.once


class Mine:
    model = "mine"

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        return [meaning(text) * (text != "nothing") for text in texts]


class Theirs:
    model = "theirs"

    async def aembed(self, texts: Sequence[str]) -> Sequence[Any]:
        return Mine().embed(texts)


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
