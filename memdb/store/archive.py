"""Memories that newer ones have replaced, or that were merged or pruned: their history, and the way back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, overload
from uuid import UUID

from sqlalchemy import Boolean, DateTime, Text, Uuid, column, literal
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import retrieval, values
from memdb.errors import DataError
from memdb.models import Memory, MemoryType
from memdb.schemas import MemoryCreate
from memdb.store import beside, searching
from memdb.store.failures import refusal
from memdb.store.found import Archived, Restored, Version, archived, version
from memdb.store.objects import MemoryModel, Objects
from memdb.store.questions import Archive, Question, Versions
from memdb.store.repository import MemoryStore

_NO_DATA_FOUND = "P0002"
_RESTORED = (
    column("memory_id", Uuid),
    column("reason", Text),
    column("replaced_by", Uuid),
    column("has_embedding", Boolean),
)


class MemoryArchive(Objects[MemoryModel]):
    """The archive of the memories in a session, of the same class as in a MemoryStore.

    Each method sees only the memories of one user, and raises DatabaseError without the set archive.
    """

    @overload
    def __init__(self: "MemoryArchive[Memory]", session: AsyncSession) -> None: ...

    @overload
    def __init__(self, session: AsyncSession, model: type[MemoryModel]) -> None: ...

    def __init__(self, session: AsyncSession, model: Any = Memory) -> None:
        super().__init__(session, model)

    async def supersede(
        self,
        old_id: UUID,
        new: UUID | MemoryCreate[Any],
        *,
        user_id: values.UserKey,
        valid_to: datetime | None = None,
    ) -> UUID:
        """Replaces a memory by a newer one, which is stored first if it is not yet, and returns the id of that.

        The old one held until `valid_to`, or until now. Raises DataError if one of them is not among the memories of
        this user, such as after somebody else has replaced it; then roll the session back. Raises what `add` raises.
        """
        new_id = await self._added(new) if isinstance(new, MemoryCreate) else values.identifier(new)
        moment = None if valid_to is None else values.stored_time(valid_to, "valid_to")
        given = (
            literal(values.identifier(old_id), Uuid),
            literal(new_id, Uuid),
            literal(moment, DateTime(timezone=True)),
        )
        try:
            await beside.rows(self._session, self._model, "supersede_memory", user_id, *given)
        except DBAPIError as error:
            if (said := refusal(error)).state != _NO_DATA_FOUND:
                raise
            raise DataError(
                said.message,
                hint="Nothing was replaced; roll the session back. If the memory is archived, versions() says by what "
                "it was replaced.",
            ) from error
        if (known := self._known(old_id)) is not None:  # its row is gone, so it could not be written any more
            self._session.expunge(known)
        return new_id

    async def versions(self, memory_id: UUID, *, user_id: values.UserKey) -> Sequence[Version]:
        """A memory with all that it replaced and that replaced it, oldest first; nothing if it is not there."""
        question = Versions(values.user_id(user_id, self._shape.users), values.identifier(memory_id))
        return [version(row) for row in await self._asked(retrieval.VERSIONS, question)]

    async def restore(self, memory_ids: Iterable[UUID], *, user_id: values.UserKey) -> Sequence[Restored]:
        """Brings archived memories back as they were, with all that referred to them, and says which came back.

        What replaced them stays. Those without an embedding are found by meaning once they have one again.
        """
        ids = beside.identifiers(memory_ids)
        rows = await beside.rows(self._session, self._model, "restore_memories", user_id, ids, columns=_RESTORED)
        return [Restored(*row) for row in rows]

    async def search(
        self,
        user_id: values.UserKey,
        embedding: Any,
        *,
        k: int = 10,
        tiers: Iterable[MemoryType] | None = None,
        metadata: dict[str, Any] | None = None,
        max_distance: float | None = None,
        reasons: Iterable[str] | None = None,
        valid_at: datetime | None = None,
    ) -> Sequence[Archived]:
        """The k archived memories of a user that are nearest to an embedding, of all that have one, nearest first.

        `reasons` are superseded, merged and pruned; `valid_at` is a time at which they held. Raises InvalidMemory, and
        UsageError for a k that is not 1 to 1,000, for other reasons, and for metadata that are to be false or null.
        """
        asked = retrieval.asked(
            self._shape.users, user_id, None, k=k, tiers=tiers, metadata=metadata, where=(), max_distance=max_distance
        )
        question = Archive(asked, embedding, self._shape, reasons, valid_at)
        return [archived(row) for row in await self._asked(retrieval.ARCHIVED, question)]

    async def _added(self, memory: MemoryCreate[Any]) -> UUID:
        added: Any = await MemoryStore(self._session, self._model).add(memory)
        return values.identifier(added.id)

    async def _asked(self, function: str, question: Question) -> Sequence[Any]:
        with beside.needed(function):
            return await searching.run(self._session, self._model, question)
