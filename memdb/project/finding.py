"""The shape that memories are to have, by what an application's database holds already."""

from dataclasses import replace

from psycopg.rows import dict_row

from memdb import database, shape, target
from memdb.database import Connection, query
from memdb.errors import DatabaseError, UsageError
from memdb.shape import Shape, Users

LIKELY = ("users", '"user"', '"User"', '"Users"', "auth_user", "auth.users")
"""What applications call their users: Rails and most others, libraries of JavaScript, Django, Supabase."""


def of_memories(connection: Connection) -> Shape | None:
    """The shape of the memories that are there; None where there are none yet."""
    with connection.transaction(force_rollback=True):
        try:
            return target.enter(connection).shape
        except DatabaseError:
            return None


def users(connection: Connection, table: str | None = None) -> Users | None:
    """The application's users: this table, or the likeliest that is there.

    Raises UsageError where the given table has no key that memories could refer to. None where it is not there.
    """
    path = database.names(connection).path
    parts = [[shape.unquoted(part) for part in shape.identifiers(name)] for name in ([table] if table else LIKELY)]
    named = {"schemas": [part[-2] if part[1:] else None for part in parts], "tables": [part[-1] for part in parts]}
    with database.own_names(connection), connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("shape", "users"), named | {"path": list(path)}).fetchall()
    for row in rows:
        if row["key"] is not None and (table or shape.is_user_type(row["key_type"])):
            return Users(row["table"], row["key"], shape.user_type(row["key_type"]), may_be_made=False)
    if rows and table:
        raise UsageError(
            f"the table {table} has no primary key of one column that memories could refer to",
            hint="Name the column with --users 'TABLE (COLUMN)'; it must be unique.",
        )
    return None


def shape_in(connection: Connection, table: str | None = None) -> Shape | None:
    """The shape for this database: that of its memories, or that for its users. None where it has neither.

    A table `users` with a uuid `id` is what the SQL that memdb ships expects, so that is the default.
    """
    there = of_memories(connection)
    if there is not None and table in (None, there.users.table):
        return there
    found = users(connection, table)
    if found is None:
        return there
    return Shape() if replace(found, may_be_made=True) == Users() else replace(there or Shape(), users=found)
