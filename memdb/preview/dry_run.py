"""What a migrate or rollback would do, without doing it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from memdb import scratch
from memdb.database import Connection
from memdb.ledger.plan import Direction, Plan, Request
from memdb.ledger.sqlfiles import Sets
from memdb.migrations import preflight, reviewed, running, saved_plan
from memdb.migrations.losses import Loss
from memdb.preview import locks, losses, refusals
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
    what the run would stop at, as far as that can be told without running it. `saved_as` is the file to run exactly
    this from, where one was asked for.
    """

    direction: Direction
    steps: tuple[PlannedStep, ...]
    losses: tuple[Loss, ...] = ()
    locks_source: str = ""
    touched: tuple[Rows, ...] = ()
    history: str = ""
    refusals: tuple[Refusal, ...] = ()
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
    planned = running.make_plan(connection, sets, request)
    state = None if save_as is None else reviewed.state(connection, planned.history)
    preflight.check_all(planned.steps)
    report = locks.examine(connection, sets, planned, options)
    lost = losses.count(connection, planned.steps, report) if planned.direction == "rollback" else ()
    if save_as is not None and state is not None:
        saved_plan.write(save_as, reviewed.saved(connection, request, planned, state, lost))
    return DryRun(
        planned.direction,
        tuple(_steps(planned, report)),
        lost,
        report.source,
        report.rows,
        planned.history.home.schema,
        (*refusals.of_beginning(connection, planned, trusted), *report.refusals),
        save_as,
    )


def _steps(planned: Plan, report: locks.Report) -> Iterable[PlannedStep]:
    for step in planned.steps:
        taken = report.by_migration.get(step.id, ())
        yield PlannedStep(step.id, step.migration.set, str(step.path), step.sql, taken)
