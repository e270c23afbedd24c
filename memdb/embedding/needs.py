"""Which memories are to be embedded, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from memdb import shipped, target, trust, users
from memdb.database import Connection, query
from memdb.errors import DatabaseError, UsageError
from memdb.shape import UserKey
from memdb.successor import Successor
from memdb.target import Target

NOTED = ("other-model", "unknown", "zero")
"""What embeddings can be besides missing or stale, as a look at one by itself tells."""
COMPARED = ("not-unit", "duplicate", "outlier")
"""What only all of them together tell."""
ALSO = (*NOTED, *COMPARED)
_PAGE = 10_000
_IN_MEMORIES = {
    "memories": "{schema}.memories",
    "sources": "{schema}.memory_embedding_sources",
    "unchanged": "(s.embedding_hash = substr(sha256({send}(m.embedding)), 1, 16))",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is embedded of all users or of one: what is missing or stale, and `also` what has such embeddings.

    `also` may hold "other-model" (noted as that of another), "unknown" (nobody has said which model's), "zero",
    "not-unit" (not of length 1, as most are), "duplicate" (the same as that of another text), "outlier" (of a length
    unlike the others'). And these `memories`, whatever they have.
    """

    user: object = None
    also: Sequence[str] = ()
    memories: Sequence[UUID] = ()

    def __post_init__(self) -> None:
        if others := [name for name in self.also if name not in ALSO]:
            raise UsageError(f"{others[0]!r} is nothing that embeddings can be", hint=f"Give {', '.join(ALSO)}.")


class Need(NamedTuple):
    """A memory that is to be embedded, why, and of how many bytes its text is."""

    id: UUID
    why: str
    bytes: int


def enter(connection: Connection, model: str | None = None, *, writing: bool = False) -> Target:
    """Where memories and embeddings are, for a transaction that has begun, in which nobody else's code is called.

    Those of a model that has a table beside memories are there, and the target has their type. Raises DatabaseError
    without the set embeddings, and where row-level security hides memories from this role.
    """
    connection.execute(f"set transaction isolation level read committed, read {'write' if writing else 'only'}")
    found = of_model(connection, target.enter(connection), model)
    require_seen(connection, found, writing=writing)
    return replace(found, sources_say_whose=found.beside is None and _say_whose(connection, found))


def of_model(connection: Connection, found: Target, model: str | None) -> Target:
    """The same with the table that has the embeddings of a model, where there is one."""
    successor = None if model is None else Successor.of(model)
    if successor is None:
        return found
    given = {"memories": found.memories, "table": successor.table, "model": model}
    row = connection.execute(query("embedding", "beside"), given).fetchone()
    return replace(found, embedding_type=row[0], dimensions=row[1], beside=successor.table) if row else found


def require_seen(connection: Connection, found: Target, *, writing: bool = False) -> None:
    """Raises DatabaseError as enter does."""
    sources, hidden = said_of(connection, found)
    if sources is None:
        raise DatabaseError("the set embeddings is not applied", hint="Apply it: memdb migrate --with embeddings")
    if hidden:
        raise DatabaseError(
            "row-level security may hide memories from this role, so they would stay without an embedding",
            hint="Connect as a role with BYPASSRLS, or as the owner of the tables.",
        )
    trust.require_owners(connection, [found.memories, sources], writing=writing)


def said_of(connection: Connection, found: Target) -> tuple[int | None, bool]:
    """The table that says what embeddings were made of, and whether rows are hidden from this role."""
    given = {"memories": found.memories, "table": found.beside or "memory_embedding_sources"}
    ((sources, hidden),) = connection.execute(query("embedding", "surroundings"), given)
    return sources, hidden


def _say_whose(connection: Connection, found: Target) -> bool:
    sources, _ = said_of(connection, found)
    return bool(connection.value(query("embedding", "says_whose"), [sources]))


def statement(found: Target, block: str) -> LiteralString:
    """A block of embedding.sql for these memories."""
    blocks = shipped.queries("embedding")
    if found.beside is None:
        text, parts = blocks[block], _IN_MEMORIES
    else:
        text = blocks["store_beside" if block == "store" else block]
        parts = {name: f"({blocks[f'{name}_beside']})" for name in ("memories", "sources")} | {"unchanged": "true"}
    same = "m.user_id = s.user_id and m.id = s.memory_id" if found.sources_say_whose else "m.id = s.memory_id"
    for name, part in {**parts, "same": f"({same})"}.items():
        text = text.replace(f"{{{name}}}", part)
    place = [found.schema, found.beside or "memories"]
    send = [found.vector_schema, f"{found.embedding_type}_send"]
    return found.filled_in(text, send=send, beside=place)


def pages(connection: Connection, model: str, scope: Scope) -> Iterator[Sequence[Need]]:
    """All needs by the ids of the memories, each page in a transaction of its own, so none keeps others waiting."""
    after: UUID | None = None
    while True:
        with connection.transaction():
            found = enter(connection, model)
            page = of(connection, found, model, scope, after=after)
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def of(
    connection: Connection,
    found: Target,
    model: str,
    scope: Scope,
    *,
    after: UUID | None = None,
    ids: Sequence[UUID] | None = None,
) -> list[Need]:
    """The first 10,000 needs `after` a memory, or all of these memories."""
    given = {
        "model": model,
        "also": list(scope.also),
        "memories": list(scope.memories),
        "user": user(scope, found),
        "after": after,
        "ids": None if ids is None else list(ids),
        "most": _PAGE if ids is None else len(ids),
    }
    return [Need(*row) for row in connection.execute(statement(found, "needs"), given)]


def user(scope: Scope, found: Target) -> UserKey | None:
    return None if scope.user is None else users.asking(scope.user, found.shape.users)


def settings(connection: Connection) -> None:
    """No limit that is meant for an application's queries ends this transaction."""
    connection.execute(query("embedding", "settings"))


def claimed(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Those of the memories that no other run has; they are this transaction's until it ends."""
    return [id for (id,) in connection.execute(query("embedding", "claim"), {"ids": list(ids)})]


def texts(connection: Connection, found: Target, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    """Id, text, and hash of the text, of those that are there."""
    return connection.execute(statement(found, "texts"), {"ids": list(ids)}).fetchall()
