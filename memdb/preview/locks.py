"""What the statements of a plan lock and work through, and the rows in the tables they touch.

It is measured: a temporary database is brought to where the real one is, and each statement is run there. Which locks
are taken does not depend on how many rows there are; how long they are held does, and is estimated from the real rows.
"""

from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql

from memdb import database, scratch
from memdb.database import Connection, query
from memdb.effects import costs, trying
from memdb.effects.costs import Size
from memdb.effects.measuring import Index, Work
from memdb.effects.modes import Lock
from memdb.effects.trying import Tried
from memdb.errors import MemdbError, StatementFailed
from memdb.ledger.plan import Plan
from memdb.ledger.sqlfiles import Sets
from memdb.migrations.risks import Risk
from memdb.preview import likeness, refusals
from memdb.preview.refusals import Refusal, Shape

COUNTED_BYTES = 64 * 1024 * 1024  # a table of this size is counted in some 50 ms


@dataclass(frozen=True, slots=True)
class Job:
    """Work on a real table: its rows (None where nobody has counted them) and bytes without indexes, and the time."""

    work: Work
    rows: int | None
    bytes: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class StatementLocks:
    """The locks that a statement newly takes on what was there before its migration, to be held until that ends.

    None where that is not known. `jobs` are what it does under them that takes long where there are many rows.
    """

    line: int
    statement: str
    locks: tuple[Lock, ...] | None
    measured: bool
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table: counted, or estimated from its statistics; None where neither could be read."""

    table: str
    rows: int | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Report:
    """`by_migration` has the statements of each migration; `source` says how the locks were found out.

    `risks` are what the steps do to tables and columns that were there before them, where that was `measured`;
    `refusals` what would be refused.
    """

    source: str
    by_migration: dict[str, tuple[StatementLocks, ...]]
    rows: tuple[Rows, ...]
    risks: tuple[Risk, ...] = ()
    measured: frozenset[str] = frozenset()
    refusals: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class _Trial:
    """What is found out while the steps are tried."""

    tried: dict[str, tuple[Tried, ...]]
    measured: set[str] = field(default_factory=set)
    source: str = ""
    risks: list[Risk] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    before: Shape | None = None
    after: Shape | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    rows: Rows
    bytes: int
    indexes: tuple[Index, ...]


def examine(connection: Connection, sets: Sets, planned: Plan, options: scratch.Options) -> Report:
    """The locks of every statement of the plan, and the rows in the tables that they are taken on."""
    trial = _Trial({step.id: trying.untried(step) for step in planned.steps})
    if planned.steps:
        try:
            with likeness.of(connection, sets, planned, options) as (fresh, trial.source):
                _take(fresh, planned, trial)
        except (MemdbError, psycopg.Error) as error:
            trial.source = _not_measured(error)
    tables = _tables(connection, [item for found in trial.tried.values() for item in found])
    by_migration = {id: tuple(_described(item, tables) for item in found) for id, found in trial.tried.items()}
    lacking = refusals.of_changes(connection, trial.before, trial.after) if trial.before and trial.after else ()
    rows = tuple(table.rows for table in tables.values())
    found = (*trial.refusals, *lacking)
    return Report(trial.source, by_migration, rows, tuple(trial.risks), frozenset(trial.measured), found)


def _not_measured(error: Exception) -> str:
    reason = error.message if isinstance(error, MemdbError) else str(error).splitlines()[0]
    return f"not known where they could not be measured: {reason}"


def _take(fresh: scratch.Database, planned: Plan, trial: _Trial) -> None:
    """Takes one step after the other, as far as that goes."""
    trial.before = refusals.shape(fresh)
    try:
        for step in planned.steps:
            if step.direction == "rollback" and step.migration.transactional:
                trial.risks += fresh.risks(step)
            trial.tried[step.id] = trying.take(fresh, step)
            if step.migration.transactional:
                trial.measured.add(step.id)
    except StatementFailed as error:
        trial.source = _not_measured(error)
        trial.refusals += filter(None, [refusals.of_failure(error)])
    trial.after = refusals.shape(fresh)


def _described(tried: Tried, tables: dict[str, _Table]) -> StatementLocks:
    effects = tried.effects
    jobs = tuple(_job(work, tables[work.table]) for work in effects.work if _holds_rows(tables.get(work.table)))
    return StatementLocks(tried.line, tried.statement, effects.locks, effects.measured, jobs)


def _holds_rows(table: _Table | None) -> bool:
    return table is not None and table.rows.rows != 0


def _job(work: Work, table: _Table) -> Job:
    """What is rewritten takes all indexes of the real table with it."""
    if work.kind == "rewrites":
        work = replace(work, indexes=table.indexes)
    rows = table.rows.rows
    return Job(work, rows, table.bytes, None if rows is None else costs.seconds(work, Size(rows, table.bytes)))


def _tables(connection: Connection, tried: list[Tried]) -> dict[str, _Table]:
    """The real tables that are locked or worked on. A table that an earlier step of the plan makes is not there."""
    touched = dict.fromkeys(lock.relation for item in tried for lock in item.effects.locks or ())
    touched |= dict.fromkeys(work.table for item in tried for work in item.effects.work)
    target = database.target_schema(connection)
    with database.own_names(connection):
        found = connection.execute(query("locks", "rows"), [list(touched), target]).fetchall()
        return {
            name: _Table(
                Rows(name, _count(connection, full_name), exact=True)
                if readable and size <= COUNTED_BYTES
                else Rows(name, estimate, exact=False),
                bytes,
                tuple(Index(*index) for index in indexes),
            )
            for name, full_name, size, readable, estimate, bytes, indexes in found
        }


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.SQL(table))).fetchone()
    assert row is not None
    return int(row[0])
