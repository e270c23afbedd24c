"""From what somebody wants, and what a database holds, to a shape."""

import re
from dataclasses import dataclass, replace

from memdb import shape
from memdb.errors import UsageError
from memdb.shape import DEFAULT, IDENTIFIER, INDEXED_DIMENSIONS, EmbeddingType, Shape, Users

_OWN = {
    *("memories", "memory_collections", "memory_importance", "memory_recall_weights"),
    *("memory_retention", "memory_retention_rules", "memory_archive", "memory_merges", "memory_collection_members"),
    "memory_embedding_sources",
    *("memory_forgotten_users", "memory_forgotten_salt"),
    *("memory_sources", "memory_consolidation_jobs", "memory_consolidation_sources", "memory_consolidation_rules"),
    *("memory_type", "vector", "halfvec"),
}
"""What the migrations make, or the extension; a table has the name of its type, too."""
_OF_SYSTEM = re.compile(r"(?:pg_\w+|information_schema)\.")
_TABLE_AND_KEY = re.compile(rf"(?P<table>{IDENTIFIER}(?:\.{IDENTIFIER})*)\s*(?:\(\s*(?P<key>{IDENTIFIER})\s*\))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; `users` is `TABLE` or `TABLE (COLUMN)`. None is whatever fits."""

    users: str | None = None
    user_id: str | None = None
    dimensions: int | None = None
    embedding_type: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing was asked for."""
        return self == Wanted()

    @property
    def names(self) -> tuple[str | None, str | None]:
        """The table and its key, as the catalog shows them. Raises UsageError for what is no name of a table."""
        return (None, None) if self.users is None else _names(self.users)


def choose(wanted: Wanted, found: Shape | None = None) -> Shape:
    """The shape that is wanted, with the rest as it was `found`, or else as memdb ships it.

    Raises UsageError for what cannot be, and where nothing says of which type the ids of a table are.
    """
    known = found or DEFAULT
    dimensions = known.dimensions if wanted.dimensions is None else shape.dimensions(wanted.dimensions)
    return Shape(_users(wanted, found), _embedding_type(wanted, known, dimensions), dimensions)


def _embedding_type(wanted: Wanted, known: Shape, dimensions: int) -> EmbeddingType:
    if wanted.embedding_type is not None:
        return shape.embedding_type(wanted.embedding_type)
    return known.embedding_type if dimensions <= INDEXED_DIMENSIONS[known.embedding_type] else "halfvec"


def _users(wanted: Wanted, found: Shape | None) -> Users:
    known = found.users if found else Users()
    table, key = wanted.names
    key_type = None if wanted.user_id is None else shape.user_type(wanted.user_id)
    if table is None or (found is not None and known.table == table and key in (None, known.key)):
        return replace(known, key_type=key_type or known.key_type)
    if key_type is None:
        raise UsageError(
            f"the type of the ids in {table} is unknown",
            hint="Give --user-id TYPE, or with --database-url a database that has the table.",
        )
    return Users(table, key or "id", key_type, may_be_made=False)


def _names(users: str) -> tuple[str, str | None]:
    match = _TABLE_AND_KEY.fullmatch(users.strip())
    if match is None:
        raise UsageError(
            f"{users!r} is not a table",
            hint="""Write it as in SQL, with quotes where it has capitals or spaces: auth.users, '"User"', or """
            "'accounts (account_id)'.",
        )
    table = shape.name(match["table"], most=2)
    if table.removeprefix("public.") in _OWN or _OF_SYSTEM.match(table):
        whose = "PostgreSQL" if _OF_SYSTEM.match(table) else "memdb"
        raise UsageError(
            f"{table} cannot be the table of your users, as the name is one that {whose} uses itself",
            hint="Name the table to whose rows memories belong.",
        )
    return table, shape.name(match["key"]) if match["key"] else None
