"""Memories by their ids, and lists of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.sql.elements import ColumnElement

from memdb import values
from memdb.schemas import MemoryQuery
from memdb.store import collections, statements
from memdb.store.objects import MemoryModel, Objects


class Reading(Objects[MemoryModel]):
    """The part of a MemoryStore that reads memories as they are."""

    async def get(self, memory_id: UUID, *, user_id: values.UserKey | None = None) -> MemoryModel | None:
        """The memory with that id, if it exists, as it is in the database now."""
        found = await self._read(await self._there(self._of(select(self._model), [memory_id], user_id)))
        return found.one_or_none()

    async def get_many(
        self, memory_ids: Iterable[UUID], *, user_id: values.UserKey | None = None, embeddings: bool = False
    ) -> Sequence[MemoryModel]:
        """Those of the memories that exist, in the order of the ids. Embeddings are as in `list`."""
        ids = [values.identifier(id) for id in memory_ids]
        statement = await self._there(self._of(select(self._model), ids, user_id))
        found = {memory.id: memory for memory in await self._shown(statement, embeddings=embeddings)}
        return [found[id] for id in dict.fromkeys(ids) if id in found]

    async def list(self, query: MemoryQuery[Any], *, embeddings: bool = False) -> Sequence[MemoryModel]:
        """Memories of a user as they are now, newest first; those with the same time by descending id.

        Embeddings are large, and are read only on request. Otherwise, objects of the session forget theirs, which may
        belong to an earlier content. Raises DatabaseError for a collection without the set collections.
        """
        query, model = query.checked(), self._model
        statement = await self._there(select(model).where(self._is_of(query.user_id), *self._conditions(query)))
        statement = statement.order_by(model.created_at.desc(), model.id.desc())
        return await self._shown(statement.limit(query.limit).offset(query.offset), embeddings=embeddings)

    def _conditions(self, query: MemoryQuery[Any]) -> Iterator[ColumnElement[bool]]:
        model: Any = self._model
        table: Table = model.__table__
        yield from statements.hold(table.c.metadata, values.filtered(query.extra_data, query.where))
        if query.memory_types is not None:
            yield model.memory_type.in_(query.memory_types)
        if query.collection_id is not None:
            key = values.user_id(query.user_id, self._shape.users)
            yield model.id.in_(collections.members(table, query.collection_id, key))
        if query.created_from is not None:
            yield model.created_at >= query.created_from
        if query.created_before is not None:
            yield model.created_at < query.created_before
        if query.accessed_before is not None:
            yield model.accessed_at < query.accessed_before
