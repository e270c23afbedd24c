"""What has expired is not there for an application, though it is in the table until it is pruned."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Uuid, and_, column, exists, func, literal, null, select
from sqlalchemy import table as table_of
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.sql import TableClause
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import Function

from memdb import retrieval
from memdb.store import statements, surroundings
from memdb.store.failures import translated


async def unexpired(session: AsyncSession, model: Any) -> list[ColumnElement[bool]]:
    """The condition under which a memory is there; none where the set retention is not applied.

    It says what memories_expired does, which a shard does not have, and whose each row is, for one shard to answer.
    """
    with translated():
        schema = await session.run_sync(_schema, model)
    if schema is None:
        return []
    kept = _retention(schema)
    theirs = and_(kept.c.user_id == model.user_id, kept.c.memory_id == model.id)
    expired = exists(select(literal(1)).where(theirs, kept.c.expires_at <= func.statement_timestamp()))
    return [~expired.correlate(model)]


async def forget(session: AsyncSession, model: Any, memory_ids: Iterable[UUID]) -> None:
    """Memories that take the place of others do not expire when these would have."""
    schema = await session.run_sync(_schema, model)
    if schema is None:
        return
    kept = _retention(schema)
    theirs = statements.among(kept.c.memory_id, memory_ids)
    expiring = select(kept.c.user_id, func.array_agg(aggregate_order_by(kept.c.memory_id, kept.c.memory_id)))
    with translated():
        found = await session.execute(expiring.where(theirs, kept.c.expires_at.is_not(None)).group_by(kept.c.user_id))
        for user_id, ids in sorted(found, key=str):
            given = (literal(user_id, model.user_id.type), literal(ids, ARRAY(Uuid)), null())
            never: Function[int] = Function("expire_memories", *given, packagenames=schema)
            await session.execute(select(never))


async def learn_anew(session: AsyncSession, model: Any) -> None:
    """After a statement that failed: the set may have been rolled back."""
    await session.run_sync(lambda sync: surroundings.forget(sync.connection(bind_arguments={"mapper": model})))


def _retention(schema: tuple[str, ...]) -> TableClause:
    """What a condition reads of how long memories are kept."""
    columns: list[Any] = [column("memory_id", Uuid), column("user_id"), column("expires_at", DateTime)]
    return table_of("memory_retention", *columns, schema=schema[0] if schema else None)


def _schema(session: Session, model: Any) -> tuple[str, ...] | None:
    """The schema in which memories expire, as names are written on the connection; None where they do not."""
    place, known = surroundings.around(session, model)
    return place[:-1] if retrieval.EXPIRED in known.functions else None
