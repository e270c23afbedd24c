"""Migrating, rolling back, and saying what is applied."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from memdb import catalog, history, plan, preflight
from memdb.database import Connection, advisory_lock
from memdb.errors import DatabaseError, MigrationError
from memdb.plan import Direction, Plan, Sets
from memdb.sqlfiles import Migration

LOCK = "memdb migrate"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that was run."""

    id: str
    set: str
    duration_ms: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a migrate or rollback really did. `applied` counts what is applied now."""

    direction: Direction
    steps: tuple[Step, ...]
    applied: int


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


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`state` is applied, pending, edited (since it was applied) or unknown (applied, but without a file)."""

    id: str
    set: str | None
    state: str
    applied_at: datetime | None = None
    applied_by: str | None = None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    migrations: tuple[MigrationStatus, ...]
    available_sets: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Everything is applied and as it was when it was applied."""
        return all(migration.state == "applied" for migration in self.migrations)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller wants to hear while a run goes on."""

    on_start: Callable[[Direction, Migration], None] = lambda *_: None
    on_wait: Callable[[str], None] = lambda *_: None


def status(connection: Connection, sets: Sets, *, chosen: Iterable[str] = ()) -> Status:
    """What is applied, pending, edited and unknown. Writes nothing and takes no lock."""
    past = history.read(connection)
    if not past.readable:
        raise DatabaseError(
            "this role may not read the migration history", hint="Grant it select on _yoyo_migration and _yoyo_log."
        )
    applied = {item.id: item for item in past.applied}
    changed = {migration.id for migration in plan.edited(sets, past)}
    entries = [MigrationStatus(id, None, "unknown", *_details(applied[id])) for id in plan.unknown(sets, past)]
    for migration in plan.active(sets, past, chosen):
        if migration.id in applied:
            state = "edited" if migration.id in changed else "applied"
            entries.append(MigrationStatus(migration.id, migration.set, state, *_details(applied[migration.id])))
        else:
            entries.append(MigrationStatus(migration.id, migration.set, "pending"))
    active = {entry.set for entry in entries}
    return Status(tuple(entries), tuple(name for name in sets if name not in active))


def _details(applied: history.Applied) -> tuple[datetime, str | None, float | None]:
    return applied.at, applied.by, applied.duration_ms


def migrate(
    connection: Connection,
    sets: Sets,
    *,
    to: str | None = None,
    chosen: Iterable[str] = (),
    wait_seconds: float = 60,
    hooks: Hooks = Hooks(),
) -> Run:
    """Applies all pending migrations, up to and including `to`, each in a transaction of its own.

    Raises MigrationError; what was applied before the failure stays and is in the error's `completed`.
    """

    def make_plan() -> tuple[Plan, int]:
        past = history.read(connection)
        return plan.to_migrate(sets, past, to=to, chosen=chosen), len(past.applied)

    return _run(connection, make_plan, wait_seconds, hooks)


def rollback(
    connection: Connection,
    sets: Sets,
    *,
    steps: int | None = 1,
    to: str | None = None,
    wait_seconds: float = 60,
    hooks: Hooks = Hooks(),
) -> Run:
    """Takes back the newest `steps` migrations (None: all), or all that were applied after `to`."""

    def make_plan() -> tuple[Plan, int]:
        past = history.read(connection)
        return plan.to_rollback(sets, past, steps=steps, to=to), len(past.applied)

    return _run(connection, make_plan, wait_seconds, hooks)


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
    identifier: Any = sql.SQL(table)  # a name as the rollback file spells it, quotes and all
    row = connection.execute(sql.SQL("select count(*) from {}").format(identifier)).fetchone()
    assert row is not None
    return int(row[0])


def _run(connection: Connection, make_plan: Callable[[], tuple[Plan, int]], wait_seconds: float, hooks: Hooks) -> Run:
    planned, applied = make_plan()
    if not planned.migrations:
        return Run(planned.direction, (), applied)
    for migration in planned.migrations:
        preflight.check(
            planned.sql_of(migration), str(planned.path_of(migration)), transactional=migration.transactional
        )
    with advisory_lock(connection, LOCK, wait_seconds=wait_seconds, on_wait=hooks.on_wait):
        # Another run may have finished while this one waited for the lock.
        planned, applied = make_plan()
        steps = _run_plan(connection, planned, hooks)
    change = len(steps) if planned.direction == "migrate" else -len(steps)
    return Run(planned.direction, tuple(steps), applied + change)


def _run_plan(connection: Connection, planned: Plan, hooks: Hooks) -> list[Step]:
    from memdb.runner import Runner

    runner = Runner(connection)
    done: list[Step] = []
    for migration in planned.migrations:
        hooks.on_start(planned.direction, migration)
        try:
            duration_ms, notices = runner.run(planned, migration)
        except MigrationError as error:
            error.completed = tuple(step.id for step in done)
            raise
        done.append(Step(migration.id, migration.set, duration_ms, tuple(notices)))
    return done
