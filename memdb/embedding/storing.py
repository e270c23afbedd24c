"""Embeddings on their way into memories, many in one statement."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from memdb import distribution, trust
from memdb.database import Connection, query
from memdb.embedding import needs
from memdb.errors import DatabaseError
from memdb.target import Target
from memdb.values import Vectors
from memdb.words import listed

_FLOAT4, _FLOAT4_ARRAY = 700, 1021
_HEADER = struct.Struct(">iiIii")
_ELEMENT = np.dtype([("length", ">i4"), ("number", ">f4")])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reals:
    """Numbers that are sent as real[] in binary: as text, or one by one, they take ten times as long."""

    numbers: Vectors


class _Sent(Dumper):
    format, oid = Format.BINARY, _FLOAT4_ARRAY

    def dump(self, obj: Any) -> Buffer | None:
        elements = np.empty(obj.numbers.size, _ELEMENT)
        elements["length"], elements["number"] = 4, obj.numbers.ravel()
        return _HEADER.pack(1, 0, _FLOAT4, len(elements), 1) + elements.tobytes()


def prepare(connection: Connection) -> None:
    """Teaches a connection to send such numbers."""
    connection.adapters.register_dumper(Reals, _Sent)


def require_rights(connection: Connection, model: str) -> None:
    """Raises DatabaseError where this role may not store embeddings of the model, or that could run code of others.

    It locks nothing, so store sees to the latter again.
    """
    with connection.transaction():
        found = needs.enter(connection, model, writing=True)
        sources, _ = needs.said_of(connection, found)
        given = {"memories": found.memories, "sources": sources, "beside": found.beside is not None}
        lacking = [name for (name,) in connection.execute(query("embedding", "rights"), given)]
        if lacking:
            raise DatabaseError(
                f"this role may not store embeddings: it lacks {listed(lacking)}",
                hint="Have the owner of the tables grant it, or connect as the owner.",
            )
        trust.require_own_triggers(connection, [table for table in (found.memories, sources) if table is not None])


def store(
    connection: Connection, found: Target, model: str, ids: Sequence[UUID], hashes: Sequence[bytes], vectors: Vectors
) -> int:
    """Stores an embedding, one a row of `vectors`, for each memory whose text still has its hash; returns for how many.

    Those that somebody else is changing are passed over. Raises DatabaseError where writing could run code of others.
    """
    if not ids:
        return 0
    _keep_triggers_away(connection, found)
    given = {
        "ids": list(ids),
        "hashes": list(hashes),
        "numbers": Reals(vectors),
        "dimensions": vectors.shape[1],
        "model": model,
    }
    if found.sources_say_whose:
        return _store_by_shard(connection, found, given)
    return connection.execute(needs.statement(found, "store"), given).rowcount


def _store_by_shard(connection: Connection, found: Target, given: dict[str, Any]) -> int:
    """The same where memories may be spread by user: rows are locked in one shard at a time only."""
    owners = [user for (user,) in connection.execute(needs.statement(found, "owners"), given)]
    of_user = ["pg_catalog", found.user_type_name]
    stored = 0
    for users in distribution.by_shard(connection, found.memories, owners, of_user):
        theirs = given | {"users": users}
        free = [id for (id,) in connection.execute(needs.statement(found, "free_of_users"), theirs)]
        theirs["free"] = free
        rows = connection.execute(needs.statement(found, "store_of_users"), theirs).fetchall()
        if rows:
            noted = dict(
                zip(("users", "ids", "contents", "embeddings"), map(list, zip(*rows, strict=True)), strict=True)
            )
            connection.execute(needs.statement(found, "note_of_users"), {"model": given["model"], **noted})
        stored += len(rows)
    return stored


def _keep_triggers_away(connection: Connection, found: Target) -> None:
    trust.keep_triggers_away(connection, (found.schema, found.beside or "memories"))
    sources, _ = needs.said_of(connection, found)
    tables = [table for table in (found.memories, sources) if table is not None]
    trust.require_own_triggers(connection, tables)
    trust.require_owners(connection, tables, writing=True)
