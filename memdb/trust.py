"""Who else may put objects where a migration's names lead, to be called by whoever runs it.

A function or operator in a schema of the search_path that fits a call better than the one that was meant is called in
its place, with the rights of the role that runs the file; a table there can have defaults and constraints that do so.
Where the role is a superuser, whoever may create in such a schema can become one.
"""

from collections.abc import Collection
from dataclasses import dataclass

from memdb import database
from memdb.database import Connection, query
from memdb.errors import UntrustedSchema
from memdb.words import argument


@dataclass(frozen=True, slots=True)
class OpenSchema:
    """A schema of the search_path in which these roles, none of them a superuser, may create or own the history."""

    name: str
    roles: tuple[str, ...]

    def in_words(self) -> str:
        """`app (roles mallory and 2 others)`"""
        more = f" and {len(self.roles) - 1} others" if len(self.roles) > 1 else ""
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
            f"others may create in a schema to which this superuser's migrations lead: {listed}",
            hint="What they put there would be called with the rights of a superuser. Connect as the owner of the "
            "schema, or revoke create on it; where these roles are trusted, say so by name: "
            + " ".join(f"--trust-schema {argument(schema.name)}" for schema in found),
        )
    return found
