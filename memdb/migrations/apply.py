"""Migrating and rolling back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from memdb.database import Connection, advisory_lock
from memdb.errors import MigrationError
from memdb.migrations import history, plan, preflight
from memdb.migrations.plan import Direction, Plan, Sets
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
class Hooks:
    """What the caller wants to hear while a run goes on."""

    on_start: Callable[[Direction, Migration], None] = lambda *_: None
    on_wait: Callable[[str], None] = lambda *_: None


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
    from memdb.migrations.runner import Runner

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
