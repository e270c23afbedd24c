"""What a migrate or rollback would do, without doing it."""

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql

from memdb import catalog
from memdb.database import Connection
from memdb.migrations import history, plan
from memdb.migrations.plan import Direction, Plan, Sets


@dataclass(frozen=True, slots=True)
class PlannedStep:
    id: str
    set: str
    path: str
    sql: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a migrate or rollback would do, with the rows that would be lost."""

    direction: Direction
    steps: tuple[PlannedStep, ...]
    losses: tuple["Loss", ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """A table that a rollback drops, and the rows it holds."""

    table: str
    rows: int


def preview_migrate(connection: Connection, sets: Sets, *, to: str | None = None, chosen: Iterable[str] = ()) -> DryRun:
    """What `migrate` would run."""
    return _preview(connection, plan.to_migrate(sets, history.read(connection), to=to, chosen=chosen))


def preview_rollback(connection: Connection, sets: Sets, *, steps: int | None = 1, to: str | None = None) -> DryRun:
    """What `rollback` would run, and the rows that would be lost."""
    return _preview(connection, plan.to_rollback(sets, history.read(connection), steps=steps, to=to))


def _preview(connection: Connection, planned: Plan) -> DryRun:
    steps = tuple(
        PlannedStep(migration.id, migration.set, str(planned.path_of(migration)), planned.sql_of(migration))
        for migration in planned.migrations
    )
    losses = _losses(connection, steps) if planned.direction == "rollback" else ()
    return DryRun(planned.direction, steps, losses)


def _losses(connection: Connection, steps: tuple[PlannedStep, ...]) -> tuple[Loss, ...]:
    spared = catalog.application_tables(connection)
    names = [name for step in steps for name in plan.tables_named_by_drops(step.sql) if name not in spared]
    return tuple(Loss(name, _count(connection, name)) for name in dict.fromkeys(names) if _exists(connection, name))


def _exists(connection: Connection, table: str) -> bool:
    return connection.execute("select to_regclass(%s) is not null", [table]).fetchone() == (True,)


def _count(connection: Connection, table: str) -> int:
    identifier = sql.SQL(table)  # a name as the rollback file spells it, quotes and all
    row = connection.execute(sql.SQL("select count(*) from {}").format(identifier)).fetchone()
    assert row is not None
    return int(row[0])
