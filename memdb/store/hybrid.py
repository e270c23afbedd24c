"""A search by words, by meaning, or by both, as a driver sends it."""

from typing import Any

from pgvector import Vector
from sqlalchemy.engine import Connection

from memdb import retrieval, values
from memdb.retrieval import Asked, Surroundings
from memdb.shape import Shape
from memdb.store import beside, drivers
from memdb.store.surroundings import Place


class Hybrid:
    """A question with an embedding, or without. Raises InvalidMemory for one that these memories cannot have."""

    def __init__(self, asked: Asked, embedding: Any, shape: Shape) -> None:
        self._asked = asked
        self._embedding = None if embedding is None else Vector(values.embedding(embedding, shape))

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1, $2, …"""
        if self._asked.collection is not None and retrieval.IN_COLLECTION not in known.functions:
            raise beside.missing(retrieval.IN_COLLECTION, "collections")
        if self._embedding is not None and self._asked.reads_embeddings(known):
            known.require_in_memories(self._embedding.dimensions())
        embedding: Any = None
        sent: tuple[str, ...] = drivers.ARRAY
        if self._embedding is not None:
            embedding, sent = drivers.form(connection, self._embedding, known.extension, known.vector)
        return self._asked.statement(known, table, embedding, sent)
