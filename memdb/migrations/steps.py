"""Taking the steps of a plan: under the lock of migrations, each again where others were in its way."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from memdb import database, trust
from memdb.database import Connection
from memdb.errors import MigrationError, StatementFailed
from memdb.ledger import history
from memdb.ledger.plan import Plan, Request, Rollback
from memdb.ledger.sqlfiles import Sets
from memdb.migrations import alone, locking, planning, preflight
from memdb.migrations.losses import Agreement, WouldLose
from memdb.migrations.outcome import Done, Hooks, Run
from memdb.migrations.runner import Runner
from memdb.migrations.saved_plan import SavedPlan
from memdb.migrations.session import Limits
from memdb.migrations.watch import watch

# lock_not_available, deadlock_detected, serialization_failure: somebody was in the way, who may be gone the next time.
_WORTH_ANOTHER_TRY = {"55P03", "40P01", "40001"}
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 5.0

T = TypeVar("T")


def take(
    connection: Connection,
    sets: Sets,
    request: Request | SavedPlan,
    intended: Plan,
    *,
    agreement: Agreement | None,
    limits: Limits,
    hooks: Hooks,
) -> Run:
    """Takes the steps that are intended, or those that the request comes to when the lock is had. Raises what
    running.run raises."""
    preflight.check(intended.steps)
    for schema in trust.require(connection, intended.history.home.schema, limits.trusted_schemas):
        hooks.on_advice(f"Others may create objects in the schema {schema.in_words()}, and this run could call them.")
    if apart := history.apart(connection, intended.history):
        hooks.on_advice(apart)
    if intended.direction == "migrate":
        agreement = None
    with locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=hooks.on_wait):
        # Another run may have finished while this one waited for the lock.
        planned = planning.make_plan(connection, sets, request)
        _require_intended(request, intended, planned)
        preflight.check(planned.steps)
        alone.require_decided(planned)
        done = list(_take_all(connection, planned, agreement, limits, hooks)) if planned.steps else []
    change = len(done) if planned.direction == "migrate" else -len(done)
    return Run(planned.direction, tuple(done), len(planned.history.applied) + change, planned.history.home.schema)


def _require_intended(request: Request | SavedPlan, intended: Plan, planned: Plan) -> None:
    """Raises HistoryError where the newest migrations are others since somebody asked to take back the newest."""
    if isinstance(request, Rollback) and request.to is None and request.steps is not None:
        Agreement(tuple(step.id for step in intended.steps)).require_same(planned.steps)


def _take_all(
    connection: Connection, planned: Plan, agreement: Agreement | None, limits: Limits, hooks: Hooks
) -> Iterator[Done]:
    runner = Runner(connection, planned.history.home, limits)
    target = database.target_schema(connection)
    if planned.direction == "rollback":
        _try_all(agreement, runner, planned, limits)
    for position, step in enumerate(planned.steps):
        hooks.on_start(planned.direction, step.migration)
        try:
            with watch(connection, on_build=hooks.on_build, on_wait=hooks.on_wait):
                run_one = partial(runner.run, step, agreement=agreement, on_advice=hooks.on_advice)
                duration_ms, notices = _try(run_one, limits.wait_seconds)
        except MigrationError as error:
            error.completed = tuple(step.id for step in planned.steps[:position])
            if isinstance(error, WouldLose) and agreement is not None:
                error.widen(planned.steps[position:], agreement.losses)
            raise
        if planned.direction == "migrate":
            before, target = target, database.target_schema(connection)
            if moved := history.moved(before, target, step.id):
                hooks.on_advice(moved)
        yield Done(step.id, step.migration.set, duration_ms, tuple(notices))


def _try_all(agreement: Agreement | None, runner: Runner, planned: Plan, limits: Limits) -> None:
    """Before the first of several rollbacks, so that none is done when another fails, or would lose what is not agreed
    to; without an agreement they may lose anything.
    """
    if agreement is not None:
        agreement.require_same(planned.steps)
    if len(planned.steps) == 1:
        return
    found = _try(lambda: runner.foresee(planned.steps, counting=agreement is not None), limits.wait_seconds)
    if agreement is None:
        return
    if found and not agreement.steps:
        raise WouldLose("this rollback would lose rows or values", planned.steps, found, hint="Nothing was done.")
    try:
        for step in planned.steps:
            agreement.require(step, tuple(loss for loss in found if loss.step == step.id))
    except WouldLose as error:
        error.widen(planned.steps, found)
        raise


def _try(run: Callable[[], T], wait_seconds: float) -> T:
    """Runs a migration, and again when it did not get a lock in time, until `wait_seconds` are over."""
    deadline, pause = time.monotonic() + wait_seconds, _FIRST_PAUSE_SECONDS
    while True:
        try:
            return run()
        except StatementFailed as error:
            if error.half_done or error.sqlstate not in _WORTH_ANOTHER_TRY:
                raise
            if time.monotonic() + pause >= deadline:
                error.hint = (
                    f"Others held the lock for {wait_seconds:g} s. Find them in pg_stat_activity, or allow more time "
                    "with --wait; nothing of this migration was kept."
                )
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)  # so that whoever was held up by the last try gets through
