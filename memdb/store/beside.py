"""What the functions of sets write in tables beside memories."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import Function

from memdb import values
from memdb.errors import DatabaseError, UnknownUser
from memdb.models.owners import shape_of
from memdb.store import surroundings
from memdb.store.failures import refusal, translated

_SETS = {
    "note_embedding_model": ("embeddings",),
    "note_memory_recalls": ("importance",),
    "pin_memories": ("retention",),
    "expire_memories": ("retention",),
    "add_to_collection": ("collections",),
    "remove_from_collection": ("collections",),
    "forget_user": ("erasure",),
    "take_turns_adding": ("deduplication",),
}
_NO_SUCH_FUNCTION = "42883"
_NO_DATA_FOUND = "P0002"


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
    called = await _called(session, model, function, user_id, *arguments)
    with needed(function):
        return int((await session.scalars(select(called), bind_arguments={"mapper": model})).one())


async def forget(session: AsyncSession, model: Any, user_id: values.UserKey) -> dict[str, int]:
    """Forgets a user; returns how many rows of which tables. Raises UnknownUser, and DatabaseError without the set."""
    called = (await _called(session, model, "forget_user", user_id)).table_valued("table_name", "deleted")
    try:
        with needed("forget_user"):
            rows = (await session.execute(select(called), bind_arguments={"mapper": model})).all()
    except DBAPIError as error:
        if refusal(error).state == _NO_DATA_FOUND:
            raise UnknownUser(f"there is no user {user_id}", hint="Check the id.") from error
        raise
    session.expire_all()  # what was read of them is not there any more
    return {str(name): int(deleted) for name, deleted in rows}


async def _called(
    session: AsyncSession, model: Any, function: str, user_id: values.UserKey, *more: Any
) -> Function[Any]:
    """A call of the function beside the table, once all that the session has is stored."""
    key = values.user_id(user_id, shape_of(model).users)
    with translated():
        await session.flush()
    given = literal(key, model.__table__.c.user_id.type), *more
    return Function(function, *given, packagenames=await schema(session, model))


async def schema(session: AsyncSession, model: Any) -> tuple[str, ...]:
    """Where the functions are, as names of them begin; nothing where the search_path leads there."""
    connection = await session.run_sync(lambda sync: sync.connection(bind_arguments={"mapper": model}))
    *found, _ = surroundings.place(connection, model.__table__)
    return tuple(found)


@contextmanager
def needed(function: str) -> Iterator[None]:
    """Raises DatabaseError where there is no such function."""
    try:
        with translated():
            yield
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
