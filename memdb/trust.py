"""Who else may put objects where memdb's and a migration's names lead, to be called by whoever runs it.

A function or operator in a schema of the search_path that fits a call better than the one that was meant is called in
its place, with the rights of the role that runs the file; a table there can have defaults and constraints that do so.
Where the role is a superuser, whoever may create in such a schema can become one. So can the owner of a table that it
reads or writes: taking the owner's role for that is no help, since what is called can go back to that of the session.
"""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import LiteralString

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError, UntrustedSchema
from memdb.words import argument, count

READING = ("index", "statistics object", "constraint", "table")
CASCADING = ("statement trigger",)  # of a table to which a foreign key leads: it runs even if no row there is meant
WRITING = (*READING, *CASCADING, "trigger", "rule", "column")
POLICY, FUNCTION = "policy", "function"


@dataclass(frozen=True, slots=True)
class OpenSchema:
    """A schema of the search_path in which these roles, none of them a superuser, may create or own the history."""

    name: str
    roles: tuple[str, ...]

    def in_words(self) -> str:
        """`app (role mallory and 2 others)`"""
        more = f" and {count(len(self.roles) - 1, 'other')}" if len(self.roles) > 1 else ""
        return f"{self.name} (role {self.roles[0]}{more})"


def require(connection: Connection, history_schema: str, trusted: Collection[str]) -> tuple[OpenSchema, ...]:
    """The schemas in which others may plant something, but for those that are `trusted` by name.

    Raises UntrustedSchema where that could make somebody a superuser.
    """
    names = database.names(connection)
    schemas = [name for name in dict.fromkeys((names.target, *names.path, history_schema)) if name != "pg_catalog"]
    with database.own_names(connection):
        rows = connection.execute(query("trust", "open_schemas"), {"schemas": schemas}).fetchall()
    found = tuple(OpenSchema(name, tuple(roles)) for name, roles, _ in rows if name not in trusted)
    if found and rows[0][2]:
        listed = ", ".join(schema.in_words() for schema in found)
        raise UntrustedSchema(
            f"others may create objects in a schema that this superuser's migrations use: {listed}",
            hint="Functions that they put there would run with the rights of a superuser. Connect as the owner of the "
            "schema, or revoke create on it. If you trust these roles, say so by name: "
            + " ".join(f"--trust-schema {argument(schema.name)}" for schema in found),
        )
    return found


def have_lesser_owner(connection: Connection, tables: Collection[int | None]) -> bool:
    """Whether an owner with fewer rights than this superuser may have it call something by using these tables."""
    return bool(_of_lesser_owners(connection, tables))


def hold(connection: Connection, tables: Collection[int | None]) -> bool:
    """Until the transaction ends, no owner with fewer rights than a superuser can add anything to these tables.

    Whether there is such an owner. Rows come and go meanwhile.
    """
    found = _of_lesser_owners(connection, tables)
    names = [name for name, can_be_locked in found if can_be_locked]
    if names and not connection.value("select pg_catalog.pg_is_in_recovery()"):  # a standby takes no such lock
        database.keep_as_they_are(connection, names)
    return bool(found)


def _of_lesser_owners(connection: Connection, tables: Collection[int | None]) -> list[tuple[LiteralString, bool]]:
    return connection.execute(query("trust", "of_lesser_owners"), {"tables": list(tables)}).fetchall()


def require_own_code(
    connection: Connection, tables: Collection[int | None], kinds: Collection[str], *, functions: Collection[str] = ()
) -> None:
    """Raises DatabaseError where somebody with fewer rights has made what using these tables calls.

    `kinds` are those of what is called; `functions` are the names of what is called beside the tables, as one of them.
    """
    asked = {"tables": list(tables), "kinds": list(kinds), "functions": list(functions)}
    is_current = connection.value("show transaction_isolation") == "read committed"
    # In a snapshot of an earlier moment, what was added before the tables were held would not be seen.
    again = nullcontext(connection) if is_current else database.again(connection, purpose="check")
    with again as other, database.own_names(other):
        row = other.execute(query("trust", "code_of_others"), asked).fetchone()
    if row is not None:
        kind, name, table, owner = row
        where = f" on {table}" if table and kind != "table" else ""
        raise DatabaseError(
            f"the {kind} {name!r}{where} would run code of the role {owner!r} with your rights",
            hint=f"Connect as a role that has no more rights than {owner!r}, or make sure that the code belongs to a "
            "role that you trust as yourself.",
        )
