"""Migrating and rolling back: what is asked for is planned, and where there is something to do, it is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memdb.database import Connection
from memdb.ledger import history, plan
from memdb.ledger.plan import Direction, Migrate, Plan, Request, Rollback
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.migrations import locking, session
from memdb.migrations.session import Limits

if TYPE_CHECKING:
    from memdb.migrations.losses import Agreement
    from memdb.migrations.saved_plan import SavedPlan
    from memdb.migrations.watch import Build


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
