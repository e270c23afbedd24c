"""One batch: its texts are read, embedded, and the embeddings stored, in a transaction that locks nothing meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import numpy as np

from memdb.database import Connection
from memdb.embedders import Embedder
from memdb.embedders.protocol import TextsRefused, WrongAnswer, checked
from memdb.embedding import needs, storing
from memdb.embedding.needs import Scope
from memdb.errors import EmbedderFailed
from memdb.shape import Shape
from memdb.values import Vectors


class Text(NamedTuple):
    """What a memory says, and by which hash that is known again."""

    id: UUID
    content: str
    hash: bytes


@dataclass
class Batch:
    """Memories with an embedding for each, one a row; and why others have none."""

    texts: list[Text] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """How many of a batch were `stored`, and why some have no embedding. The rest is in the hands of somebody else."""

    stored: int
    refused: dict[UUID, str]


def embed(connection: Connection, embedder: Embedder, scope: Scope, ids: Sequence[UUID]) -> Done:
    """Embeds those of the memories that no other run has, or has had meanwhile.

    Raises EmbedderFailed, which names the memory where one is meant, and DatabaseError; then nothing was stored.
    """
    with connection.transaction():
        found = needs.enter(connection, embedder.model, writing=True)
        needs.settings(connection)
        claimed = needs.claimed(connection, ids)
        needed = [need.id for need in needs.of(connection, found, embedder.model, scope, ids=claimed)]
        texts = [Text(*row) for row in needs.texts(connection, found, needed)]
        batch = Batch()
        _ask(embedder, texts, found.shape, batch)
        vectors = np.array(batch.vectors, np.float32).reshape(-1, found.dimensions)
        kept, hashes = [text.id for text in batch.texts], [text.hash for text in batch.texts]
        return Done(storing.store(connection, found, embedder.model, kept, hashes, vectors), batch.refused)


def _ask(embedder: Embedder, texts: Sequence[Text], shape: Shape, batch: Batch) -> None:
    """A refusal does not say which text is meant: halves are asked by themselves until it is one."""
    if not texts:
        return
    try:
        answer = checked(embedder.embed([text.content for text in texts]), len(texts), shape)
    except TextsRefused as error:
        if len(texts) == 1:
            batch.refused[texts[0].id] = error.message
            return
        for half in (texts[: len(texts) // 2], texts[len(texts) // 2 :]):
            _ask(embedder, half, shape, batch)
    except WrongAnswer as error:
        named = f"memory {texts[error.position].id}: {error.message}"
        raise EmbedderFailed(named, hint=error.hint) from None
    else:
        batch.texts += [texts[position] for position in answer.kept]
        batch.vectors += [*answer.vectors]
        batch.refused |= {texts[position].id: reason for position, reason in answer.refused.items()}
