"""A repository of memories over a session. The caller owns the transaction: nothing here commits."""

from typing import Any, overload

from sqlalchemy.ext.asyncio import AsyncSession

from memdb.models import Memory
from memdb.store.adding import Adding
from memdb.store.changing import Changing
from memdb.store.finding import Finding
from memdb.store.noting import Noting
from memdb.store.objects import MemoryModel
from memdb.store.successors import Embeddings


class MemoryStore(Adding[MemoryModel], Changing[MemoryModel], Finding[MemoryModel], Noting[MemoryModel]):
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
        super().__init__(session, model, embeddings=embeddings)
