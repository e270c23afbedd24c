"""Memories weighed by recency and importance, and their recalls noted, by the functions of the set importance."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pgvector import Vector
from sqlalchemy import ARRAY, Uuid, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import Function

from memdb import retrieval, values
from memdb.errors import DatabaseError, UsageError
from memdb.retrieval import Asked, Surroundings
from memdb.shape import Shape
from memdb.store import drivers, surroundings
from memdb.store.failures import refusal, translated
from memdb.store.surroundings import Place

_NOTE = "note_memory_recalls"
_NO_SUCH_FUNCTION = "42883"


class Recall:
    """A question for recall_memories, as a driver sends it.

    Raises InvalidMemory for an embedding that these memories cannot have, and UsageError for conditions on metadata
    that the function does not know.
    """

    def __init__(self, asked: Asked, embedding: Any, shape: Shape) -> None:
        if asked.metadata.path is not None:
            raise UsageError(
                "recall cannot look for metadata that are false or missing",
                hint="Give it what metadata contain, or look through what comes back.",
            )
        self._asked = asked
        self._embedding = Vector(values.embedding(embedding, shape))

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1, $2, …"""
        if retrieval.WEIGHED not in known.functions:
            raise _missing(retrieval.WEIGHED)
        embedding, sent = drivers.form(connection, self._embedding, known.extension, known.vector)
        return self._asked.weighed(known, table, embedding, sent)


async def note(session: AsyncSession, model: Any, user_id: values.UserKey, memory_ids: Iterable[UUID]) -> int:
    """Notes that memories of a user were recalled; returns how many."""
    ids = [values.identifier(id) for id in memory_ids]
    with translated():
        await session.flush()
    connection = await session.run_sync(lambda sync: sync.connection(bind_arguments={"mapper": model}))
    *schema, _ = surroundings.place(connection, model.__table__)
    given = literal(user_id, model.__table__.c.user_id.type), literal(ids, ARRAY(Uuid))
    called: Function[int] = Function(_NOTE, *given, packagenames=tuple(schema))
    try:
        with translated():
            return (await session.scalars(select(called), bind_arguments={"mapper": model})).one()
    except DatabaseError as error:
        if error.__cause__ is not None and refusal(error.__cause__).state == _NO_SUCH_FUNCTION:
            raise _missing(_NOTE) from error.__cause__
        raise


def _missing(function: str) -> DatabaseError:
    return DatabaseError(
        f"there is no function {function} beside the table memories",
        hint="Apply the sets: memdb migrate --with fast_search --with importance",
    )
