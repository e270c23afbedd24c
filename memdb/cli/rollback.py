"""memdb rollback."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import (
    MOST,
    LockTimeout,
    MigratingPlace,
    OutputFormat,
    Trial,
    Wait,
    confirm,
)
from memdb.cli.plans import Reviewing
from memdb.cli.progress import hooks
from memdb.door import Database
from memdb.errors import UsageError
from memdb.migrations import Limits, Rollback, Run
from memdb.migrations.losses import WouldLose


@command("memdb rollback", "memdb rollback --to 0004", "memdb rollback --all --yes", "memdb rollback --plan plan.json")
def rollback(
    steps: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="How many migrations to roll back; 1 by default.", metavar="N")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Roll back every migration that was applied after this one.", metavar="ID")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Roll back everything.")] = False,
    reviewing: Reviewing = Reviewing(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before losing rows.")] = False,
    wait: Wait = 60,
    lock_timeout: LockTimeout = 3,
    place: MigratingPlace = MigratingPlace(),
    trial: Trial = Trial(),
    format: OutputFormat = "text",
) -> int:
    """Roll back the newest migrations.

    Rolls back one unless you say otherwise, and asks before rows are lost. A saved plan runs without asking, and loses
    only what it shows.
    """
    answered = {"--steps": steps is not None, "--to": to is not None, "--all": all}
    saved = reviewing.plan_to_run("rollback", answered)
    if sum(answered.values()) > 1:
        raise UsageError("--steps, --to and --all cannot be combined", hint="Give one of them.")
    with place.open(trial=trial) as db:
        request = Rollback(None if all else steps or 1, to)
        if reviewing.dry_run:
            return reviewing.show(db, request, format, wait)
        limits = Limits(wait, lock_timeout)
        if saved is None:
            run = _roll_back(db, request, limits, ask=not yes)
        else:
            with hooks() as heard:
                run = db.run(saved, limits=limits, hooks=heard)
        output.emit(run, format, address=db.address)
    return 0


def _roll_back(db: Database, request: Rollback, limits: Limits, *, ask: bool) -> Run:
    """Takes back what loses nothing at once, and all else after somebody has agreed to what it loses."""

    def roll_back(losing: WouldLose | bool) -> Run:
        with hooks() as heard:
            return db.rollback(request.steps, to=request.to, losing=losing, limits=limits, hooks=heard)

    try:
        return roll_back(losing=not ask)
    except WouldLose as found:
        confirm(f"This loses {', '.join(loss.in_words() for loss in found.losses)}.", db.address)
        return roll_back(found)
