"""Changing memories, and deleting them, or all that is a user's."""

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, select, update

from memdb import values
from memdb.errors import UsageError
from memdb.schemas import MemoryUpdate
from memdb.store import beside, making, statements, successors, surroundings
from memdb.store.failures import translated
from memdb.store.making import AnyEmbedder
from memdb.store.objects import MemoryModel
from memdb.store.reading import Reading


class Changing(Reading[MemoryModel]):
    """The part of a MemoryStore that changes and deletes memories."""

    async def update(
        self,
        memory_id: UUID,
        change: MemoryUpdate,
        *,
        user_id: values.UserKey | None = None,
        embedder: AnyEmbedder | None = None,
    ) -> MemoryModel | None:
        """Changes a memory, and returns it as it is then; None if it does not exist.

        If the content changes and no embedding is given, the old embedding is removed, because it would mislead, or the
        `embedder` makes the new one, as in `add`. Keys of the metadata are set one by one, so keys that others set
        meanwhile stay.
        """
        change = change.checked()
        if embedder is not None and making.is_incomplete(change):
            return await self._update_embedded(memory_id, change, user_id, embedder)
        if not change.model_fields_set:
            return await self.get(memory_id, user_id=user_id)
        statement = await self._there(self._of(update(self._model), [memory_id], user_id))
        changed = statement.values(statements.assignments(self._model, change))
        if await surroundings.are_distributed(self._session, self._model):  # a shard returns what it need not convert
            changed = changed.returning(self._model.id).execution_options(synchronize_session=False)
            ids = (await self._read(changed)).all()
            return (await self._read(self._of(select(self._model), ids, user_id))).one_or_none()
        changed = changed.returning(self._model)
        return (await self._read(changed.execution_options(synchronize_session="fetch"))).one_or_none()

    async def _update_embedded(
        self, memory_id: UUID, change: MemoryUpdate, user_id: values.UserKey | None, embedder: AnyEmbedder
    ) -> MemoryModel | None:
        text = str(change.content)
        vector = await making.of_text(text, embedder, self._shape)
        if self._embeddings is None:
            change = change.model_copy(update={"embedding": vector})
        async with self._session.begin_nested():
            changed = await self.update(memory_id, change, user_id=user_id)
            if changed is not None:
                made = making.Made(
                    {changed.id: changed.user_id},
                    {changed.id: text},
                    embedder.model,
                    {changed.id: vector},
                    self._embeddings,
                )
                await made.note(self._session, self._model, [changed.id])
            return changed

    async def set_embeddings(self, user_id: values.UserKey, vectors: Mapping[UUID, Any]) -> int:
        """Stores embeddings of the model that has taken over, by the ids of memories; returns how many are the user's.

        Raises UsageError for a store without `embeddings`, InvalidMemory for what is no such embedding, DatabaseError
        where the model was not begun.
        """
        if self._embeddings is None:
            raise UsageError(
                "this store has the embeddings of no model that takes over",
                hint='Name it: MemoryStore(session, embeddings=Embeddings("text-embedding-3-large", "vector(1024)")).',
            )
        return await successors.put(self._session, self._model, self._embeddings, vectors, user_id)

    async def delete(self, memory_ids: Iterable[UUID], *, user_id: values.UserKey | None = None) -> int:
        """Deletes memories; returns how many were there."""
        statement = self._of(delete(self._model), memory_ids, user_id)
        with translated():
            await self._session.flush()
            result = await self._session.execute(statement, execution_options={"synchronize_session": "fetch"})
        return cast("CursorResult[Any]", result).rowcount

    async def forget(self, user_id: values.UserKey) -> dict[str, int]:
        """Deletes all that memdb's tables have of a user, and proves it; returns how many rows of which table.

        Their own row in the table of users stays: delete it in the same transaction, if it is to go. Raises
        UnknownUser, and DatabaseError without the set erasure.
        """
        return await beside.forget(self._session, self._model, user_id)
