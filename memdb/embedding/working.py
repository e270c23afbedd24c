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

_ANY = "hello"
"""A text that any model embeds."""


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
    try:
        _take(embedder, texts, shape, batch)
    except TextsRefused as error:
        _require_answer(embedder, error)
        _ask_halves(embedder, texts, shape, batch, error)


def _require_answer(embedder: Embedder, refusal: TextsRefused) -> None:
    """Raises EmbedderFailed for an embedder that refuses any text: then it is not for these texts."""
    try:
        embedder.embed([_ANY])
    except TextsRefused:
        raise EmbedderFailed(
            f"{refusal.message}, and so it did to {_ANY!r}",
            hint=f"So no memory is the cause. Check the name of the model, dimensions and base URL. {refusal.hint}",
        ) from None


def _ask_halves(embedder: Embedder, texts: Sequence[Text], shape: Shape, batch: Batch, refusal: TextsRefused) -> None:
    """A refusal does not say which text is meant: halves are asked by themselves until it is one."""
    if len(texts) == 1:
        batch.refused[texts[0].id] = refusal.message
        return
    for half in (texts[: len(texts) // 2], texts[len(texts) // 2 :]):
        try:
            _take(embedder, half, shape, batch)
        except TextsRefused as error:
            _ask_halves(embedder, half, shape, batch, error)


def _take(embedder: Embedder, texts: Sequence[Text], shape: Shape, batch: Batch) -> None:
    """Puts embeddings of all the texts into the batch. Raises EmbedderFailed for an answer that cannot be trusted."""
    if not texts:
        return
    try:
        answer = checked(embedder.embed([text.content for text in texts]), len(texts), shape)
    except WrongAnswer as error:
        named = f"memory {texts[error.position].id}: {error.message}"
        raise EmbedderFailed(named, hint=error.hint) from None
    batch.texts += [texts[position] for position in answer.kept]
    batch.vectors += [*answer.vectors]
    batch.refused |= {texts[position].id: reason for position, reason in answer.refused.items()}
