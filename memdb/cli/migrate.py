"""memdb migrate."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import LockTimeout, MigratingPlace, OutputFormat, Trial, Wait, With
from memdb.cli.plans import Reviewing
from memdb.cli.progress import hooks
from memdb.migrations import Limits, Migrate


@command(
    "memdb migrate",
    "memdb migrate --to 0005",
    "memdb migrate --dry-run --save-plan plan.json",
    "memdb migrate --plan plan.json",
)
def migrate(
    to: Annotated[str | None, typer.Option(help="Stop after this migration.", metavar="ID")] = None,
    chosen: With = None,
    reviewing: Reviewing = Reviewing(),
    out_of_order: Annotated[
        bool,
        typer.Option("--out-of-order", help="Also apply pending migrations with a lower number than an applied one."),
    ] = False,
    wait: Wait = 60,
    lock_timeout: LockTimeout = 3,
    maintenance_work_mem: Annotated[
        str | None, typer.Option(help="Memory for index builds, such as 2GB.", metavar="SIZE")
    ] = None,
    parallel_workers: Annotated[
        int | None, typer.Option(min=0, max=1024, help="Parallel workers for index builds.", metavar="N")
    ] = None,
    place: MigratingPlace = MigratingPlace(),
    trial: Trial = Trial(),
    format: OutputFormat = "text",
) -> int:
    """Apply all pending migrations.

    Each runs in its own transaction, unless its file says otherwise. If one fails, earlier ones stay applied.
    """
    answered = {"--to": to is not None, "--with": bool(chosen), "--out-of-order": out_of_order}
    saved = reviewing.plan_to_run("migrate", answered)
    with place.open(chosen=chosen, trial=trial) as db:
        if reviewing.dry_run:
            return reviewing.show(db, Migrate(to, out_of_order=out_of_order), format, wait)
        limits = Limits(wait, lock_timeout, maintenance_work_mem, parallel_workers)
        with hooks() as heard:
            if saved is None:
                run = db.migrate(to, out_of_order=out_of_order, limits=limits, hooks=heard)
            else:
                run = db.run(saved, limits=limits, hooks=heard)
        output.emit(run, format, address=db.address)
    return 0
