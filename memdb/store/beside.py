"""What the functions of sets do beside memories."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ARRAY, ColumnClause, Uuid, column, literal, select
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
    "supersede_memory": ("archive",),
    "restore_memories": ("archive",),
    "memory_versions": ("archive",),
    "search_memory_archive": ("archive",),
}
_NO_SUCH_FUNCTION = "42883"
Columns: TypeAlias = Sequence[ColumnClause[Any]]
_NO_DATA_FOUND = "P0002"
_REFUSED_TO_FORGET = {
    "25000": "Have the engine begin transactions at the level READ COMMITTED.",
    "55000": "Have a superuser set track_counts = on for this role or database.",
    "23001": "Foreign keys or triggers of the application are in the way: see what is to become of those rows.",
}


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
    ((given,),) = await rows(session, model, function, user_id, *arguments)
    return int(given)


async def rows(
    session: AsyncSession, model: Any, function: str, user_id: values.UserKey, *arguments: Any, columns: Columns = ()
) -> Sequence[Any]:
    """The same for a function that returns rows of these columns, or nothing."""
    called = await _called(session, model, function, user_id, *arguments)
    statement = select(*called.table_valued(*columns).c) if columns else select(called)
    with needed(function):
        return (await session.execute(statement, bind_arguments={"mapper": model})).all()


async def forget(session: AsyncSession, model: Any, user_id: values.UserKey) -> dict[str, int]:
    """Forgets a user; returns how many rows of which tables. Raises UnknownUser, and DatabaseError without the
    set, or where rows of others would go along, some would be left, or would not be seen."""
    try:
        found = await rows(session, model, "forget_user", user_id, columns=(column("table_name"), column("deleted")))
    except DBAPIError as error:
        refused = refusal(error)
        if refused.state == _NO_DATA_FOUND:
            raise UnknownUser(f"there is no user {user_id}", hint="Check the id.") from error
        if refused.state in _REFUSED_TO_FORGET:
            hint = f"Nothing was deleted. {_REFUSED_TO_FORGET[refused.state]}"
            raise DatabaseError(refused.message, hint=hint) from error
        raise
    session.expire_all()  # what was read of them is not there any more
    return {str(name): int(deleted) for name, deleted in found}


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
            raise missing(function, *_SETS.get(function, ())) from error.__cause__
        raise


def missing(function: str, *sets: str) -> DatabaseError:
    """For a function of these sets that is not there, or of a model that is to take over."""
    if not sets:
        return DatabaseError(
            f"there is no function {function} beside the table memories",
            hint="Begin with: memdb new --change-model NAME --dimensions N, then memdb migrate",
        )
    return DatabaseError(
        f"there is no function {function} beside the table memories",
        hint=f"Apply the set{'s' * (len(sets) > 1)}: memdb migrate {' '.join(f'--with {name}' for name in sets)}",
    )
