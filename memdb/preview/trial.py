"""A plan tried on a temporary database like the real one: with the same migrations, what else is there already of what
files name, and the application's views and keys on all of these. Of the real one only the catalog is read."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from memdb import database, scratch, users
from memdb.database import Connection, query
from memdb.effects import trying
from memdb.effects.trying import Tried
from memdb.errors import LockTimeout, MemdbError, StatementFailed
from memdb.ledger import history
from memdb.ledger.plan import Plan
from memdb.ledger.sqlfiles import Sets
from memdb.migrations.risks import Risk
from memdb.preview import refusals
from memdb.preview.refusals import Layout, Refusal

Definitions = dict[str, tuple[str, str]]
"""Schema and statement by the full name of a table."""


@dataclass(slots=True)
class Trial:
    """What was found out while the steps were tried.

    `tried` has the statements of each, and what they did; `source` says where that was seen, or why it was not.
    `risks` are what the steps do to tables and columns that were there before them, where that was `measured`;
    `shapes` are those of the temporary database before and after; `advice` is that names come to lead elsewhere.
    """

    tried: dict[str, tuple[Tried, ...]]
    source: str = ""
    measured: set[str] = field(default_factory=set)
    risks: list[Risk] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    shapes: list[Layout] = field(default_factory=list)
    advice: str = ""


def attempt(connection: Connection, sets: Sets, planned: Plan, options: scratch.Options) -> Trial:
    """Takes the steps of the plan there, as far as that goes."""
    trial = Trial({step.id: trying.untried(step) for step in planned.steps})
    if planned.steps:
        try:
            with _like(connection, sets, planned, options) as (fresh, trial.source):
                others = _with_dependents(connection, fresh)
                _make_named(connection, fresh, planned, "after_tables")
                trial.shapes.append(refusals.layout(fresh, besides=others))
                _make_named(connection, fresh, planned, "extensions")  # which have to be checked as those it makes
                _take(connection, fresh, planned, trial)
                trial.refusals += refusals.of_users(connection, fresh, trial.shapes[0])
                trial.shapes.append(refusals.layout(fresh, besides=others))
        except (LockTimeout, psycopg.errors.LockNotAvailable):
            raise  # of the real database, which others keep from being read: more than not measured
        except (MemdbError, psycopg.Error) as error:
            trial.source = _not_measured(error)
    return trial


def _not_measured(error: Exception) -> str:
    reason = error.message.replace("\n", ", ") if isinstance(error, MemdbError) else str(error).splitlines()[0]
    return f"not known where they could not be measured: {reason}"


def _take(connection: Connection, fresh: scratch.Database, planned: Plan, trial: Trial) -> None:
    target, path = database.target_schema(connection), _path(connection)
    try:
        for step in planned.steps:
            if step.direction == "rollback" and step.migration.transactional:
                trial.risks += fresh.risks(step)
            trial.tried[step.id] = trying.take(fresh, step)
            if step.migration.transactional and not fresh.lacks(step.migration):
                trial.measured.add(step.id)
            if planned.direction == "migrate" and not trial.advice:
                trial.advice = history.moved(target, _first(fresh.connection, path) or target, step.id)
    except StatementFailed as error:
        trial.source = _not_measured(error)
        trial.refusals += filter(None, [refusals.of_failure(error)])


def _path(connection: Connection) -> str:
    """The search_path as it is for this role. What comes before the target there is not made yet."""
    role = connection.value("select pg_catalog.quote_ident(current_user)")
    return database.search_path(connection).replace('"$user"', role)


def _first(connection: Connection, path: str) -> str | None:
    """The first schema of this search_path that is there."""
    row = connection.execute(query("session", "names"), [path]).fetchone()
    first: str | None = row[1] if row else None
    return first


@contextmanager
def _like(
    connection: Connection, sets: Sets, planned: Plan, options: scratch.Options
) -> Iterator[tuple[scratch.Database, str]]:
    """A database in which the same migrations are applied, and how to call what is measured there."""
    with (
        scratch.server(options, like=connection.info.server_version) as server,
        server.database(
            "dry run", schema=database.target_schema(connection), path=database.search_path(connection)
        ) as fresh,
    ):
        tables = _definitions(connection, planned)
        _make_users(connection, fresh, tables)
        fresh.apply(sets.by_id[item.id] for item in planned.history.applied if item.id in sets.by_id)
        _make_named(connection, fresh, planned, "before_tables")
        for definition in tables.values():
            _made(fresh, definition)
        yield fresh, f"measured {server.name} in which the same migrations are applied"


def _make_users(connection: Connection, fresh: scratch.Database, tables: Definitions) -> None:
    """Makes the application's users, unless the set-up file has made them."""
    owners = users.find(connection)
    if owners is None or owners.is_stand_in or users.find(fresh.connection, owners.name) is not None:
        return
    if not _made(fresh, tables.get(owners.name)):
        fresh.make_users(owners.name)


def _definitions(connection: Connection, planned: Plan) -> Definitions:
    """Tables that the plan names, or whose schema it drops, and users, which migrations find without naming them."""
    text = f"users {_text(planned)}"
    with database.own_names(connection):
        found = connection.execute(query("locks", "tables_named"), {"text": text}).fetchall()
    return {name: (schema, statement) for name, schema, statement in found}


def _make_named(connection: Connection, fresh: scratch.Database, planned: Plan, block: str) -> None:
    """Makes what else the plan names and is there already, so that what makes it once more fails here as well."""
    with database.own_names(connection):
        found = connection.execute(query("named", block), {"text": _text(planned)}).fetchall()
    for definition in found:
        _made(fresh, definition)


def _text(planned: Plan) -> str:
    return " ".join(step.sql for step in planned.steps)


def _with_dependents(connection: Connection, fresh: scratch.Database) -> frozenset[str]:
    """Makes what others have built on what is there, and returns the tables and views that have come with it: whoever
    drops what these depend on, and says cascade, need not own them.
    """
    before = refusals.layout(fresh).tables.keys()
    names = [name for (name,) in fresh.connection.execute(query("effects", "names"))]
    with database.own_names(connection):
        found = connection.execute(query("locks", "dependents"), {"names": names}).fetchall()
    at_once = "; ".join(f"create schema if not exists {schema}; {statement}" for schema, statement in found)
    if found and not _made(fresh, (found[0][0], at_once)):  # all of them fail with one that cannot be made here
        for definition in found:
            _made(fresh, definition)
    return frozenset(refusals.layout(fresh).tables.keys() - before)


def _made(fresh: scratch.Database, definition: tuple[str, str] | None) -> bool:
    """Makes what is not there already, unless it needs something that is not there."""
    if definition is None:
        return False
    schema, statement = definition
    with suppress(psycopg.Error), fresh.connection.transaction():
        fresh.connection.execute(sql.SQL("create schema if not exists {}").format(sql.SQL(schema)))
        fresh.connection.execute(statement.encode())
        return True
    return False
