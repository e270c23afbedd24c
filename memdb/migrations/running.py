"""Migrating and rolling back: what is asked for is planned, and where there is something to do, it is done."""

from typing import TYPE_CHECKING

from memdb.database import Connection
from memdb.ledger.plan import Migrate, Request, Rollback
from memdb.ledger.sqlfiles import Sets
from memdb.migrations import planning, session
from memdb.migrations.outcome import Hooks, Run
from memdb.migrations.session import Limits

if TYPE_CHECKING:
    from memdb.migrations.losses import Agreement
    from memdb.migrations.saved_plan import SavedPlan


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
        planned = planning.make_plan(connection, sets, request)
        if not planned.steps:
            return Run(planned.direction, (), len(planned.history.applied), planned.history.home.schema)
        from memdb.migrations import steps  # a run with nothing to do is without them

        return steps.take(connection, sets, request, planned, agreement=agreement, limits=limits, hooks=hooks)


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
