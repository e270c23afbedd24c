"""Memories that are stored unless their user has one that says the same."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, Uuid, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import Function

from memdb import binary
from memdb.schemas import MemoryCreate
from memdb.store import beside
from memdb.store.batches import Batch

_TURN, _KEY, _KNOWN = "take_turns_adding", "memory_content_key", "memory_with_content"


async def new(session: AsyncSession, model: Any, memories: Iterable[MemoryCreate[Any]]) -> Batch:
    """Those of the memories whose text their users do not have yet, each text once; nobody else adds it meanwhile.

    Takes all of them before it begins, as whoever adds for several users waits for these in order. Raises
    InvalidMemory, and DatabaseError without the set deduplication.
    """
    taken = [memory for _, memory in Batch(memories, model)]
    with beside.needed(_TURN):
        await _take_turns(session, model, taken)
        positions = [position async for position in _positions(session, model, taken)]
    return Batch([taken[position] for position in positions], model, positions)


async def _take_turns(session: AsyncSession, model: Any, taken: Sequence[MemoryCreate[Any]]) -> None:
    given = _array(sorted({memory.user_id for memory in taken}), model.__table__.c.user_id.type)
    users = func.unnest(given).table_valued("id").render_derived()
    turn: Function[Any] = Function(_TURN, users.c.id, packagenames=await beside.schema(session, model))
    await session.execute(select(turn), bind_arguments={"mapper": model})


async def _positions(session: AsyncSession, model: Any, taken: Sequence[MemoryCreate[Any]]) -> AsyncIterator[int]:
    """Where those are that are new, looked up in pieces."""
    schema = await beside.schema(session, model)
    seen = set[tuple[Any, Any]]()
    for start in range(0, len(taken), binary.ROWS):
        piece = taken[start : start + binary.ROWS]
        users = _array([memory.user_id for memory in piece], model.__table__.c.user_id.type)
        texts = _array([memory.content for memory in piece], Text)
        given = func.unnest(users, texts).table_valued("user_id", "content", with_ordinality="place").render_derived()
        key: Function[Any] = Function(_KEY, given.c.content, type_=Uuid, packagenames=schema)
        known: Function[Any] = Function(_KNOWN, given.c.user_id, given.c.content, type_=Uuid, packagenames=schema)
        asked = select(given.c.user_id, key, known).order_by(given.c.place)
        rows = await session.execute(asked, bind_arguments={"mapper": model})
        for position, (user_id, content_key, memory_id) in enumerate(rows, start):
            if memory_id is None and (user_id, content_key) not in seen:
                seen.add((user_id, content_key))
                yield position


def _array(items: Sequence[Any], kind: Any) -> ColumnElement[Any]:
    return literal(items, ARRAY(kind))
