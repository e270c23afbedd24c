"""Migrating and rolling back."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from memdb.database import Connection
from memdb.errors import MigrationError, StatementFailed
from memdb.migrations import history, locking, plan
from memdb.migrations.plan import Direction, Plan, Sets
from memdb.sqlfiles import Migration

if TYPE_CHECKING:
    from memdb.migrations.watch import Build

# lock_not_available and deadlock_detected: somebody else was in the way, who may be gone the next time.
_WORTH_ANOTHER_TRY = {"55P03", "40P01"}
_LONGEST_PAUSE_SECONDS = 5.0


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
class Limits:
    """`wait_seconds` is for all that others hold up; `lock_timeout_seconds` is how long others may be held up by us."""

    wait_seconds: float = 60
    lock_timeout_seconds: float = 3
    maintenance_work_mem: str | None = None
    parallel_workers: int | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller wants to hear while a run goes on."""

    on_start: Callable[[Direction, Migration], None] = lambda *_: None
    on_wait: Callable[[str], None] = lambda _: None
    on_build: Callable[["Build"], None] = lambda _: None
    on_advice: Callable[[str], None] = lambda _: None


@dataclass(slots=True)
class _Attempt:
    """A run as it goes on."""

    connection: Connection
    limits: Limits
    hooks: Hooks
    done: list[Step] = field(default_factory=list)


def migrate(
    connection: Connection,
    sets: Sets,
    *,
    to: str | None = None,
    chosen: Iterable[str] = (),
    out_of_order: bool = False,
    limits: Limits = Limits(),
    hooks: Hooks = Hooks(),
) -> Run:
    """Applies all pending migrations, up to and including `to`, each in a transaction of its own.

    Raises MigrationError; what was applied before the failure stays and is in the error's `completed`.
    """

    def make_plan() -> tuple[Plan, int]:
        past = history.read(connection)
        planned = plan.to_migrate(sets, past, to=to, chosen=chosen, out_of_order=out_of_order)
        return planned, len(past.applied)

    return _run(_Attempt(connection, limits, hooks), make_plan)


def rollback(
    connection: Connection,
    sets: Sets,
    *,
    steps: int | None = 1,
    to: str | None = None,
    limits: Limits = Limits(),
    hooks: Hooks = Hooks(),
) -> Run:
    """Takes back the newest `steps` migrations (None: all), or all that were applied after `to`.

    A migration that was begun outside of a transaction and cut short counts as the newest.
    """
    from memdb.migrations import concurrently

    def make_plan() -> tuple[Plan, int]:
        past = concurrently.with_unfinished(connection, history.read(connection), sets)
        return plan.to_rollback(sets, past, steps=steps, to=to), len(past.applied)

    return _run(_Attempt(connection, limits, hooks), make_plan)


def _run(attempt: _Attempt, make_plan: Callable[[], tuple[Plan, int]]) -> Run:
    connection, limits = attempt.connection, attempt.limits
    locking.prepare_session(
        connection,
        lock_timeout_seconds=limits.lock_timeout_seconds,
        maintenance_work_mem=limits.maintenance_work_mem,
        parallel_workers=limits.parallel_workers,
    )
    planned, applied = make_plan()
    if not planned.migrations:
        return Run(planned.direction, (), applied)
    _check(planned)
    with locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=attempt.hooks.on_wait):
        # Another run may have finished while this one waited for the lock.
        planned, applied = make_plan()
        _run_plan(attempt, planned)
    change = len(attempt.done) if planned.direction == "migrate" else -len(attempt.done)
    return Run(planned.direction, tuple(attempt.done), applied + change)


def _check(planned: Plan) -> None:
    from memdb.migrations import preflight

    for migration in planned.migrations:
        sql, path = planned.sql_of(migration), str(planned.path_of(migration))
        preflight.check(sql, path, transactional=migration.transactional)


def _run_plan(attempt: _Attempt, planned: Plan) -> None:
    if not planned.migrations:
        return
    from memdb.migrations.runner import Runner
    from memdb.migrations.watch import watch

    runner = Runner(attempt.connection)
    for migration in planned.migrations:
        attempt.hooks.on_start(planned.direction, migration)
        try:
            with watch(attempt.connection, on_build=attempt.hooks.on_build, on_wait=attempt.hooks.on_wait):
                run_one = partial(runner.run, planned, migration, on_advice=attempt.hooks.on_advice)
                duration_ms, notices = _try(run_one, attempt.limits.wait_seconds)
        except MigrationError as error:
            error.completed = tuple(step.id for step in attempt.done)
            raise
        attempt.done.append(Step(migration.id, migration.set, duration_ms, tuple(notices)))


def _try(run: Callable[[], tuple[float, list[str]]], wait_seconds: float) -> tuple[float, list[str]]:
    """Runs a migration, and again when it did not get a lock in time, until `wait_seconds` are over."""
    deadline = time.monotonic() + wait_seconds
    for pause in _pauses():
        try:
            return run()
        except StatementFailed as error:
            if error.sqlstate not in _WORTH_ANOTHER_TRY:
                raise
            if time.monotonic() + pause >= deadline:
                error.hint = (
                    f"Others held the lock for {wait_seconds:g} s. Find them in pg_stat_activity, or allow more time "
                    "with --wait; nothing of this migration was kept."
                )
                raise
        time.sleep(pause)
    raise AssertionError("pauses do not end")


def _pauses() -> Iterator[float]:
    """Longer and longer, so that whoever was held up by the last try gets through."""
    pause = 0.25
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
