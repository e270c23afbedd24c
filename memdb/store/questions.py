"""What is asked of a user's memories, as a driver sends it: texts with the parameters $1, $2, …"""

import functools
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pgvector import Vector
from sqlalchemy.engine import Connection

from memdb import retrieval, values
from memdb.errors import UsageError
from memdb.retrieval import Asked, Surroundings
from memdb.schemas import MemorySimilarityQuery
from memdb.shape import Shape
from memdb.store import beside, drivers
from memdb.store.batches import require_fitting
from memdb.store.surroundings import Place

REASONS = ("superseded", "merged", "pruned")


class Question(Protocol):
    """What is asked of a user's memories."""

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1, $2, …"""


class Nearest:
    """A search by meaning; its parameters are those of the statements in sql/queries/store.sql.

    Raises InvalidMemory for the id of a user, or an embedding, that memories of this shape do not have.
    """

    def __init__(self, query: MemorySimilarityQuery[Any], shape: Shape) -> None:
        contained, self._path = values.filtered(query.extra_data, query.where)
        require_fitting(query, query.embedding, shape)
        self._embedding, self._dimensions = query.embedding, shape.dimensions
        self._tiers = None if query.memory_types is None else [tier.value for tier in query.memory_types]
        self._asked = (query.limit, self._tiers, query.max_distance, json.dumps(contained) if contained else None)
        self._user_id = values.user_id(query.user_id, shape.users)
        self._collection = query.collection_id

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1, $2, …"""
        embedding, sent = drivers.form(connection, self._embedding, known.extension, known.vector)
        arguments = (self._user_id, embedding, *self._asked)
        if self._collection is not None:
            if retrieval.IN_COLLECTION not in known.functions:
                raise beside.missing(retrieval.IN_COLLECTION, "collections")
            return _text("in_collection", known, table, sent), (*arguments, self._path, self._collection)
        if self._path is None and retrieval.BY_MEANING in known.functions:
            return _text("searched", known, table, sent), arguments
        if retrieval.BY_CONDITION in known.functions:
            return _text("filtered", known, table, sent), (*arguments, self._path)
        known.require_in_memories(self._dimensions)
        return _text("nearest", known, table, sent), (*arguments, self._path)


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


class Versions:
    """All that replaced one another, to a memory of a user."""

    def __init__(self, user_id: values.UserKey, memory_id: UUID) -> None:
        self._given = user_id, memory_id

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1 and $2."""
        return retrieval.statement("archive", "versions", known, table, drivers.ARRAY), self._given


class Archive:
    """A search by meaning among what is archived.

    Raises InvalidMemory for an embedding that these memories cannot have, and UsageError for reasons that there are
    not, and for conditions on metadata that the function does not know.
    """

    def __init__(
        self, asked: Asked, embedding: Any, shape: Shape, reasons: Iterable[str] | None, valid_at: datetime | None
    ) -> None:
        if asked.metadata.path is not None:
            raise UsageError(
                "the archive cannot be searched for metadata that are false or missing",
                hint="Give it what metadata contain, or look through what comes back.",
            )
        self._asked = asked
        self._more = _reasons(reasons), None if valid_at is None else values.time(valid_at, "valid_at")
        self._embedding = Vector(values.embedding(embedding, shape))

    def statement(self, connection: Connection, known: Surroundings, table: Place) -> tuple[str, tuple[Any, ...]]:
        """The text and its parameters, which are $1, $2, …"""
        embedding, sent = drivers.form(connection, self._embedding, known.extension, known.vector)
        text = retrieval.statement("archive", "archived", known, table, sent)
        return f"{text} -- {known.vector}", (*self._asked.parameters(embedding), *self._more)


def _reasons(given: Iterable[str] | None) -> list[str] | None:
    reasons = None if given is None else list(given)
    if reasons is not None and (not reasons or not {*reasons} <= {*REASONS}):
        raise UsageError(f"reasons are {reasons}", hint=f"Give some of {', '.join(REASONS)}, or leave them out.")
    return reasons


@functools.lru_cache(maxsize=256)
def _text(block: str, known: Surroundings, table: Place, sent: tuple[str, ...]) -> str:
    statement = retrieval.statement("store", block, known, table, sent)
    return f"{statement} -- {known.vector}"  # drivers prepare a text once, for the type that there was then
