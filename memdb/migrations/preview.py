"""What a migrate or rollback would do, without doing it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from memdb import catalog
from memdb.database import Connection
from memdb.migrations import concurrently, history, plan
from memdb.migrations import locks as locks_taken
from memdb.migrations.history import History
from memdb.migrations.locks import Report, Rows, StatementLocks
from memdb.migrations.plan import Direction, Plan, Sets


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A file that would be run, with the locks that each of its statements takes where that was asked for."""

    id: str
    set: str
    path: str
    sql: str
    statements: tuple[StatementLocks, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a migrate or rollback would do, with the rows that would be lost.

    `locks_source` says how the locks were found out; `touched` are the tables on which they are taken.
    """

    direction: Direction
    steps: tuple[PlannedStep, ...]
    losses: tuple["Loss", ...] = ()
    locks_source: str = ""
    touched: tuple[Rows, ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """A table that a rollback drops, and the rows it holds."""

    table: str
    rows: int


def preview_migrate(
    connection: Connection, sets: Sets, *, to: str | None = None, chosen: Iterable[str] = (), locks: bool = False
) -> DryRun:
    """What `migrate` would run; with `locks` also what that locks, which takes a second to find out."""
    past = history.read(connection)
    return _preview(connection, sets, past, plan.to_migrate(sets, past, to=to, chosen=chosen), locks=locks)


def preview_rollback(
    connection: Connection, sets: Sets, *, steps: int | None = 1, to: str | None = None, locks: bool = False
) -> DryRun:
    """What `rollback` would run, and the rows that would be lost; with `locks` also what that locks."""
    past = concurrently.with_unfinished(connection, history.read(connection), sets)
    return _preview(connection, sets, past, plan.to_rollback(sets, past, steps=steps, to=to), locks=locks)


def _preview(connection: Connection, sets: Sets, past: History, planned: Plan, *, locks: bool) -> DryRun:
    steps = tuple(
        PlannedStep(migration.id, migration.set, str(planned.path_of(migration)), planned.sql_of(migration))
        for migration in planned.migrations
    )
    losses = _losses(connection, steps) if planned.direction == "rollback" else ()
    dry_run = DryRun(planned.direction, steps, losses)
    return _with_locks(dry_run, locks_taken.examine(connection, sets, past, planned)) if locks else dry_run


def _with_locks(dry_run: DryRun, report: Report) -> DryRun:
    steps = tuple(replace(step, statements=report.by_migration[step.id]) for step in dry_run.steps)
    return replace(dry_run, steps=steps, locks_source=report.source, touched=report.rows)


def _losses(connection: Connection, steps: tuple[PlannedStep, ...]) -> tuple[Loss, ...]:
    spared = catalog.application_tables(connection)
    names = [name for step in steps for name in plan.tables_named_by_drops(step.sql) if name not in spared]
    counts = {name: _count(connection, name) for name in dict.fromkeys(names)}
    return tuple(Loss(name, count) for name, count in counts.items() if count is not None)


def _count(connection: Connection, table: str) -> int | None:
    """None where there is no such table, or no longer: another run may be at it."""
    identifier = sql.SQL(table)  # a name as the rollback file spells it, quotes and all
    try:
        row = connection.execute(sql.SQL("select count(*) from {}").format(identifier)).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    assert row is not None
    return int(row[0])
