"""Where memories are, so that memdb's own statements mean these tables, whatever else is on the search_path."""

from collections.abc import Sequence
from dataclasses import dataclass
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
        """The same for what is put together from such blocks."""
        return database.filled_in(
            text,
            schema=[self.schema],
            users=[self.users_schema or self.schema, self.users_table or "users"],
            key=[shape.unquoted(self.users_key)],
            vector=[self.vector_schema],
            user_type=["pg_catalog", self.user_type_name],
            embedding_type=[self.vector_schema, self.embedding_type],
            operators=[self.vector_schema, f"{self.embedding_type}_cosine_ops"],
            **others,
        )


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


def require_in_memories(connection: Connection, found: Target, what: str) -> None:
    """For what reads the embeddings in memories alone. Raises DatabaseError where another model has taken over."""
    if (beside := serving(connection, found)) is not None:
        raise DatabaseError(
            f"{what} the embeddings in memories, and {beside.model or beside.name} has taken over, whose are in "
            f"{beside.name}: what has an embedding of that model alone would be left out",
            hint="It cannot be done for that model yet. What does follow it: docs/changing-models.md",
        )


def serving(connection: Connection, found: Target, function: str = "search_memories_where") -> Beside | None:
    """The table whose embeddings a function compares; None where that is memories, or where there is no function."""
    with connection.cursor(row_factory=class_row(Beside)) as cursor:
        return cursor.execute(query("target", "serving"), {"memories": found.memories, "function": function}).fetchone()
