"""Where memories are, so that memdb's own statements mean these tables, whatever else is on the search_path."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from psycopg import sql
from psycopg.rows import class_row

from memdb import database, distribution, shape, shipped
from memdb.database import Connection, Names, query
from memdb.errors import DatabaseError
from memdb.shape import STAND_IN, Shape, Users
from memdb.words import argument


@dataclass(frozen=True, slots=True)
class Target:
    """The schemas of memories, of the users it refers to, and of the extension; tables also by their oid.

    `users` is None where there is no such table. `users_name` and `users_key` are as SQL writes them. `user_type` has a
    length where one is set, `user_type_name` is the name that pg_type has for it.
    """

    schema: str
    memories: int
    users: int | None
    users_schema: str | None
    users_table: str | None
    users_name: str
    users_key: str
    users_may_be_made: bool
    user_type: str
    user_type_name: str
    embedding_type: str
    dimensions: int
    vector_schema: str
    pgvector: str
    beside: str | None = None
    """The table that embeddings are in; None: in memories."""
    sources_say_whose: bool = False
    """Whether the table of what embeddings were made of has the user, as in a database that is spread by user."""
    beside_oid: int | None = None
    asked_type: str | None = None
    """The type of a question as functions take it, where embeddings have another."""

    @property
    def embeddings(self) -> int:
        """The table that embeddings are in, by its oid."""
        return self.memories if self.beside_oid is None else self.beside_oid

    @property
    def shape(self) -> Shape:
        """Whose memories and which embeddings the table is made for.

        Raises UsageError for a type that memdb knows no ids or embeddings of.
        """
        return Shape(
            Users(self.users_name, self.users_key, shape.user_type(self.user_type), self.users_may_be_made),
            shape.embedding_type(self.embedding_type),
            shape.dimensions(self.dimensions),
        )

    @property
    def search_path(self) -> str:
        """With the target, for statements whose names are all in pg_catalog for just these types: it comes first."""
        schemas = dict.fromkeys([self.schema, self.vector_schema])
        return ", ".join(["pg_catalog", "pg_temp", *(sql.Identifier(name).as_string() for name in schemas)])

    def query(self, name: str, block: str, **others: Sequence[str]) -> str:
        """A named block with {schema}, {users}, {key} and {vector} filled in, types for values and for an HNSW index.

        And `others`.
        """
        return self.filled_in(shipped.queries(name)[block], **others)

    def filled_in(self, text: str, **others: Sequence[str]) -> LiteralString:
        """The same for what is put together from such blocks.

        {embeddings} is the table that embeddings are in, and {compared} are memories with these.
        """
        return database.filled_in(
            _with_embeddings(text, is_beside=self.beside is not None),
            embeddings=[self.schema, self.beside or "memories"],
            embeddings_key=["id" if self.beside is None else "memory_id"],
            asked_type=[self.vector_schema, self.asked_type or self.embedding_type],
            schema=[self.schema],
            users=[self.users_schema or self.schema, self.users_table or "users"],
            key=[shape.unquoted(self.users_key)],
            vector=[self.vector_schema],
            user_type=["pg_catalog", self.user_type_name],
            embedding_type=[self.vector_schema, self.embedding_type],
            operators=[self.vector_schema, f"{self.embedding_type}_cosine_ops"],
            **others,
        )


def _with_embeddings(text: str, *, is_beside: bool) -> str:
    """With {compared} filled in, which other names are part of."""
    if not is_beside:
        return text.replace("{compared}", "{schema}.memories")
    compared = f"({shipped.queries('target')['compared_beside']})"
    return text.replace("{compared} as m", f"{compared} as m").replace("{compared}", f"{compared} as memories")


@dataclass(frozen=True, slots=True)
class Beside:
    """The table of a model that has taken over, and what type its embeddings have."""

    name: str
    oid: int
    model: str
    embedding_type: str
    dimensions: int


def find(connection: Connection, names: Names) -> Target | None:
    """Where the table is to which these names lead, for statements whose own names lead to pg_catalog.

    Who has named a schema means that one, and not what happens to be in another of the search_path.
    """
    with connection.cursor(row_factory=class_row(Target)) as cursor:
        schemas = [names.target, *names.path]
        among = schemas if connection.schema is None else [connection.schema]
        given = {"schemas": schemas, "among": among, "stand_in": STAND_IN}
        return cursor.execute(query("target", "find"), given).fetchone()


def absent(connection: Connection) -> DatabaseError:
    """There is no such table."""
    if connection.schema is None:
        return DatabaseError('this database has no table "memories"', hint="Create it with: memdb migrate")
    return DatabaseError(
        f'the schema {connection.schema} has no table "memories"',
        hint=f"Name the schema where it is, or create it with: memdb migrate --schema {argument(connection.schema)}",
    )


def enter(connection: Connection) -> Target:
    """Finds memories for a transaction, in which from now on names without a schema are those of pg_catalog alone.

    Raises DatabaseError where there is no such table, or somebody else's, and on a worker of a cluster, which has
    memories, but none of the tables beside them that only the coordinator has.
    """
    names = database.names(connection)
    distribution.require_coordinator(connection)
    database.keep_to_own_names(connection)
    found = find(connection, names)
    if found is None:
        raise absent(connection)
    require_own(found)
    return found


def require_own(found: Target) -> None:
    """Raises DatabaseError for a table of that name that memdb has not made."""
    for column, its_type in (("user_id", found.user_type), ("embedding", found.embedding_type)):
        if not its_type:
            raise DatabaseError(
                f'the table "memories" in the schema {found.schema} was not made by memdb: it has no column {column}',
                hint="Give memdb a schema of its own: create schema memory, then --schema memory.",
            )


def answering(connection: Connection, found: Target) -> Target:
    """The same with the embeddings of the model that answers, where that has taken over from the one before it."""
    beside = serving(connection, found)
    if beside is None:
        return found
    return replace(
        found,
        beside=beside.name,
        beside_oid=beside.oid,
        embedding_type=beside.embedding_type,
        dimensions=beside.dimensions,
        asked_type=found.embedding_type,
    )


def serving(connection: Connection, found: Target, function: str = "search_memories_where") -> Beside | None:
    """The table whose embeddings a function compares; None where that is memories, or where there is no function."""
    with connection.cursor(row_factory=class_row(Beside)) as cursor:
        return cursor.execute(query("target", "serving"), {"memories": found.memories, "function": function}).fetchone()
