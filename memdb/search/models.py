"""Which model the text of a question is embedded by, and which made the embeddings that it is compared with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from memdb import trust
from memdb.database import Connection, query
from memdb.embedders import Embedder
from memdb.errors import DataError
from memdb.shape import UserKey
from memdb.successor import Successor
from memdb.target import Target
from memdb.words import argument, listed


def beside(connection: Connection, found: Target, model: str) -> int | None:
    """The dimensions of a model whose embeddings are in a table beside memories, since it takes over from another."""
    successor = Successor.of(model)
    if successor is None:
        return None
    given = {"memories": found.memories, "table": successor.table, "model": model}
    row = connection.execute(query("embedding", "beside"), given).fetchone()
    return int(row[1]) if row else None


def others(connection: Connection, found: Target, user: UserKey, model: str) -> str:
    """Which models made embeddings of the user, if that is known, and none is of this model."""
    if beside(connection, found, model) is not None:
        return ""
    sources = connection.value(query("search", "embedding_sources"), {"memories": found.memories})
    if sources is None:
        return ""
    trust.require_owners(connection, [sources])
    models = {name for (name,) in connection.execute(found.query("search", "models").encode(), {"user": user})}
    return "" if model in models else listed(sorted(models))


@dataclass(frozen=True, slots=True)
class Answering:
    """How many dimensions the embeddings have that answer, and of which model they are, if that has taken over."""

    model: str | None
    dimensions: int


def mistaken(connection: Connection, found: Target, model: str, asked: int, answering: Answering) -> str:
    """What is to be said of a question of this model that was compared with embeddings of another one.

    Where both have as many dimensions, the server cannot tell them apart.
    """
    if asked != answering.dimensions or (answering.model and _same(answering.model, model)):
        return ""
    if answering.model is not None:
        return f"Questions of {asked} dimensions are answered by {answering.model}, and this one is of {model}."
    if beside(connection, found, model) is None:
        return ""
    return f"{model} has not taken over yet: the question was compared with embeddings of the model before it."


def _same(one: str, other: str) -> bool:
    former, latter = Successor.of(one), Successor.of(other)
    return former is not None and latter is not None and former.table == latter.table


@contextmanager
def told(embedder: Embedder | None, asked: int, answering: Answering) -> Iterator[None]:
    """Around a search by `asked` dimensions. Raises DataError where the server refuses that."""
    try:
        yield
    except psycopg.errors.DataException as error:
        if asked == answering.dimensions:
            raise
        if answering.model is not None:
            raise DataError(
                f"questions are answered by {answering.model}, of {answering.dimensions} dimensions, and this one has "
                f"{asked}",
                hint=f"Ask by an embedding of that model: --model {argument(answering.model)}",
            ) from error
        if embedder is None:
            raise
        raise DataError(
            f"the model {embedder.model} has not taken over yet, so no question of it is answered",
            hint=f"Ask with the model before it, or switch: memdb new --switch-model {argument(embedder.model)}",
        ) from error
