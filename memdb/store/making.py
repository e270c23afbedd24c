"""Making embeddings of what a store is to keep."""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import Text, literal
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import values
from memdb.embedders import AsyncEmbedder, Embedder
from memdb.embedders.protocol import checked
from memdb.errors import EmbedderFailed
from memdb.schemas import MemoryCreate
from memdb.shape import Shape
from memdb.store import beside


async def embedded(memory: MemoryCreate[Any], embedder: Embedder | AsyncEmbedder, shape: Shape) -> MemoryCreate[Any]:
    """The memory with an embedding of its text. Raises EmbedderFailed where there is none that can be stored."""
    answer = checked(await _asked(embedder, memory.content), 1, shape)
    if answer.refused:
        raise EmbedderFailed(answer.refused[0], hint="Nothing was stored. Look at the embedder.")
    return memory.model_copy(update={"embedding": answer.vectors[0]})


async def _asked(embedder: Embedder | AsyncEmbedder, text: str) -> Any:
    aembed = getattr(embedder, "aembed", None)
    if aembed is not None:
        return await aembed([text])
    return await asyncio.to_thread(embedder.embed, [text])  # type: ignore[union-attr]  # it has one of the two


async def note(
    session: AsyncSession, model: Any, user_id: values.UserKey, memory_ids: list[UUID], embedding_model: str
) -> int:
    """Says which model made the embeddings of memories of a user; returns for how many."""
    said = literal(embedding_model, Text)
    return await beside.write(session, model, "note_embedding_model", user_id, memory_ids, said)
