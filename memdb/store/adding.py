"""Storing new memories, or others in place of what is there."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, overload
from uuid import UUID

from memdb.schemas import MemoryCreate
from memdb.store import copying, expiry, making, once
from memdb.store.batches import Batch, as_stored
from memdb.store.failures import Refusal, translated
from memdb.store.making import AnyEmbedder
from memdb.store.objects import MemoryModel
from memdb.store.reading import Reading


class Adding(Reading[MemoryModel]):
    """The part of a MemoryStore that stores whole memories."""

    @overload
    async def add(
        self,
        memory: MemoryCreate[Any],
        *,
        skip_existing: Literal[False] = False,
        skip_duplicates: Literal[False] = False,
        embedder: AnyEmbedder | None = None,
    ) -> MemoryModel: ...

    @overload
    async def add(
        self,
        memory: MemoryCreate[Any],
        *,
        skip_existing: bool = False,
        skip_duplicates: bool = False,
        embedder: AnyEmbedder | None = None,
    ) -> MemoryModel | None: ...

    async def add(
        self,
        memory: MemoryCreate[Any],
        *,
        skip_existing: bool = False,
        skip_duplicates: bool = False,
        embedder: AnyEmbedder | None = None,
    ) -> MemoryModel | None:
        """Stores a memory.

        With `skip_existing`, if this user already has a memory with the id, leaves it as it is and returns None. So the
        call can be repeated when it is unknown whether it succeeded. With `skip_duplicates`, the same if this user has
        a memory that says the same, as `add_many` has it. Raises UnknownUser if the user does not exist, InvalidMemory
        if the id belongs to another memory; then roll the session back.

        An `embedder` makes the embedding of a memory without one, before anything is written, and its model is noted:
        raises EmbedderFailed, and DatabaseError without the set embeddings.
        """
        if embedder is None:
            return await self._add(memory, skip_existing=skip_existing, skip_duplicates=skip_duplicates)
        (memory,), made = await making.embedded([memory], self._model, embedder, self._embeddings)
        added = await self._add(memory, skip_existing=skip_existing, skip_duplicates=skip_duplicates)
        await made.note(self._session, self._model, [] if added is None else [added.id])
        return added

    async def _add(
        self, memory: MemoryCreate[Any], *, skip_existing: bool, skip_duplicates: bool
    ) -> MemoryModel | None:
        if skip_existing or skip_duplicates or self._known(memory.id):  # which somebody else may have deleted
            stored = await self.add_many([memory], skip_existing=skip_existing, skip_duplicates=skip_duplicates)
            return await self.get(stored[0], user_id=memory.user_id) if stored else None
        memory = as_stored(memory, self._model)
        added = self._model(**{name: getattr(memory, name) for name in type(memory).model_fields})
        self._session.add(added)
        with translated():
            await self._session.flush()
        return added

    async def add_many(
        self,
        memories: Iterable[MemoryCreate[Any]],
        *,
        skip_existing: bool = False,
        skip_duplicates: bool = False,
        embedder: AnyEmbedder | None = None,
    ) -> list[UUID]:
        """Stores memories, all or none, and returns the ids of the stored ones, in the same order.

        Takes them one by one while the server works, so a generator may yield any number of them. Uses COPY. With
        `skip_existing`, leaves memories whose id already exists as they are, and is half as fast. Raises UnknownUser
        and InvalidMemory, which name the memory; what the transaction did before stays.

        With `skip_duplicates`, stores nothing whose text the user already has, but for white space, and each text
        once; of transactions that do so for one user at a time, the second waits for the end of the first. All
        memories are taken before it begins. Raises DatabaseError without the set deduplication.

        An `embedder` is asked as in `add`, for 64 memories at a time; all are taken, and embedded, before it begins.
        """
        if embedder is not None:
            store = partial(self.add_many, skip_existing=skip_existing, skip_duplicates=skip_duplicates)
            return await self._embedded(memories, embedder, store)
        batch = Batch(memories, self._model)

        def refused(said: Refusal) -> str:
            return batch.refused(said)  # the batch that is stored in the end

        load = copying.insert_new if skip_existing else copying.copy
        with translated(refused):
            await self._session.flush()
            async with self._session.begin_nested():  # it also begins the transaction that COPY runs in
                if skip_duplicates:
                    batch = await once.new(self._session, self._model, memories)
                return await load(self._session, self._model, batch)

    async def upsert_many(
        self, memories: Iterable[MemoryCreate[Any]], *, embedder: AnyEmbedder | None = None
    ) -> list[UUID]:
        """Stores memories, each in place of what this user has under its id, and returns their ids, in order.

        Takes all of them before it begins. Nothing of what was there stays, but for `created_at`. Of those with one id,
        the last counts. Raises UnknownUser and InvalidMemory as `add_many` does, also for an id of another user's
        memory; then all is as it was. An `embedder` is asked as in `add_many`.
        """
        if embedder is not None:
            return await self._embedded(memories, embedder, self.upsert_many, last_counts=True)
        batch = Batch(memories, self._model)
        with translated(batch.refused):
            await self._session.flush()
            async with self._session.begin_nested():
                stored = await copying.upsert(self._session, self._model, batch)
                await expiry.forget(self._session, self._model, stored)
                return stored

    async def _embedded(
        self,
        memories: Iterable[MemoryCreate[Any]],
        embedder: AnyEmbedder,
        store: Callable[[Sequence[MemoryCreate[Any]]], Awaitable[list[UUID]]],
        *,
        last_counts: bool = False,
    ) -> list[UUID]:
        embedded, made = await making.embedded(
            memories, self._model, embedder, self._embeddings, last_counts=last_counts
        )
        async with self._session.begin_nested():
            stored = await store(embedded)
            await made.note(self._session, self._model, stored)
            return stored
