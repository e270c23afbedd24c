"""A repository of memories over a session. The caller owns the transaction: nothing here commits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast, overload
from uuid import UUID
from weakref import WeakKeyDictionary

from pgvector import Vector
from sqlalchemy import CursorResult, Table, delete, func, select, text, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, defer

from memdb import database
from memdb.errors import DatabaseError
from memdb.models import Memory, MemoryMixin, MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import copying, statements
from memdb.store.batches import Batch
from memdb.store.engines import BINARY
from memdb.store.failures import translated

MemoryModel = TypeVar("MemoryModel", bound=MemoryMixin)

RECENTLY = timedelta(hours=1)

_surroundings: WeakKeyDictionary[Engine, dict[str, tuple[str, bool]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A memory that a search found, without its embedding. `distance` is the cosine distance, 0 to 2."""

    id: UUID
    user_id: UUID
    memory_type: MemoryType
    content: str
    extra_data: dict[str, Any] | None
    created_at: datetime
    accessed_at: datetime
    distance: float


class MemoryStore(Generic[MemoryModel]):
    """Memories in a session: memdb's own Memory, or an application's class with MemoryMixin.

    A method with `user_id` sees that user's memories only, as if there were no others.
    """

    @overload
    def __init__(self: "MemoryStore[Memory]", session: AsyncSession) -> None: ...

    @overload
    def __init__(self, session: AsyncSession, model: type[MemoryModel]) -> None: ...

    def __init__(self, session: AsyncSession, model: Any = Memory) -> None:
        self._session = session
        self._model: type[MemoryModel] = model
        self._table = cast("Table", model.__table__)

    async def add(self, memory: MemoryCreate) -> MemoryModel:
        """Stores a memory. Raises UnknownUser where its user is not there; then roll the session back."""
        memory = memory.checked()
        added = self._model(**{name: getattr(memory, name) for name in MemoryCreate.model_fields})
        self._session.add(added)
        with translated():
            await self._session.flush()
        return added

    async def add_many(self, memories: Iterable[MemoryCreate]) -> list[UUID]:
        """Stores memories through COPY, all or none, and returns their ids in the same order.

        They are taken one by one while the server works, so a generator may make any number of them. Raises
        UnknownUser where one of the users is not there; what the transaction did before stays.
        """
        batch = Batch(memories)
        with translated(batch.refused):
            async with self._session.begin_nested():  # it also begins the transaction that COPY runs in
                await copying.copy(await self._session.connection(), self._table, batch)
        return batch.ids

    async def get(self, memory_id: UUID, *, user_id: UUID | None = None) -> MemoryModel | None:
        """The memory of that id, if there is one."""
        return (await self._session.scalars(self._of(select(self._model), [memory_id], user_id))).one_or_none()

    async def list(self, query: MemoryQuery, *, embeddings: bool = False) -> Sequence[MemoryModel]:
        """Memories of a user, newest first. Their embeddings are large, and are read only if asked for."""
        query = query.checked()
        model, metadata = self._model, self._table.c.metadata
        conditions = [model.user_id == query.user_id]
        conditions += [statements.holds(metadata, *entry) for entry in query.extra_data.items()]
        if query.memory_types is not None:
            conditions.append(model.memory_type.in_(query.memory_types))
        if query.created_from is not None:
            conditions.append(model.created_at >= query.created_from)
        if query.created_before is not None:
            conditions.append(model.created_at < query.created_before)
        if query.accessed_before is not None:
            conditions.append(model.accessed_at < query.accessed_before)
        statement = select(model).where(*conditions).order_by(model.created_at.desc(), model.id.desc())
        if not embeddings:
            statement = statement.options(defer(model.embedding, raiseload=True))
        return (await self._session.scalars(statement.limit(query.limit).offset(query.offset))).all()

    async def nearest(self, query: MemorySimilarityQuery) -> Sequence[Neighbour]:
        """The memories of a user nearest to an embedding, nearest first, none beyond the maximum distance.

        Searches through search_memories where set fast_search was there when the engine first searched.
        """
        query = query.checked()
        parameters = query.model_dump(include={"user_id", "limit", "max_distance"})
        if query.memory_types is not None:
            parameters["memory_types"] = query.memory_types
        return await self._session.run_sync(self._nearest, query.embedding, parameters)

    def _nearest(self, session: Session, embedding: Vector, parameters: dict[str, Any]) -> Sequence[Neighbour]:
        connection = session.connection()
        binary = connection.info.get(BINARY, False)
        schema, has_function = _surroundings_of(self._table, connection)
        search = statements.searched if has_function else statements.nearest
        statement = search(self._table, schema, of_tiers="memory_types" in parameters, binary=binary)
        parameters["embedding"] = embedding if binary else embedding.to_list()
        return [Neighbour(*row) for row in session.execute(statement, parameters)]

    async def update(self, memory_id: UUID, change: MemoryUpdate, *, user_id: UUID | None = None) -> MemoryModel | None:
        """Changes a memory, if it is there. A new content without its embedding loses the old one, which misleads."""
        change = change.checked()
        memory = await self.get(memory_id, user_id=user_id)
        if memory is None:
            return None
        if "content" in change.model_fields_set and change.content != memory.content:
            memory.embedding = None
        for name in change.model_fields_set:
            setattr(memory, name, getattr(change, name))
        with translated():
            await self._session.flush()
        return memory

    async def touch(self, memory_ids: Iterable[UUID], *, unless_within: timedelta = RECENTLY) -> int:
        """Notes that memories were recalled just now; returns how many rows that changed.

        Reading never does it, because every change of `accessed_at` adds the row to all indexes again, also to that
        of the embeddings. So call it once the answer is on its way. Rows noted shortly before, or that somebody else
        is changing, are left alone: it waits for nobody, and a memory that is recalled all the time costs one write an
        hour.
        """
        model = self._model
        due = (
            select(model.id)
            .where(model.id.in_([*memory_ids]), model.accessed_at < func.now() - unless_within)
            .with_for_update(skip_locked=True)
        )
        # Not told to the objects of the session: they would forget their accessed_at, and need the database to show it.
        return await self._changed(update(model).where(model.id.in_(due)).values(accessed_at=func.now()), told=False)

    async def delete(self, memory_ids: Iterable[UUID], *, user_id: UUID | None = None) -> int:
        """Deletes memories; returns how many were there."""
        return await self._changed(self._of(delete(self._model), [*memory_ids], user_id))

    async def _changed(self, statement: Any, *, told: bool = True) -> int:
        statement = statement.execution_options(synchronize_session="fetch" if told else False)
        return cast("CursorResult[Any]", await self._session.execute(statement)).rowcount

    def _of(self, statement: Any, memory_ids: Sequence[UUID], user_id: UUID | None) -> Any:
        statement = statement.where(self._model.id.in_(memory_ids))
        return statement if user_id is None else statement.where(self._model.user_id == user_id)


def _surroundings_of(table: Table, connection: Connection) -> tuple[str, bool]:
    """Where the extension lives, quoted, and whether search_memories is there; asked once for each engine and table."""
    known = _surroundings.setdefault(connection.engine, {})
    name = connection.dialect.identifier_preparer.format_table(table)
    if name in known:
        return known[name]
    schema = connection.scalar(text(database.query("store", "extension_schema")))
    if schema is None:
        raise DatabaseError('this database has no extension "vector"', hint="Create it with: memdb migrate")
    question = database.query("store", "has_search_function").replace("%(table_name)s", ":table_name")
    has_function = connection.scalar(text(question), {"table_name": name})
    return known.setdefault(name, (connection.dialect.identifier_preparer.quote(schema), bool(has_function)))
