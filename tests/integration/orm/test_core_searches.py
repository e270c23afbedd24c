"""On `core` alone the store finds what an exact search finds, whatever indexes there are."""

from pathlib import Path

import numpy as np
import pytest

from memdb import migrations
from memdb.database import Connection
from memdb.models import MemoryType
from memdb.shape import EmbeddingType, Shape, Users
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address
from tests.integration.orm import shapes

MANY, OTHERS, QUESTIONS = 5000, 900, 25


@pytest.mark.once
@pytest.mark.parametrize("kind", ["vector", "halfvec"])
async def test_a_user_of_many_memories_among_others_is_searched_exactly_with_and_drop_hnsw(
    empty_connection: Connection, embeddings: Path, tmp_path: Path, kind: EmbeddingType
) -> None:
    shape = Shape(Users("people", "id", "uuid", may_be_made=False), kind, 1536)
    shapes.make_users(empty_connection, shape)
    migrations.migrate(empty_connection, shapes.write(tmp_path / "sql", shape))
    with np.load(embeddings) as file:
        drawn = np.random.default_rng(1).permutation(file["embedding"].astype(np.float32))
    vectors, questions = drawn[: MANY + OTHERS], drawn[-QUESTIONS:]
    models = shapes.models(shape)
    many, other, _ = models.ids
    built = empty_connection.value("select pg_get_indexdef('ix_memories_embedding'::regclass)")
    empty_connection.execute("drop index ix_memories_embedding")
    engine = create_engine(address(empty_connection.info.dsn, "asyncpg"))
    try:
        async with sessions(engine)() as session:
            store = MemoryStore(session, models.memory)
            await store.add_many(
                models.create(
                    user_id=many if number < MANY else other,
                    memory_type=MemoryType.TASK,
                    content=str(number),
                    embedding=vector.tolist(),
                )
                for number, vector in enumerate(vectors)
            )
            await session.commit()
            kept = vectors[:MANY].astype(np.float16 if kind == "halfvec" else np.float32).astype(np.float64)
            kept /= np.linalg.norm(kept, axis=1, keepdims=True)
            for index in ("select", built):
                empty_connection.execute(f"{index}; analyze memories".encode())
                for question in questions:
                    asked = models.query(user_id=many, embedding=question.tolist(), limit=10)
                    found = [int(memory.content) for memory in await store.nearest(asked)]
                    similar = kept @ question.astype(np.float64)
                    assert similar[found] == pytest.approx(np.sort(similar)[::-1][:10], abs=1e-4)
                    assert set(found) == {*np.argsort(-similar)[:10].tolist()} or kind == "halfvec"
                await session.rollback()
    finally:
        await engine.dispose()
