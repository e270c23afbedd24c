"""memdb migrate, rollback, status."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import (
    MOST,
    Format,
    MigratingPlace,
    OutputFormat,
    Place,
    Trial,
    Wait,
    With,
    confirm,
    finite,
    hooks,
)
from memdb.cli.plans import Reviewing
from memdb.errors import MigrationError, UsageError

if TYPE_CHECKING:
    from memdb.door import Database
    from memdb.ledger.plan import Request
    from memdb.migrations import Limits, Rollback, Run
    from memdb.migrations.losses import WouldLose

LockTimeout = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=MOST // 1000,
        callback=finite,
        help="How long a statement may wait for a lock before it makes way.",
        metavar="SECONDS",
    ),
]


@command(
    epilog="Examples: memdb migrate; memdb migrate --to 0005; memdb migrate --dry-run --save-plan plan.json; "
    "memdb migrate --plan plan.json"
)
def migrate(
    to: Annotated[str | None, typer.Option(help="Stop after this migration.", metavar="ID")] = None,
    chosen: With = None,
    reviewing: Reviewing = Reviewing(),
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Also apply what comes before applied migrations.")
    ] = False,
    wait: Wait = 60,
    lock_timeout: LockTimeout = 3,
    maintenance_work_mem: Annotated[
        str | None, typer.Option(help="Memory for building indexes, such as 2GB.", metavar="SIZE")
    ] = None,
    parallel_workers: Annotated[
        int | None, typer.Option(min=0, max=1024, help="Workers for building indexes.", metavar="N")
    ] = None,
    place: MigratingPlace = MigratingPlace(),
    trial: Trial = Trial(),
    format: OutputFormat = Format.text,
) -> int:
    """Apply all pending migrations.

    Each runs in a transaction of its own, unless its file says otherwise; what was applied before a failure stays.
    """
    answered = {"--to": to is not None, "--with": bool(chosen), "--out-of-order": out_of_order}
    saved = reviewing.plan_to_run("migrate", answered)
    with place.open(chosen=chosen, trial=trial) as db:
        from memdb.migrations import Limits, Migrate

        if reviewing.dry_run:
            return _preview(db, Migrate(to, out_of_order=out_of_order), reviewing.save_plan, format)
        limits = Limits(wait, lock_timeout, maintenance_work_mem, parallel_workers)
        with hooks() as heard:
            if saved is None:
                run = db.migrate(to, out_of_order=out_of_order, limits=limits, hooks=heard)
            else:
                run = db.run(saved, limits=limits, hooks=heard)
        output.emit(run, format, address=db.address)
    return 0


@command(
    epilog="Examples: memdb rollback; memdb rollback --to 0004; memdb rollback --all --yes; memdb rollback --plan "
    "plan.json"
)
def rollback(
    steps: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="How many migrations to take back; 1 by default.", metavar="N")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Take back all that was applied after this migration.", metavar="ID")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Take back everything.")] = False,
    reviewing: Reviewing = Reviewing(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before rows are lost.")] = False,
    wait: Wait = 60,
    lock_timeout: LockTimeout = 3,
    place: MigratingPlace = MigratingPlace(),
    trial: Trial = Trial(),
    format: OutputFormat = Format.text,
) -> int:
    """Take back the newest migrations.

    One, unless told otherwise; asks before rows are lost. A saved plan loses what it shows, unasked, and nothing else.
    """
    answered = {"--steps": steps is not None, "--to": to is not None, "--all": all}
    saved = reviewing.plan_to_run("rollback", answered)
    if sum(answered.values()) > 1:
        raise UsageError("--steps, --to and --all exclude each other", hint="Give one of them.")
    with place.open(trial=trial) as db:
        from memdb.migrations import Limits, Rollback

        request = Rollback(None if all else steps or 1, to)
        if reviewing.dry_run:
            return _preview(db, request, reviewing.save_plan, format)
        limits = Limits(wait, lock_timeout)
        if saved is None:
            run = _roll_back(db, request, limits, ask=not yes)
        else:
            with hooks() as heard:
                run = db.run(saved, limits=limits, hooks=heard)
        output.emit(run, format, address=db.address)
    return 0


@command(epilog="Examples: memdb status; memdb status --exit-code --format json")
def status(
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 unless everything is applied.")] = False,
    chosen: With = None,
    place: Place = Place(),
    format: OutputFormat = Format.text,
) -> int:
    """Show what is applied, pending, edited or missing.

    Late is what is pending although a later one is applied; unknown is what somebody else applied. Reads only.
    """
    with place.open(chosen=chosen) as db:
        result = db.status()
    output.emit(result, format, address=db.address)
    return 1 if exit_code and not result.clean else 0


def _preview(db: "Database", request: "Request", save_as: Path | None, format: Format) -> int:
    """Shows what would run, and keeps it in a file where that is asked for.

    The exit code is that of a run that stops, where it is foreseen to.
    """
    result = db.plan(request, save_as=save_as)
    output.emit(result, format, address=db.address, label="-- Database")
    return MigrationError.exit_code if result.refusals else 0


def _roll_back(db: "Database", request: "Rollback", limits: "Limits", *, ask: bool) -> "Run":
    """Takes back what loses nothing at once, and all else after somebody has agreed to what it loses."""
    from memdb.migrations.losses import WouldLose

    def roll_back(losing: "WouldLose | bool") -> "Run":
        with hooks() as heard:
            return db.rollback(request.steps, to=request.to, losing=losing, limits=limits, hooks=heard)

    try:
        return roll_back(losing=not ask)
    except WouldLose as found:
        confirm(f"This loses {', '.join(loss.in_words() for loss in found.losses)}.", db.address)
        return roll_back(found)
