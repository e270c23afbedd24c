"""Embeddings of a model that takes over: beside memories, by the functions that `memdb new --change-model` writes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pgvector import Vector
from sqlalchemy import ARRAY, Text, cast, literal
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import UserDefinedType

from memdb import values
from memdb.models.owners import shape_of
from memdb.shape import Shape
from memdb.store import beside, surroundings
from memdb.successor import Successor


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Those of a model that has a table beside memories, and their type as SQL writes it: vector(1024).

    Raises UsageError for what is no model or no such type.
    """

    model: str
    type: str

    def __post_init__(self) -> None:
        Successor(self.model)
        Shape().with_embedding(self.type)

    def shape_of(self, model: Any) -> Shape:
        """Of the same users, with these embeddings."""
        return shape_of(model).with_embedding(self.type)


class _Arrays(UserDefinedType[Any]):
    """An array of embeddings, whichever schema the extension is in."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return f"{self.name}[]"


async def put(
    session: AsyncSession, model: Any, embeddings: Embeddings, vectors: Mapping[UUID, Any], user_id: values.UserKey
) -> int:
    """Stores an embedding for each of these memories of a user; returns how many are theirs.

    Raises InvalidMemory for what is no such embedding, DatabaseError where the model was not begun.
    """
    shape = embeddings.shape_of(model)
    texts = [Vector(values.embedding(vector, shape)).to_text() for vector in vectors.values()]
    name = await session.run_sync(lambda sync: _name(sync.connection(bind_arguments={"mapper": model}), model, shape))
    given = cast(literal(texts, ARRAY(Text)), _Arrays(name))
    return await beside.write(session, model, Successor(embeddings.model).store, user_id, vectors.keys(), given)


async def put_all(
    session: AsyncSession,
    model: Any,
    embeddings: Embeddings,
    vectors: Mapping[UUID, Any],
    owners: Mapping[UUID, values.UserKey],
) -> None:
    """The same for memories of several users."""
    theirs = defaultdict[values.UserKey, dict[UUID, Any]](dict)
    for id, vector in vectors.items():
        theirs[owners[id]][id] = vector
    for user_id, some in theirs.items():
        await put(session, model, embeddings, some, user_id)


def _name(connection: Connection, model: Any, shape: Shape) -> str:
    place = surroundings.place(connection, model.__table__)
    known = surroundings.known(connection, place, seconds=surroundings.FOR_A_TRANSACTION)
    known = known or surroundings.learned(connection, place)
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(known.extension)}.{shape.embedding_type}"
