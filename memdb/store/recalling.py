"""Memories weighed by recency and importance, by the function of the set importance."""

from typing import Any

from pgvector import Vector
from sqlalchemy.engine import Connection

from memdb import retrieval, values
from memdb.retrieval import Asked, Surroundings
from memdb.shape import Shape
from memdb.store import beside, drivers
from memdb.store.surroundings import Place


class Recall:
    """A question for recall_memories, as a driver sends it.

    Raises InvalidMemory for an embedding that these memories cannot have.
    """

    def __init__(self, asked: Asked, embedding: Any, shape: Shape) -> None:
        self._asked = asked
        self._embedding = Vector(values.embedding(embedding, shape))

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1, $2, …"""
        if retrieval.WEIGHED not in known.functions:
            raise beside.missing(retrieval.WEIGHED, "fast_search", "importance")
        embedding, sent = drivers.form(connection, self._embedding, known.extension, known.vector)
        return self._asked.weighed(known, table, embedding, sent)
