"""Making embeddings of what a store is to keep."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Text, literal
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import values
from memdb.embedders import AsyncEmbedder, Embedder
from memdb.embedders.protocol import WrongAnswer, checked, listed, require_embedder
from memdb.errors import EmbedderFailed
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCreate, MemoryUpdate
from memdb.shape import Shape
from memdb.store import beside, successors, texts
from memdb.store.batches import Batch
from memdb.store.successors import Embeddings
from memdb.store.texts import NOTED
from memdb.successor import Successor
from memdb.values import Vectors

AnyEmbedder: TypeAlias = Embedder | AsyncEmbedder

_AT_ONCE = 64
_NOTHING = "Nothing was stored. Look at the embedder."


@dataclass(frozen=True, slots=True)
class Made:
    """Embeddings that were made here, of which texts, and whose memories they are of, by the ids of these.

    Those of a model that takes over, `embeddings`, are kept beside memories.
    """

    owners: dict[UUID, values.UserKey]
    texts: dict[UUID, str]
    embedding_model: str
    vectors: dict[UUID, Any]
    embeddings: Embeddings | None

    async def note(self, session: AsyncSession, model: Any, stored: Iterable[UUID]) -> None:
        """Says which model made the embeddings of those that were stored, and of which texts, or stores them beside
        these. A trigger of the application may have put another text in place of one."""
        made = [id for id in stored if id in self.owners]
        table = NOTED if self.embeddings is None else Successor(self.embeddings.model).table
        if self.embeddings is not None:
            vectors = {id: self.vectors[id] for id in made}
            await successors.put_all(session, model, self.embeddings, vectors, self.owners)
        else:
            await self._say_whose(session, model, made)
        await texts.note(session, model, table, {id: self.texts[id] for id in made})

    async def _say_whose(self, session: AsyncSession, model: Any, made: Iterable[UUID]) -> None:
        ids = defaultdict[values.UserKey, list[UUID]](list)
        for id in made:
            ids[self.owners[id]].append(id)
        said = literal(self.embedding_model, Text)
        for user_id, theirs in ids.items():
            await beside.write(session, model, "note_embedding_model", user_id, theirs, said)


async def embedded(
    memories: Iterable[MemoryCreate[Any]],
    model: Any,
    embedder: AnyEmbedder,
    embeddings: Embeddings | None = None,
    *,
    last_counts: bool = False,
) -> tuple[Sequence[MemoryCreate[Any]], Made]:
    """The memories with embeddings of their texts, where they had none; those of a model that takes over, apart.

    Of those with one id only the first is embedded, or the last, as the others are not stored.

    Raises InvalidMemory for the first that cannot be stored, before anything is asked, and EmbedderFailed where an
    embedding is none that can be stored.
    """
    require_embedder(embedder, "embed", "aembed")
    given = list(Batch(memories, model))
    shape = shape_of(model) if embeddings is None else embeddings.shape_of(model)
    places = range(len(given)) if last_counts else reversed(range(len(given)))
    counting = {given[place][0]: place for place in places}
    lacking = [place for place in sorted(counting.values()) if given[place][1].embedding is None]
    made = dict[int, Any]()
    for first in range(0, len(lacking), _AT_ONCE):
        some = lacking[first : first + _AT_ONCE]
        vectors = await _of_texts([given[place][1].content for place in some], embedder, shape, some)
        made |= zip(some, vectors, strict=True)
    stored = [
        memory.model_copy(
            update={"id": id} | ({"embedding": made[place]} if place in made and embeddings is None else {})
        )
        for place, (id, memory) in enumerate(given)
    ]
    theirs = [(place, *given[place]) for place in lacking]
    return stored, Made(
        {id: memory.user_id for _, id, memory in theirs},
        {id: memory.content for _, id, memory in theirs},
        embedder.model,
        {id: made[place] for place, id, _ in theirs},
        embeddings,
    )


def is_incomplete(change: MemoryUpdate) -> bool:
    """Whether it changes the text, and says nothing of the embedding."""
    return "content" in change.model_fields_set and "embedding" not in change.model_fields_set


async def of_text(text: str, embedder: AnyEmbedder, shape: Shape) -> Any:
    """The embedding of one text. Raises EmbedderFailed as `embedded` does."""
    require_embedder(embedder, "embed", "aembed")
    (vector,) = await _of_texts([text], embedder, shape)
    return vector


async def _of_texts(texts: Sequence[str], embedder: AnyEmbedder, shape: Shape, places: Sequence[int] = (0,)) -> Vectors:
    """(texts, dimensions). An error names the place of a memory among those given, where there are several."""
    try:
        answer = checked(await _asked(embedder, texts), len(texts), shape)
    except WrongAnswer as error:
        raise _failed(error.message, error.position, places, error.hint) from None
    for position, reason in answer.refused.items():
        raise _failed(reason, position, places)
    return answer.vectors


def _failed(what: str, position: int, places: Sequence[int], hint: str = _NOTHING) -> EmbedderFailed:
    named = f"memory {places[position]} (counted from 0): " if len(places) > 1 else ""
    return EmbedderFailed(f"{named}{what}", hint=hint)


async def _asked(embedder: AnyEmbedder, texts: Sequence[str]) -> Any:
    aembed = getattr(embedder, "aembed", None)
    if aembed is not None:
        return await aembed(texts)
    return await asyncio.to_thread(lambda: listed(embedder.embed(texts), len(texts)))  # type: ignore[union-attr]  # it has one of the two
