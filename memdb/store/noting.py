"""What is noted of memories: that they were recalled, and how long they are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, DateTime, func, literal, select, update
from sqlalchemy.orm.attributes import set_committed_value

from memdb import values
from memdb.store import beside, copying, surroundings
from memdb.store.failures import translated
from memdb.store.objects import MemoryModel, Objects

RECENTLY = timedelta(hours=1)


class Noting(Objects[MemoryModel]):
    """The part of a MemoryStore that notes what happens to memories."""

    async def touch(
        self,
        memory_ids: Iterable[UUID],
        *,
        user_id: values.UserKey | None = None,
        unless_within: timedelta = RECENTLY,
    ) -> int:
        """Records that memories were recalled just now; returns how many rows that changed.

        Reading never does this, because every change of `accessed_at` adds the row to all indexes again, including that
        of the embeddings. So call it after the answer is on its way. It never waits: rows that somebody else is
        changing are left alone, and so are rows recorded less than `unless_within` ago. So a memory costs one write an
        hour at most. Where memories are distributed, a call without `user_id` has to ask all shards whose they are.
        """
        ids = [values.identifier(id) for id in memory_ids]
        if user_id is None and await surroundings.are_distributed(self._session, self._model):
            owners = await copying.by_owner(self._session, self._model, ids)
            return sum([await self._touch(theirs, user, unless_within) for user, theirs in owners.items()])
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
