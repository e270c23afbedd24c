"""Collections of memories over a session. The caller owns the transaction: nothing here commits."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Generic, cast, overload
from uuid import UUID

from sqlalchemy import (
    Column,
    CursorResult,
    MetaData,
    ScalarResult,
    Select,
    Table,
    Uuid,
    delete,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypeVar

from memdb import retrieval, values
from memdb.models import MemoryCollection, MemoryCollectionMixin
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCollectionCreate, MemoryCollectionUpdate
from memdb.store import beside, statements
from memdb.store.failures import translated

CollectionModel = TypeVar("CollectionModel", bound=MemoryCollectionMixin[Any])


class CollectionStore(Generic[CollectionModel]):
    """Collections in a session: memdb's own MemoryCollection, or an application's class with MemoryCollectionMixin.

    All methods see only this user's collections and memories. What is in one is listed and searched by MemoryStore:
    `list` and `nearest` with a `collection_id`, `search` with a `collection`.
    """

    @overload
    def __init__(self: "CollectionStore[MemoryCollection]", session: AsyncSession) -> None: ...

    @overload
    def __init__(self, session: AsyncSession, model: type[CollectionModel]) -> None: ...

    def __init__(self, session: AsyncSession, model: Any = MemoryCollection) -> None:
        self._session = session
        self._model: type[CollectionModel] = model

    async def create(self, collection: MemoryCollectionCreate[Any]) -> CollectionModel:
        """Stores a collection, with nothing in it. Raises UnknownUser if the user does not exist, InvalidMemory."""
        collection = collection.checked()
        made = self._model(**{name: getattr(collection, name) for name in type(collection).model_fields})
        self._session.add(made)
        with translated():
            await self._session.flush()
        return made

    async def get(self, collection_id: UUID, *, user_id: values.UserKey) -> CollectionModel | None:
        """The collection with that id, if this user has it, as it is in the database now."""
        found = await self._read(self._of(select(self._model), collection_id, user_id))
        return found.one_or_none()

    async def list(self, user_id: values.UserKey) -> Sequence[CollectionModel]:
        """The collections of a user, oldest first."""
        of_user = select(self._model).where(self._model.user_id == self._key(user_id))
        found = await self._read(of_user.order_by(self._model.created_at, self._model.id))
        return cast("Sequence[CollectionModel]", found.all())

    async def update(
        self, collection_id: UUID, change: MemoryCollectionUpdate, *, user_id: values.UserKey
    ) -> CollectionModel | None:
        """Changes what is given, and returns the collection as it is then; None if this user has none with the id."""
        change = change.checked()
        if not change.model_fields_set:
            return await self.get(collection_id, user_id=user_id)
        given = {name: getattr(change, name) for name in change.model_fields_set}
        changed = self._of(update(self._model), collection_id, user_id).values(given).returning(self._model)
        found = await self._read(changed.execution_options(synchronize_session="fetch"))
        return found.one_or_none()

    async def delete(self, collection_id: UUID, *, user_id: values.UserKey) -> bool:
        """Deletes a collection, and none of the memories in it; returns whether this user had it."""
        statement = self._of(delete(self._model), collection_id, user_id)
        with translated():
            await self._session.flush()
            result = await self._session.execute(statement, execution_options={"synchronize_session": "fetch"})
        return cast("CursorResult[Any]", result).rowcount == 1

    async def add(self, collection_id: UUID, memory_ids: Iterable[UUID], *, user_id: values.UserKey) -> int:
        """Puts memories into a collection; returns how many were not in it. What is not this user's is passed over.

        Raises DatabaseError without the set collections.
        """
        return await self._write("add_to_collection", collection_id, memory_ids, user_id)

    async def remove(self, collection_id: UUID, memory_ids: Iterable[UUID], *, user_id: values.UserKey) -> int:
        """Takes memories out of a collection, and leaves them otherwise; returns how many were in it.

        Raises DatabaseError without the set collections.
        """
        return await self._write("remove_from_collection", collection_id, memory_ids, user_id)

    async def _write(
        self, function: str, collection_id: UUID, memory_ids: Iterable[UUID], user_id: values.UserKey
    ) -> int:
        id = literal(values.identifier(collection_id), Uuid)
        return await beside.call(self._session, self._model, function, user_id, id, beside.identifiers(memory_ids))

    async def _read(self, statement: Any) -> ScalarResult[Any]:
        with translated():
            await self._session.flush()
            return await self._session.scalars(statement, execution_options={"populate_existing": True})

    def _of(self, statement: Any, collection_id: UUID, user_id: values.UserKey) -> Any:
        is_it = statements.among(self._model.id, [collection_id])
        return statement.where(is_it, self._model.user_id == self._key(user_id))

    def _key(self, user_id: values.UserKey) -> values.UserKey:
        """Raises InvalidMemory for what is no id of these users."""
        return values.user_id(user_id, shape_of(self._model).users)


def members(memories: Table, collection_id: UUID, user_id: values.UserKey) -> Select[tuple[UUID]]:
    """The ids of the memories in a collection of a user."""
    joined = _members(memories.schema)
    is_it = joined.c.collection_id == values.identifier(collection_id)
    return select(joined.c.memory_id).where(is_it, joined.c.user_id == literal(user_id, memories.c.user_id.type))


@functools.lru_cache(maxsize=64)
def _members(schema: str | None) -> Table:
    """The table beside that of memories."""
    columns: list[Column[Any]] = [Column("collection_id", Uuid), Column("memory_id", Uuid), Column("user_id")]
    return Table(retrieval.MEMBERS, MetaData(), *columns, schema=schema)
