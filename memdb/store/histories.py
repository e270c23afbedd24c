"""What is asked of the archive, as a driver sends it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector import Vector
from sqlalchemy.engine import Connection

from memdb import retrieval, values
from memdb.errors import UsageError
from memdb.retrieval import Asked, Surroundings
from memdb.shape import Shape, UserKey
from memdb.store import drivers
from memdb.store.surroundings import Place

REASONS = ("superseded", "merged", "pruned")


class Versions:
    """All that replaced one another, to a memory of a user."""

    def __init__(self, user_id: UserKey, memory_id: UUID) -> None:
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
        known.require_in_memories(self._embedding.dimensions())
        embedding, sent = drivers.form(connection, self._embedding, known.extension, known.vector)
        text = retrieval.statement("archive", "archived", known, table, sent)
        return f"{text} -- {known.vector}", (*self._asked.parameters(embedding), *self._more)


def _reasons(given: Iterable[str] | None) -> list[str] | None:
    reasons = None if given is None else list(given)
    if reasons is not None and (not reasons or not {*reasons} <= {*REASONS}):
        raise UsageError(f"reasons are {reasons}", hint=f"Give some of {', '.join(REASONS)}, or leave them out.")
    return reasons
