"""Migrating and rolling back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from memdb import trust
from memdb.database import Connection
from memdb.errors import MigrationError, StatementFailed
from memdb.ledger import history, plan
from memdb.ledger.plan import Direction, Migrate, Plan, Request, Rollback
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.migrations import locking, session
from memdb.migrations.session import Limits

if TYPE_CHECKING:
    from memdb.migrations.losses import Agreement
    from memdb.migrations.runner import Runner
    from memdb.migrations.saved_plan import SavedPlan
    from memdb.migrations.watch import Build

# lock_not_available, deadlock_detected, serialization_failure: somebody was in the way, who may be gone the next time.
_WORTH_ANOTHER_TRY = {"55P03", "40P01", "40001"}
_LONGEST_PAUSE_SECONDS = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done:
    """One migration that was run."""

    id: str
    set: str
    duration_ms: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a migrate or rollback really did. `applied` counts what is applied now; `history` is where that is kept."""

    direction: Direction
    steps: tuple[Done, ...]
    applied: int
    history: str


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
    agreement: "Agreement | None"
    done: list[Done] = field(default_factory=list)


def run(
    connection: Connection,
    sets: Sets,
    request: "Request | SavedPlan",
    *,
    agreement: "Agreement | None" = None,
    limits: Limits = Limits(),
    hooks: Hooks = Hooks(),
) -> Run:
    """Does what is asked for, each migration in a transaction of its own; of a saved plan, exactly its steps.

    `agreement` is to what a rollback may lose; without one it may lose anything, but for a saved plan, which has its
    own. Raises MigrationError: what was done before a failure stays and is in the error's `completed`; WouldLose where
    more would be lost than was agreed to; PlanChanged where a saved plan no longer fits.
    """
    if not isinstance(request, Migrate | Rollback):
        agreement = request.agreement
    with session.prepared(connection, limits):
        planned = make_plan(connection, sets, request)
        if not planned.steps:
            return Run(planned.direction, (), len(planned.history.applied), planned.history.home.schema)
        check(planned)
        for schema in trust.require(connection, planned.history.home.schema, limits.trusted_schemas):
            hooks.on_advice(f"Others may create in the schema {schema.in_words()}, and have this run call it.")
        attempt = _Attempt(connection, limits, hooks, agreement if planned.direction == "rollback" else None)
        with locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=hooks.on_wait):
            # Another run may have finished while this one waited for the lock.
            intended, planned = planned, make_plan(connection, sets, request)
            _require_intended(request, intended, planned)
            check(planned)
            _run_plan(attempt, planned)
    change = len(attempt.done) if planned.direction == "migrate" else -len(attempt.done)
    applied = len(planned.history.applied) + change
    return Run(planned.direction, tuple(attempt.done), applied, planned.history.home.schema)


def migrate(
    connection: Connection,
    sets: Sets,
    *,
    to: str | None = None,
    chosen: tuple[str, ...] = (),
    out_of_order: bool = False,
    limits: Limits = Limits(),
    hooks: Hooks = Hooks(),
) -> Run:
    """`run` for a Migrate."""
    return run(connection, sets, Migrate(to, tuple(chosen), out_of_order), limits=limits, hooks=hooks)


def rollback(
    connection: Connection,
    sets: Sets,
    *,
    steps: int | None = 1,
    to: str | None = None,
    agreement: "Agreement | None" = None,
    limits: Limits = Limits(),
    hooks: Hooks = Hooks(),
) -> Run:
    """`run` for a Rollback."""
    return run(connection, sets, Rollback(steps, to), agreement=agreement, limits=limits, hooks=hooks)


def make_plan(connection: Connection, sets: Sets, request: "Request | SavedPlan") -> Plan:
    """What the request comes to, by the history as it is now. Raises PlanChanged where a saved plan no longer fits."""
    past = history.read(connection, sets)
    if isinstance(request, Migrate | Rollback):
        return plan.make(request, sets, past)
    from memdb.migrations import reviewed

    return reviewed.make_again(request, connection, sets, past)


@contextmanager
def exclusive(connection: Connection, limits: Limits, hooks: Hooks) -> Iterator[None]:
    """A session prepared for migrations that holds their lock."""
    with (
        session.prepared(connection, limits),
        locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=hooks.on_wait),
    ):
        yield


def _require_intended(request: "Request | SavedPlan", intended: Plan, planned: Plan) -> None:
    """Raises HistoryError where the newest migrations are others since somebody asked to take back the newest."""
    if isinstance(request, Rollback) and request.to is None and request.steps is not None:
        from memdb.migrations.losses import Agreement

        Agreement(tuple(step.id for step in intended.steps)).require_same(planned.steps)


def check(planned: Plan) -> None:
    """Raises MigrationError for what would break the promise that all of a migration stays or nothing."""
    from memdb.migrations import preflight

    for step in planned.steps:
        preflight.check(step.sql, str(step.path), transactional=step.migration.transactional)


def _run_plan(attempt: _Attempt, planned: Plan) -> None:
    if not planned.steps:
        return
    from memdb.migrations.runner import Runner
    from memdb.migrations.watch import watch

    runner = Runner(attempt.connection, planned.history.home, attempt.limits)
    if attempt.agreement is not None:
        _agree(attempt.agreement, runner, planned, attempt.limits)
    for step in planned.steps:
        attempt.hooks.on_start(planned.direction, step.migration)
        try:
            with watch(attempt.connection, on_build=attempt.hooks.on_build, on_wait=attempt.hooks.on_wait):
                run_one = partial(runner.run, step, agreement=attempt.agreement, on_advice=attempt.hooks.on_advice)
                duration_ms, notices = _try(run_one, attempt.limits.wait_seconds)
        except MigrationError as error:
            error.completed = tuple(step.id for step in attempt.done)
            raise
        attempt.done.append(Done(step.id, step.migration.set, duration_ms, tuple(notices)))


def _agree(agreement: "Agreement", runner: "Runner", planned: Plan, limits: Limits) -> None:
    """Before the first of several rollbacks, so that none is done when another would lose what is not agreed to."""
    agreement.require_same(planned.steps)
    if len(planned.steps) == 1:
        return
    found = _try(lambda: runner.foresee(planned.steps), limits.wait_seconds)
    if found and not agreement.steps:
        from memdb.migrations.losses import WouldLose

        raise WouldLose("this rollback would lose rows or values", planned.steps, found, hint="Nothing was done.")
    for step in planned.steps:
        agreement.require(step, tuple(loss for loss in found if loss.step == step.id))


def _try(run: Callable[[], T], wait_seconds: float) -> T:
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
