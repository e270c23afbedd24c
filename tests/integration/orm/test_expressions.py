"""The columns' types in statements of an application's own."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from pgvector import Vector
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from memdb.models import Memory

pytestmark = pytest.mark.once


async def add(session: AsyncSession, user_id: UUID, embedding: list[Any]) -> Memory:
    memory = Memory(user_id=user_id, memory_type="task", content="a walk", embedding=embedding)
    session.add(memory)
    await session.flush()
    return memory


@pytest.mark.parametrize("form", [list, np.array, Vector])
async def test_embeddings_are_compared_by_each_distance(session: AsyncSession, user_id: UUID, form: Any) -> None:
    await add(session, user_id, [2.0] * 1536)
    near, column = form([1.0] * 1536), Memory.embedding
    distances = select(column.cosine_distance(near), column.l1_distance(near), column.max_inner_product(near))
    assert (await session.execute(distances)).one() == (0, 1536, -3072)
    close = select(func.count()).where(column.l2_distance(near) < 39)
    assert await session.scalar(close) == 0


def every_type(of: type[Any] = TypeEngine) -> Iterator[type[Any]]:
    for kind in of.__subclasses__():
        if kind.__module__.startswith("memdb."):
            yield kind
        yield from every_type(kind)


@pytest.mark.parametrize("kind", sorted(set(every_type()), key=str))
def test_a_statement_with_any_of_the_types_is_compiled_once(kind: type[Any]) -> None:
    """SQLAlchemy asks each class for itself, and else warns and compiles it each time."""
    assert kind.__dict__["cache_ok"] is True


async def test_embeddings_of_whole_numbers_are_read_as_floats(session: AsyncSession, user_id: UUID) -> None:
    memory = await add(session, user_id, list(range(1536)))
    await session.refresh(memory)
    assert {type(number) for number in memory.embedding or ()} == {float}
