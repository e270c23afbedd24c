"""What the functions of sets write in tables beside memories."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import Function

from memdb import values
from memdb.errors import DatabaseError
from memdb.models.owners import shape_of
from memdb.store import surroundings
from memdb.store.failures import refusal, translated

_SETS = {
    "note_memory_recalls": ("importance",),
    "pin_memories": ("retention",),
    "expire_memories": ("retention",),
    "add_to_collection": ("collections",),
    "remove_from_collection": ("collections",),
}
_NO_SUCH_FUNCTION = "42883"


async def write(
    session: AsyncSession, model: Any, function: str, user_id: values.UserKey, memory_ids: Iterable[UUID], *more: Any
) -> int:
    """Calls a function for memories of a user; returns for how many. Raises DatabaseError where it is missing."""
    return await call(session, model, function, user_id, identifiers(memory_ids), *more)


def identifiers(ids: Iterable[UUID]) -> Any:
    """Ids as one parameter. Raises InvalidMemory for what is no UUID."""
    return literal([values.identifier(id) for id in ids], ARRAY(Uuid))


async def call(session: AsyncSession, model: Any, function: str, user_id: values.UserKey, *arguments: Any) -> int:
    """Calls a function of a set that stands beside the table of a model, for a user, and returns what it gives."""
    key = values.user_id(user_id, shape_of(model).users)
    with translated():
        await session.flush()
    connection = await session.run_sync(lambda sync: sync.connection(bind_arguments={"mapper": model}))
    *schema, _ = surroundings.place(connection, model.__table__)
    given = literal(key, model.__table__.c.user_id.type), *arguments
    called: Function[int] = Function(function, *given, packagenames=tuple(schema))
    try:
        with translated():
            return (await session.scalars(select(called), bind_arguments={"mapper": model})).one()
    except DatabaseError as error:
        if error.__cause__ is not None and refusal(error.__cause__).state == _NO_SUCH_FUNCTION:
            raise missing(function, *_SETS[function]) from error.__cause__
        raise


def missing(function: str, *sets: str) -> DatabaseError:
    """For a function of these sets that is not there."""
    return DatabaseError(
        f"there is no function {function} beside the table memories",
        hint=f"Apply the set{'s' * (len(sets) > 1)}: memdb migrate {' '.join(f'--with {name}' for name in sets)}",
    )
