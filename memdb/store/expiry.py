"""What has expired is not there for an application, though it is in the table until it is pruned."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Uuid, column, exists, literal, null, select
from sqlalchemy import table as table_of
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import Function

from memdb import retrieval
from memdb.store import statements, surroundings
from memdb.store.failures import translated


async def unexpired(session: AsyncSession, model: Any) -> list[ColumnElement[bool]]:
    """The condition under which a memory is there; none where the set retention is not applied.

    Each is looked up by its key: memories_expired becomes a part of the statement.
    """
    with translated():
        schema = await session.run_sync(_schema, model)
    if schema is None:
        return []
    called: Function[Any] = Function(retrieval.EXPIRED, model.user_id, packagenames=schema)
    expired = called.table_valued(column("memory_id", Uuid)).render_derived(name="expired")
    return [~exists(select(literal(1)).select_from(expired).where(expired.c.memory_id == model.id)).correlate(model)]


async def forget(session: AsyncSession, model: Any, memory_ids: Iterable[UUID]) -> None:
    """Memories that take the place of others do not expire when these would have."""
    schema = await session.run_sync(_schema, model)
    if schema is None:
        return
    columns: list[Any] = [column("memory_id", Uuid), column("user_id"), column("expires_at", DateTime)]
    kept = table_of("memory_retention", *columns, schema=schema[0] if schema else None)
    never: Function[int] = Function(
        "expire_memories", kept.c.user_id, array([kept.c.memory_id]), null(), packagenames=schema
    )
    theirs = statements.among(kept.c.memory_id, memory_ids)
    with translated():
        await session.execute(select(never).where(theirs, kept.c.expires_at.is_not(None)).order_by(kept.c.memory_id))


async def learn_anew(session: AsyncSession, model: Any) -> None:
    """After a statement that failed: the set may have been rolled back."""
    await session.run_sync(lambda sync: surroundings.forget(sync.connection(bind_arguments={"mapper": model})))


def _schema(session: Session, model: Any) -> tuple[str, ...] | None:
    """The schema in which memories expire, as names are written on the connection; None where they do not."""
    place, known = surroundings.around(session, model)
    return place[:-1] if retrieval.EXPIRED in known.functions else None
