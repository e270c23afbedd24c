"""A repository of memories over a session. The caller owns the transaction: nothing here commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, cast, overload
from uuid import UUID

from sqlalchemy import Boolean, CursorResult, DateTime, ScalarResult, Table, delete, func, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.elements import ColumnElement
from typing_extensions import TypeVar

from memdb import retrieval, values
from memdb.embedders import AsyncEmbedder, Embedder
from memdb.errors import UsageError
from memdb.models import Memory, MemoryMixin, MemoryType
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import (
    beside,
    collections,
    copying,
    expiry,
    making,
    once,
    recalling,
    searching,
    statements,
    successors,
    surroundings,
)
from memdb.store.batches import Batch, as_stored
from memdb.store.failures import Refusal, translated
from memdb.store.found import Match, Neighbour, Recalled, UserId, match, neighbour, recalled
from memdb.store.hybrid import Hybrid
from memdb.store.successors import Embeddings

MemoryModel = TypeVar("MemoryModel", bound=MemoryMixin[Any])

RECENTLY = timedelta(hours=1)


class MemoryStore(Generic[MemoryModel]):
    """Memories in a session: memdb's own Memory, or an application's class with MemoryMixin.

    A method with `user_id` sees only that user's memories. With `embeddings`, those of a model that has taken over from
    another, questions are of that model, and so is what an embedder makes of texts.
    """

    @overload
    def __init__(
        self: "MemoryStore[Memory]", session: AsyncSession, *, embeddings: Embeddings | None = None
    ) -> None: ...

    @overload
    def __init__(
        self, session: AsyncSession, model: type[MemoryModel], *, embeddings: Embeddings | None = None
    ) -> None: ...

    def __init__(self, session: AsyncSession, model: Any = Memory, *, embeddings: Embeddings | None = None) -> None:
        self._session = session
        self._embeddings = embeddings
        self._model: type[MemoryModel] = model
        self._table = cast("Table", model.__table__)
        self._shape = shape_of(model) if embeddings is None else embeddings.shape_of(model)

    @overload
    async def add(
        self,
        memory: MemoryCreate[Any],
        *,
        skip_existing: Literal[False] = False,
        skip_duplicates: Literal[False] = False,
        embedder: Embedder | AsyncEmbedder | None = None,
    ) -> MemoryModel: ...

    @overload
    async def add(
        self,
        memory: MemoryCreate[Any],
        *,
        skip_existing: bool = False,
        skip_duplicates: bool = False,
        embedder: Embedder | AsyncEmbedder | None = None,
    ) -> MemoryModel | None: ...

    async def add(
        self,
        memory: MemoryCreate[Any],
        *,
        skip_existing: bool = False,
        skip_duplicates: bool = False,
        embedder: Embedder | AsyncEmbedder | None = None,
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
        made = await making.embedded([memory], self._model, embedder, self._embeddings)
        added = await self._add(made.memories[0], skip_existing=skip_existing, skip_duplicates=skip_duplicates)
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
        embedder: Embedder | AsyncEmbedder | None = None,
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
            made = await making.embedded(memories, self._model, embedder, self._embeddings)
            async with self._session.begin_nested():
                added = await self.add_many(made.memories, skip_existing=skip_existing, skip_duplicates=skip_duplicates)
                await made.note(self._session, self._model, added)
                return added
        batch = Batch(memories, self._model)

        def refused(said: Refusal) -> str:
            return batch.refused(said)  # the batch that is stored in the end

        store = copying.insert_new if skip_existing else copying.copy
        with translated(refused):
            await self._session.flush()
            async with self._session.begin_nested():  # it also begins the transaction that COPY runs in
                if skip_duplicates:
                    batch = await once.new(self._session, self._model, memories)
                return await store(self._session, self._model, batch)

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

    async def upsert_many(
        self, memories: Iterable[MemoryCreate[Any]], *, embedder: Embedder | AsyncEmbedder | None = None
    ) -> list[UUID]:
        """Stores memories, each in place of what this user has under its id, and returns their ids, in order.

        Takes all of them before it begins. Nothing of what was there stays, but for `created_at`. Of those with one id,
        the last counts. Raises UnknownUser and InvalidMemory as `add_many` does, also for an id of another user's
        memory; then all is as it was. An `embedder` is asked as in `add_many`.
        """
        if embedder is not None:
            made = await making.embedded(memories, self._model, embedder, self._embeddings)
            async with self._session.begin_nested():
                replaced = await self.upsert_many(made.memories)
                await made.note(self._session, self._model, replaced)
                return replaced
        batch = Batch(memories, self._model)
        with translated(batch.refused):
            await self._session.flush()
            async with self._session.begin_nested():
                stored = await copying.upsert(self._session, self._model, batch)
                await expiry.forget(self._session, self._model, stored)
                return stored

    async def list(self, query: MemoryQuery[Any], *, embeddings: bool = False) -> Sequence[MemoryModel]:
        """Memories of a user as they are now, newest first; those with the same time by descending id.

        Embeddings are large, and are read only on request. Otherwise, objects of the session forget theirs, which may
        belong to an earlier content. Raises DatabaseError for a collection without the set collections.
        """
        query = query.checked()
        model, metadata = self._model, self._table.c.metadata
        conditions = [self._is_of(query.user_id)]
        conditions += statements.hold(metadata, values.filtered(query.extra_data, query.where))
        if query.memory_types is not None:
            conditions.append(model.memory_type.in_(query.memory_types))
        if query.collection_id is not None:
            conditions.append(
                model.id.in_(
                    collections.members(
                        self._table, query.collection_id, values.user_id(query.user_id, self._shape.users)
                    )
                )
            )
        if query.created_from is not None:
            conditions.append(model.created_at >= query.created_from)
        if query.created_before is not None:
            conditions.append(model.created_at < query.created_before)
        if query.accessed_before is not None:
            conditions.append(model.accessed_at < query.accessed_before)
        conditions += await expiry.unexpired(self._session, model)
        statement = select(model).where(*conditions).order_by(model.created_at.desc(), model.id.desc())
        return await self._shown(statement.limit(query.limit).offset(query.offset), embeddings=embeddings)

    async def nearest(self, query: MemorySimilarityQuery[UserId]) -> Sequence[Neighbour[UserId]]:
        """The memories of a user that are nearest to an embedding, nearest first, within the maximum distance.

        Exact on `core`. If the set fast_search is applied, uses search_memories, which is fast for users with many
        memories. In a collection, always exact. Raises DatabaseError if the extension, the table or, for a
        collection, the set collections is missing, or has changed meanwhile.
        """
        rows = await searching.run(self._session, self._model, searching.Search(query.checked(), self._shape))
        return [neighbour(row) for row in rows]

    async def search(
        self,
        user_id: values.UserKey,
        text: str | None,
        embedding: Any = None,
        *,
        k: int = 10,
        tiers: Iterable[MemoryType] | None = None,
        metadata: dict[str, Any] | None = None,
        where: Iterable[values.Where] = (),
        max_distance: float | None = None,
        collection: UUID | None = None,
    ) -> Sequence[Match[Any]]:
        """The k memories of a user that are best by words and by meaning together; by one where the other is missing.

        Uses search_memories_hybrid, or what there is of the sets hybrid_search and fast_search; without a set, all
        memories of the user are read. The best 2 k by meaning, within `max_distance`, and the best 2 k by words are
        worth 1 / (60 + place) each (reciprocal rank fusion). `metadata` and `where` mean what `extra_data` and `where`
        mean in a MemoryQuery. In a `collection`, which needs the set collections, all that is in it is read. Raises
        InvalidMemory, UsageError for a k that is not 1 to 1,000, DatabaseError.
        """
        question = retrieval.asked(
            self._shape.users,
            user_id,
            text,
            k=k,
            tiers=tiers,
            metadata=metadata,
            where=where,
            max_distance=max_distance,
            collection=collection,
        )
        rows = await searching.run(self._session, self._model, Hybrid(question, embedding, self._shape))
        return [match(row) for row in rows]

    async def recall(
        self,
        user_id: values.UserKey,
        embedding: Any,
        *,
        k: int = 10,
        tiers: Iterable[MemoryType] | None = None,
        metadata: dict[str, Any] | None = None,
        where: Iterable[values.Where] = (),
        max_distance: float | None = None,
    ) -> Sequence[Recalled[Any]]:
        """The k memories of a user that are best by meaning, recency and importance, of the 4 k nearest.

        Needs the sets fast_search and importance, and writes nothing: say with `noted` which memories were used.
        docs/recall.md has the formula and its sources. `metadata` and `where` mean what they mean in `search`. Raises
        InvalidMemory, UsageError for a k that is not 1 to 1,000, and DatabaseError without the sets.
        """
        question = retrieval.asked(
            self._shape.users,
            user_id,
            None,
            k=k,
            tiers=tiers,
            metadata=metadata,
            where=where,
            max_distance=max_distance,
        )
        rows = await searching.run(self._session, self._model, recalling.Recall(question, embedding, self._shape))
        return [recalled(row) for row in rows]

    async def noted(self, memory_ids: Iterable[UUID], *, user_id: values.UserKey) -> int:
        """Notes that memories were recalled just now, and returns how many of them are this user's.

        Unlike `touch`, it writes nothing to memories, and leaves `accessed_at` as it is. Call it last in a transaction:
        until the commit, others wait who note the same memories. Raises DatabaseError without the set importance.
        """
        return await beside.write(self._session, self._model, "note_memory_recalls", user_id, memory_ids)

    async def pin(self, memory_ids: Iterable[UUID], *, user_id: values.UserKey, pinned: bool = True) -> int:
        """Keeps memories, whatever the rules of the set retention say, or no longer; returns how many are this user's.

        A time at which they were to expire is forgotten. Raises DatabaseError without the set.
        """
        return await beside.write(
            self._session, self._model, "pin_memories", user_id, memory_ids, literal(pinned, Boolean)
        )

    async def expire(self, memory_ids: Iterable[UUID], at: datetime | None, *, user_id: values.UserKey) -> int:
        """Has memories expire at a time, pinned or not; returns how many are this user's. None: they do not expire.

        Raises InvalidMemory for a time without an offset, DatabaseError without the set retention.
        """
        moment = None if at is None else values.stored_time(at, "the time at which memories expire")
        return await beside.write(
            self._session, self._model, "expire_memories", user_id, memory_ids, literal(moment, DateTime(timezone=True))
        )

    async def forget(self, user_id: values.UserKey) -> dict[str, int]:
        """Deletes all that memdb's tables have of a user, and proves it; returns how many rows of which table.

        Their own row in the table of users stays: delete it in the same transaction, if it is to go. Raises
        UnknownUser, and DatabaseError without the set erasure.
        """
        return await beside.forget(self._session, self._model, user_id)

    async def update(
        self,
        memory_id: UUID,
        change: MemoryUpdate,
        *,
        user_id: values.UserKey | None = None,
        embedder: Embedder | AsyncEmbedder | None = None,
    ) -> MemoryModel | None:
        """Changes a memory, and returns it as it is then; None if it does not exist.

        If the content changes and no embedding is given, the old embedding is removed, because it would mislead, or the
        `embedder` makes the new one, as in `add`. Keys of the metadata are set one by one, so keys that others set
        meanwhile stay.
        """
        change = change.checked()
        if embedder is not None and making.is_incomplete(change):
            if self._embeddings is not None:
                return await self._update_beside(memory_id, change, user_id, embedder, self._embeddings)
            change = await making.completed(change, embedder, self._shape)
            async with self._session.begin_nested():
                changed = await self.update(memory_id, change, user_id=user_id)
                if changed is not None:
                    await making.note(self._session, self._model, changed.user_id, [changed.id], embedder.model)
                return changed
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

    async def _update_beside(
        self,
        memory_id: UUID,
        change: MemoryUpdate,
        user_id: values.UserKey | None,
        embedder: Embedder | AsyncEmbedder,
        embeddings: Embeddings,
    ) -> MemoryModel | None:
        vector = await making.of_text(str(change.content), embedder, self._shape)
        async with self._session.begin_nested():
            changed = await self.update(memory_id, change, user_id=user_id)
            if changed is not None:
                await successors.put(self._session, self._model, embeddings, {changed.id: vector}, changed.user_id)
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

    async def touch(
        self,
        memory_ids: Iterable[UUID],
        *,
        user_id: values.UserKey | None = None,
        unless_within: timedelta = RECENTLY,
    ) -> int:
        """Records that memories were recalled just now; returns how many rows that changed.

        Reading never does this, because every change of `accessed_at` adds the row to all indexes again, including that
        of the embeddings. So call it after the answer is on its way. It never waits:
        rows that somebody else is changing are left alone, and so are rows recorded less than `unless_within` ago. So a
        memory costs one write an hour at most. Where memories are distributed, a call without `user_id` has to ask all
        shards whose they are.
        """
        ids = [values.identifier(id) for id in memory_ids]
        if user_id is None and await surroundings.are_distributed(self._session, self._model):
            return sum(
                [
                    await self._touch(theirs, user, unless_within)
                    for user, theirs in (await copying.by_owner(self._session, self._model, ids)).items()
                ]
            )
        return await self._touch(ids, user_id, unless_within)

    async def _touch(self, memory_ids: Iterable[UUID], user_id: values.UserKey | None, unless_within: timedelta) -> int:
        model, ids = self._model, list(memory_ids)
        due = self._of(select(model.id), ids, user_id).where(model.accessed_at < func.now() - unless_within)
        due = due.with_for_update(skip_locked=True, key_share=True)  # as the update locks them: rows may refer to them
        noted = update(model).where(model.id.in_(due)).values(accessed_at=func.now())
        if user_id is not None:
            noted = noted.where(self._is_of(user_id))
        with translated():
            await self._session.flush()
            rows = await self._session.execute(
                noted.returning(model.id, model.accessed_at), execution_options={"synchronize_session": "fetch"}
            )
        return self._noted(rows.all())

    def _noted(self, rows: Sequence[Any]) -> int:
        """Objects of the session show it, too; to forget what they know would need the database at the next look."""
        for id, accessed_at in rows:
            if (memory := self._known(id)) is not None:
                set_committed_value(memory, "accessed_at", accessed_at)
        return len(rows)

    async def delete(self, memory_ids: Iterable[UUID], *, user_id: values.UserKey | None = None) -> int:
        """Deletes memories; returns how many were there."""
        statement = self._of(delete(self._model), memory_ids, user_id)
        with translated():
            await self._session.flush()
            result = await self._session.execute(statement, execution_options={"synchronize_session": "fetch"})
        return cast("CursorResult[Any]", result).rowcount

    def _known(self, id: UUID | None) -> MemoryModel | None:
        """The object that the session has of a memory."""
        key = identity_key(self._model, (id,))
        return cast("MemoryModel | None", self._session.sync_session.identity_map.get(key))

    async def _read(self, statement: Any) -> ScalarResult[Any]:
        """Objects as the database has them, once it has what was changed in the session."""
        with translated():
            await self._session.flush()
            try:
                return await self._session.scalars(statement, execution_options={"populate_existing": True})
            except DBAPIError:
                await expiry.learn_anew(self._session, self._model)
                raise

    async def _shown(self, statement: Any, *, embeddings: bool) -> Sequence[MemoryModel]:
        """Objects with their embeddings, or without."""
        if not embeddings:
            statement = statement.options(defer(self._model.embedding, raiseload=True))
        found = (await self._read(statement)).all()
        for memory in found:
            if not embeddings and "embedding" in memory.__dict__:
                self._session.expire(memory, ["embedding"])
        return found

    async def _there(self, statement: Any) -> Any:
        """Of these memories, those that have not expired."""
        return statement.where(*await expiry.unexpired(self._session, self._model))

    def _of(self, statement: Any, memory_ids: Iterable[UUID], user_id: values.UserKey | None) -> Any:
        statement = statement.where(statements.among(self._model.id, memory_ids))
        if user_id is None:
            return statement
        return statement.where(self._is_of(user_id))

    def _is_of(self, user_id: values.UserKey) -> ColumnElement[bool]:
        """Raises InvalidMemory for what is no id of these users."""
        return self._model.user_id == values.user_id(user_id, self._shape.users)
