"""Finding memories by meaning, by words, and by how recent and important they are."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from memdb import retrieval, values
from memdb.models import MemoryType
from memdb.schemas import MemorySimilarityQuery
from memdb.store import searching
from memdb.store.found import Match, Neighbour, Recalled, UserId, match, neighbour, recalled
from memdb.store.objects import MemoryModel, Objects
from memdb.store.questions import Hybrid, Nearest, Recall


class Finding(Objects[MemoryModel]):
    """The part of a MemoryStore that searches the memories of a user."""

    async def nearest(self, query: MemorySimilarityQuery[UserId]) -> Sequence[Neighbour[UserId]]:
        """The memories of a user that are nearest to an embedding, nearest first, within the maximum distance.

        Exact on `core`. If the set fast_search is applied, uses search_memories, which is fast for users with many
        memories. In a collection, always exact. Raises DatabaseError if the extension, the table or, for a
        collection, the set collections is missing, or has changed meanwhile.
        """
        rows = await searching.run(self._session, self._model, Nearest(query.checked(), self._shape))
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
        rows = await searching.run(self._session, self._model, Recall(question, embedding, self._shape))
        return [recalled(row) for row in rows]
