"""Which locks the statements of a plan take, measured where that is possible, and the rows in the tables they touch.

Measured means: an embedded database is brought to where the real one is, each statement is run there, and pg_locks
is read after it. Which locks are taken does not depend on how many rows there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from memdb import database, scratch, statements, users
from memdb.database import Connection, query
from memdb.errors import MemdbError
from memdb.ledger.plan import Plan, Step
from memdb.ledger.sqlfiles import Sets
from memdb.migrations import losses, session
from memdb.migrations.execution import execute_statement
from memdb.migrations.losses import Risk
from memdb.preview import documented
from memdb.preview.documented import STRENGTH, Lock
from memdb.statements import Statement

COUNTED_BYTES = 64 * 1024 * 1024  # a table of this size is counted in some 50 ms

Modes = dict[int, str]
Relations = dict[int, tuple[str, int]]
"""Names by oid, with the oid of the table that an index is on (0: it is no index)."""


@dataclass(frozen=True, slots=True)
class StatementLocks:
    """The locks that a statement newly takes on what was there before its migration, to be held until that ends.

    None where that is not known: the statement could not be tried, and its kind is not documented.
    """

    line: int
    statement: str
    locks: tuple[Lock, ...] | None
    measured: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table: counted, or estimated from its statistics; None where neither could be read."""

    table: str
    rows: int | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Report:
    """`by_migration` has the statements of each migration; `source` says how the locks were found out.

    `risks` are what the steps do to tables and columns that were there before them.
    """

    source: str
    by_migration: dict[str, tuple[StatementLocks, ...]]
    rows: tuple[Rows, ...]
    risks: tuple[Risk, ...] = ()


def examine(connection: Connection, sets: Sets, planned: Plan, options: scratch.Options) -> Report:
    """The locks of every statement of the plan, and the rows in the tables that they are taken on."""
    by_migration, source = _documented(planned), ""
    risks: list[Risk] = []
    if planned.steps:
        try:
            with _like(connection, sets, planned, options) as (fresh, source):
                for step in planned.steps:
                    by_migration[step.id] = _measure(fresh, step, risks)
        except (MemdbError, psycopg.Error) as error:
            source = f"as PostgreSQL's documentation has them, since they could not be measured: {_reason(error)}"
    taken = {lock.relation: None for found in by_migration.values() for item in found for lock in item.locks or ()}
    return Report(source, by_migration, _rows(connection, list(taken)), tuple(risks))


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, MemdbError) else str(error).splitlines()[0]


def _documented(planned: Plan) -> dict[str, tuple[StatementLocks, ...]]:
    return {
        step.id: tuple(
            _described(step.sql, statement, documented.locks(statement.text), measured=False)
            for statement in statements.split(step.sql)
        )
        for step in planned.steps
    }


def _described(text: str, statement: Statement, locks: tuple[Lock, ...] | None, *, measured: bool) -> StatementLocks:
    line, _ = statements.line_and_column(text, statement.start)
    return StatementLocks(line, statement.text.splitlines()[0], locks, measured)


@contextmanager
def _like(
    connection: Connection, sets: Sets, planned: Plan, options: scratch.Options
) -> Iterator[tuple[scratch.Database, str]]:
    """A temporary database in which the same migrations are applied, and how to call what is measured there."""
    with (
        scratch.server(options, like=connection.info.server_version) as server,
        server.database("dry run", schema=database.target_schema(connection)) as fresh,
    ):
        if (table := users.find(connection)) and not table.is_stand_in:
            fresh.make_users(table.name)
        applied = [sets.by_id[item.id] for item in planned.history.applied if item.id in sets.by_id]
        fresh.apply(applied)
        yield fresh, f"measured {server.name} in which the same migrations are applied"


def _measure(fresh: scratch.Database, step: Step, risks: list[Risk]) -> tuple[StatementLocks, ...]:
    """Runs a step statement by statement, and keeps it, since the next one builds on it."""
    if step.migration.transactional:
        return fresh.attempt(lambda: _measure_in_transaction(fresh, step, risks))
    # Nothing can be seen of the locks: they are gone when the statement ends.
    relations = _relations(fresh)
    fresh.run(step)
    told = ((statement, documented.locks(statement.text)) for statement in statements.split(step.sql))
    return tuple(_described(step.sql, item, _with_tables(relations, locks), measured=False) for item, locks in told)


def _measure_in_transaction(fresh: scratch.Database, step: Step, risks: list[Risk]) -> tuple[StatementLocks, ...]:
    connection = fresh.connection
    relations, before = _relations(fresh), losses.tables(connection)
    measured: list[StatementLocks] = []
    held: Modes = {}
    with connection.transaction():
        for statement in statements.split(step.sql):
            with session.names_of_the_target(connection):
                execute_statement(connection, statement, step.sql, str(step.path))
            connection.execute(database.OWN_NAMES)
            earlier, held = held, _held(connection)
            measured.append(_described(step.sql, statement, _new_locks(relations, earlier, held), measured=True))
        risks += losses.risks(step.id, before, losses.tables(connection))
        session.clean(connection, session.Limits())
    return tuple(measured)


def _relations(fresh: scratch.Database) -> Relations:
    rows = fresh.connection.execute(query("locks", "relations"), [fresh.schema]).fetchall()
    return {oid: (name, table) for oid, name, table in rows}


def _held(connection: Connection) -> Modes:
    """The strongest mode in which each relation is locked by this transaction."""
    modes: Modes = {}
    for relation, name in connection.execute(query("locks", "held")).fetchall():
        modes[relation] = max(modes.get(relation, STRENGTH[0]), documented.mode(name), key=STRENGTH.index)
    return modes


def _new_locks(relations: Relations, before: Modes, after: Modes) -> tuple[Lock, ...]:
    """What was not locked before, or more weakly. An index is left out where its table is locked in the same mode."""
    new = [
        Lock.of(relations[oid][0], mode)
        for oid, mode in after.items()
        if oid in relations and before.get(oid) != mode and after.get(relations[oid][1]) != mode
    ]
    return tuple(sorted(new, key=lambda lock: lock.relation))


def _with_tables(relations: Relations, locks: tuple[Lock, ...] | None) -> tuple[Lock, ...] | None:
    """A statement that names an index locks its table in the same mode."""
    tables = {name: relations[table][0] for name, table in relations.values() if table in relations}
    return locks and tuple(Lock.of(tables.get(lock.relation, lock.relation), lock.mode) for lock in locks)


def _rows(connection: Connection, tables: list[str]) -> tuple[Rows, ...]:
    target = database.target_schema(connection)
    with database.own_names(connection):
        found = connection.execute(query("locks", "rows"), [tables, target]).fetchall()
        return tuple(
            Rows(name, _count(connection, full_name), exact=True)
            if readable and size <= COUNTED_BYTES
            else Rows(name, estimate, exact=False)
            for name, full_name, size, readable, estimate in found
        )


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.SQL(table))).fetchone()
    assert row is not None
    return int(row[0])
