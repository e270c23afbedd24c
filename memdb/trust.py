"""Who else could have code of theirs run with the rights of whoever runs memdb.

A function or operator in a schema of the search_path that fits a call better than the one that was meant is called in
its place, with the rights of the role that runs the file; a table there can have defaults and constraints that do so.
Where the role is a superuser, whoever may create in such a schema can become one.

So can the owner of a table that a superuser reads or writes: by an index, a default, a type, a partition key, and more
than anybody can list. Taking the owner's role is no help, since what is called can go back to that of the session. So
a superuser uses only tables of superusers, in schemas of superusers (who owns the schema can rename it, and have its
name lead to another), with types of superusers (who owns a type can have a cast of it call a function), and those in
schemas of superusers, too. That stays so
while they are used: no other role can change who owns these, or rename, move, drop or replace them. What superusers
have put on tables is their own choice; all that a role with fewer rights can add is a trigger.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError, UntrustedSchema
from memdb.words import argument, count

Tables = Collection[int | None]


@dataclass(frozen=True, slots=True)
class OpenSchema:
    """A schema of the search_path in which these roles, none of them a superuser, may create, or own it or the history.

    Or for a superuser, own a function, an operator or a type.
    """

    name: str
    roles: tuple[str, ...]

    def in_words(self) -> str:
        """`app (role mallory and 2 others)`"""
        more = f" and {count(len(self.roles) - 1, 'other')}" if len(self.roles) > 1 else ""
        return f"{self.name} (role {self.roles[0]}{more})"


def require(connection: Connection, history_schema: str, trusted: Collection[str]) -> tuple[OpenSchema, ...]:
    """The schemas in which others may plant something, but for those that are `trusted` by name.

    Raises UntrustedSchema where that could make somebody a superuser. Where others may create a schema that the
    search_path of a superuser names, such as one called like the superuser, it is left out of the path from now on.
    """
    names = database.names(connection)
    schemas = [name for name in dict.fromkeys((names.target, *names.path, history_schema)) if name != "pg_catalog"]
    opened, is_superuser = _open(connection, schemas)
    found = tuple(schema for schema in opened if schema.name not in trusted)
    if found and is_superuser:
        listed = ", ".join(schema.in_words() for schema in found)
        raise UntrustedSchema(
            "others may create objects, or have functions, types or the history, in a schema that this superuser's "
            f"migrations use: {listed}",
            hint="Functions that they put there would run with the rights of a superuser. Connect as the owner of the "
            "schema. Or make it a superuser's, revoke create on it, and look at what they have there before you own or "
            "drop it. If you trust these roles, say so by name: "
            + " ".join(f"--trust-schema {argument(schema.name)}" for schema in found),
        )
    with database.own_names(connection):
        if _ask(connection, "others_may_create_schemas").fetchone() == (True,):
            connection.search_path = ", ".join(sql.Identifier(name).as_string() for name in names.path) or '""'
    return found


def open_to_others(connection: Connection, schema: str) -> tuple[OpenSchema, ...]:
    """For a superuser, this schema and that of the extension, if others may put a function there."""
    found, is_superuser = _open(connection, [schema])
    return found if is_superuser else ()


def _open(connection: Connection, schemas: list[str]) -> tuple[tuple[OpenSchema, ...], bool]:
    with database.own_names(connection):
        rows = _ask(connection, "open_schemas", schemas=schemas).fetchall()
    return tuple(OpenSchema(name, tuple(roles)) for name, roles, _ in rows), any(row[2] for row in rows)


def may_read(connection: Connection, tables: Tables) -> bool:
    """Whether reading these tables calls nothing of a role with fewer rights than this superuser.

    Any other role trusts the owners of tables.
    """
    return _lesser_owner(connection, tables) is None


def require_owners(connection: Connection, tables: Tables, *, writing: bool = False) -> None:
    """Raises DatabaseError where using these tables could have this superuser call an owner's code.

    For rows that are written, the server looks into the tables that they refer to. It does so as their owners, but what
    it has called by that can have triggers run later, as anybody.
    """
    referred = _ask(connection, "referred_to", tables=list(tables)) if writing else ()
    found = _lesser_owner(connection, [*tables, *(oid for (oid,) in referred)])
    if found is not None:
        name, owner = found
        if owner is None:
            raise DatabaseError("a table has just been dropped", hint="Find out by whom, and try again.")
        raise DatabaseError(
            f"{name} belongs to {owner!r}, who is no superuser: what its owner puts there would run with your rights",
            hint=f"Connect as {owner!r}, or as another role that is no superuser.",
        )


def _lesser_owner(connection: Connection, tables: Tables) -> tuple[str, str | None] | None:
    """What of these tables belongs to whom; nobody where it is gone. None where that harms nobody."""
    with database.own_names(connection):
        return _ask(connection, "of_lesser_owners", tables=list(tables)).fetchone()


def of_strangers(connection: Connection, tables: Tables, known: Tables) -> dict[int, tuple[str, str]]:
    """Those of these tables that somebody may have planted beside the `known` ones, whose owners are trusted: the name
    of each, and its owner."""
    given = {"tables": list(tables), "known": list(known)}
    with database.own_names(connection):
        rows = connection.execute(query("trust", "of_strangers"), given).fetchall()
    return {oid: (name, owner) for oid, name, owner in rows}


def require_no_strangers(connection: Connection, tables: Tables, known: Tables) -> None:
    """Raises DatabaseError where one of these tables is of_strangers."""
    for name, owner in of_strangers(connection, tables, known).values():
        raise DatabaseError(
            f"{name} belongs to {owner!r}, and not to the owner of memories: what {owner!r} puts there would run with "
            "your rights",
            hint=f"Find out what it is for, and who made it. If you trust {owner!r} as yourself, connect as a role "
            "that also has their rights.",
        )


def referrers(connection: Connection, tables: Tables) -> dict[int, bool]:
    """The tables with foreign keys to these, or to those that the server changes along: which is the value of each."""
    return dict(connection.execute(query("trust", "referrers"), {"tables": list(tables)}).fetchall())


def held_referrers(connection: Connection, tables: Tables) -> dict[int, bool]:
    """The same in a transaction that has locked `tables`: until it ends nobody adds a key to what changes along.

    Unless this role may not write there: then it is no superuser.
    """
    changed = [oid for oid, changes in referrers(connection, tables).items() if changes]
    for (statement,) in connection.execute(query("trust", "hold"), {"tables": changed}).fetchall():
        connection.execute(statement)
    return referrers(connection, tables)


def keep_triggers_away(connection: Connection, *tables: Sequence[str]) -> None:
    """Until the transaction ends, nobody adds a trigger, a foreign key or a policy to these tables, each given by its
    schema and its name. Who reads or writes rows is not in the way."""
    for table in tables:
        connection.execute(query("trust", "keep_triggers_away", table=table))


def require_own_triggers(connection: Connection, tables: Tables, *, along: Tables = ()) -> None:
    """Raises DatabaseError where writing to these tables could run a trigger that somebody with fewer rights has made.

    Their owners are trusted, but by a superuser. `along` are tables that the server changes along with these by
    foreign keys: a statement trigger there runs even if no row is meant. The caller has locked `tables`.
    """
    row = _ask(connection, "triggers_of_others", tables=list(tables), along=list(along)).fetchone()
    if row is not None:
        name, table, owner, by_privilege = row
        why = f" {owner!r} may create triggers there, and nothing says who made this one. If you: revoke that right."
        raise _calls("trigger", name, table, owner, why if by_privilege else "")


def require_own_policies(connection: Connection, table: int) -> None:
    """Raises DatabaseError where policies of this table call what belongs to somebody with fewer rights.

    A superuser who has taken another role is held to them, and what they call can leave that role again.
    """
    row = _ask(connection, "policies_of_others", table=table).fetchone()
    if row is not None:
        raise _calls("policy", *row)


def _ask(connection: Connection, block: str, **given: object) -> psycopg.Cursor[tuple[Any, ...]]:
    supers = [oid for (oid,) in connection.execute(query("trust", "supers"))]
    return connection.execute(
        query("trust", block), given | {"by_login": connection.is_judged_by_login, "supers": supers}
    )


def _calls(kind: str, name: str, table: str, owner: str, why: str = "") -> DatabaseError:
    return DatabaseError(
        f"the {kind} {name!r} on {table} could run code of the role {owner!r} with your rights",
        hint=f"Connect as a role that has no more rights than {owner!r}, or make sure that the code belongs to a role "
        f"that you trust as yourself.{why}",
    )
