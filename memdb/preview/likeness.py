"""A temporary database like the real one: with the same migrations, and the application's tables that files name."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from memdb import database, scratch, users
from memdb.database import Connection, query
from memdb.ledger.plan import Plan
from memdb.ledger.sqlfiles import Sets

Definitions = dict[str, tuple[str, str]]
"""Schema and statement by the full name of a table."""


@contextmanager
def of(
    connection: Connection, sets: Sets, planned: Plan, options: scratch.Options
) -> Iterator[tuple[scratch.Database, str]]:
    """A database in which the same migrations are applied, and how to call what is measured there. Of the real one
    only the catalog is read."""
    with (
        scratch.server(options, like=connection.info.server_version) as server,
        server.database("dry run", schema=database.target_schema(connection)) as fresh,
    ):
        tables = _definitions(connection, planned)
        owners = users.find(connection)
        if owners and not owners.is_stand_in and not _made(fresh, tables.get(owners.name)):
            fresh.make_users(owners.name)
        fresh.apply(sets.by_id[item.id] for item in planned.history.applied if item.id in sets.by_id)
        for definition in tables.values():
            _made(fresh, definition)
        yield fresh, f"measured {server.name} in which the same migrations are applied"


def _definitions(connection: Connection, planned: Plan) -> Definitions:
    """The tables that are named anywhere in the plan, and users, which migrations may find without naming them."""
    text = " ".join(["users", *(step.sql for step in planned.steps)])
    with database.own_names(connection):
        found = connection.execute(query("locks", "tables_named"), [text]).fetchall()
    return {name: (schema, statement) for name, schema, statement in found}


def _made(fresh: scratch.Database, definition: tuple[str, str] | None) -> bool:
    """Makes a table, but for one that is there already or has columns of types that are not."""
    if definition is None:
        return False
    schema, statement = definition
    with suppress(psycopg.Error), fresh.connection.transaction():
        fresh.connection.execute(sql.SQL("create schema if not exists {}").format(sql.SQL(schema)))
        fresh.connection.execute(statement.encode())
        return True
    return False
