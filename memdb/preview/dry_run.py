"""What a migrate or rollback would do, without doing it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from memdb import scratch
from memdb.database import Connection
from memdb.ledger import history
from memdb.ledger.plan import Direction, Request
from memdb.ledger.sqlfiles import Sets
from memdb.migrations import alone, losses, planning, preflight, reviewed, saved_plan
from memdb.migrations.losses import Loss
from memdb.preview import locks, refusals, trial
from memdb.preview.locks import Rows, StatementLocks
from memdb.preview.refusals import Refusal


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A file that would be run, with the locks that each of its statements takes where they could be measured."""

    id: str
    set: str
    path: str
    sql: str
    statements: tuple[StatementLocks, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a migrate or rollback would do, with the rows that would be lost.

    `locks_source` says how the locks were found out; `touched` are the tables on which they are taken. `refusals` is
    what the run would stop at, as far as that can be told without running it. `advice` is what it would tell before it
    begins. `saved_as` is the file to run exactly this from, where one was asked for.
    """

    direction: Direction
    steps: tuple[PlannedStep, ...]
    losses: tuple[Loss, ...] = ()
    locks_source: str = ""
    touched: tuple[Rows, ...] = ()
    history: str = ""
    refusals: tuple[Refusal, ...] = ()
    advice: str = ""
    saved_as: Path | None = None


def dry_run(
    connection: Connection,
    sets: Sets,
    request: Request,
    *,
    options: scratch.Options = scratch.Options(),
    trusted: Collection[str] = (),
    save_as: Path | None = None,
) -> DryRun:
    """What `migrations.run` would do with the same request, tried on a temporary database that is brought to the state
    of the real one, of which nothing but the catalog is read, and rows are counted.

    With `save_as`, the plan is kept in that file, with the state that it was made for. Raises what the run would raise
    before it begins.
    """
    if save_as is not None:
        saved_plan.check_place(save_as)
    planned = planning.make_plan(connection, sets, request)
    state = None if save_as is None else reviewed.state(connection, planned.history)
    preflight.check(planned.steps)
    alone.require_decided(planned)
    tried = trial.attempt(connection, sets, planned, options)
    statements, touched = locks.described(connection, tried.tried)
    rolls_back = planned.direction == "rollback"
    lost = losses.foreseen(connection, planned.steps, tried.risks, tried.measured) if rolls_back else ()
    if save_as is not None and state is not None:
        saved_plan.write(save_as, reviewed.saved(connection, request, planned, state, lost))
    return DryRun(
        direction=planned.direction,
        steps=tuple(
            PlannedStep(step.id, step.migration.set, str(step.path), step.sql, statements[step.id])
            for step in planned.steps
        ),
        losses=lost,
        locks_source=tried.source,
        touched=touched,
        history=planned.history.home.schema,
        refusals=(
            *refusals.of_beginning(connection, planned, trusted),
            *tried.refusals,
            *refusals.of_cluster(connection, planned),
            *refusals.of_changes(connection, tried.shapes),
        ),
        advice=(history.apart(connection, planned.history) if planned.steps else "") or tried.advice,
        saved_as=save_as,
    )
