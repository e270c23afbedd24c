"""memdb migrate, rollback, status."""

from typing import TYPE_CHECKING, Annotated

import typer

from memdb.cli.options import (
    MOST,
    DatabaseUrl,
    Format,
    OutputFormat,
    Schema,
    SqlDir,
    Wait,
    With,
    confirm,
    finite,
    hooks,
    session,
)
from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.migrations import DryRun

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show the SQL that would run and what it locks; run nothing.")
]
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


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(epilog="Examples: memdb migrate; memdb migrate --to 0005; memdb migrate --dry-run")(migrate)
    app.command(epilog="Examples: memdb rollback; memdb rollback --to 0004; memdb rollback --all --yes")(rollback)
    app.command(epilog="Examples: memdb status; memdb status --exit-code --format json")(status)


def migrate(
    to: Annotated[str | None, typer.Option(help="Stop after this migration.", metavar="ID", show_default=False)] = None,
    chosen: With = None,
    dry_run: DryRunOption = False,
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Also apply what comes before applied migrations.")
    ] = False,
    wait: Wait = 60,
    lock_timeout: LockTimeout = 3,
    maintenance_work_mem: Annotated[
        str | None, typer.Option(help="Memory for building indexes, such as 2GB.", metavar="SIZE", show_default=False)
    ] = None,
    parallel_workers: Annotated[
        int | None, typer.Option(min=0, max=1024, help="Workers for building indexes.", metavar="N", show_default=False)
    ] = None,
    database_url: DatabaseUrl = None,
    schema: Schema = None,
    sql_dir: SqlDir = None,
    format: OutputFormat = Format.text,
) -> None:
    """Apply all pending migrations.

    Each runs in a transaction of its own, unless its file says otherwise; what was applied before a failure stays.
    """
    with session("migrate", database_url, sql_dir, chosen=chosen, schema=schema, migrating=True) as open:
        from memdb import migrations

        sets, names = open.sets, open.settings.sets
        if dry_run:
            preview = migrations.preview_migrate(open.connection, sets, to=to, chosen=names, locks=True)
            open.emit(preview, format, label="-- Database")
        else:
            limits = migrations.Limits(wait, lock_timeout, maintenance_work_mem, parallel_workers)
            with hooks() as heard:
                run = migrations.migrate(
                    open.connection, sets, to=to, chosen=names, out_of_order=out_of_order, limits=limits, hooks=heard
                )
            open.emit(run, format)


def rollback(
    steps: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="How many migrations to take back; 1 by default.", metavar="N")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Take back all that was applied after this migration.", metavar="ID")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Take back everything.")] = False,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before rows are lost.")] = False,
    wait: Wait = 60,
    lock_timeout: LockTimeout = 3,
    database_url: DatabaseUrl = None,
    schema: Schema = None,
    sql_dir: SqlDir = None,
    format: OutputFormat = Format.text,
) -> None:
    """Take back the newest migrations.

    One, unless told otherwise; asks before rows are lost.
    """
    if (steps is not None) + (to is not None) + all > 1:
        raise UsageError("--steps, --to and --all exclude each other", hint="Give one of them.")
    count = None if all else steps or 1
    with session("rollback", database_url, sql_dir, schema=schema, migrating=True) as open:
        from memdb import migrations

        sets = open.sets
        preview = migrations.preview_rollback(open.connection, sets, steps=count, to=to, locks=dry_run)
        if dry_run:
            open.emit(preview, format, label="-- Database")
            return
        if not yes:
            _ask(preview, open.address)
        limits = migrations.Limits(wait, lock_timeout)
        with hooks() as heard:
            run = migrations.rollback(open.connection, sets, steps=count, to=to, limits=limits, hooks=heard)
        open.emit(run, format)


def status(
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 unless everything is applied.")] = False,
    chosen: With = None,
    database_url: DatabaseUrl = None,
    schema: Schema = None,
    sql_dir: SqlDir = None,
    format: OutputFormat = Format.text,
) -> int:
    """Show what is applied, pending, edited or missing.

    Late is what is pending although a later one is applied; unknown is what somebody else applied. Reads only.
    """
    with session("status", database_url, sql_dir, chosen=chosen, schema=schema) as open:
        from memdb import migrations

        result = migrations.status(open.connection, open.sets, chosen=open.settings.sets)
        open.emit(result, format)
    return 1 if exit_code and not result.clean else 0


def _ask(preview: "DryRun", address: str) -> None:
    """Asks before rows are lost."""
    lost = [loss for loss in preview.losses if loss.rows]
    if not lost:
        return
    tables = ", ".join(f"{loss.table} ({loss.rows:,} {'row' if loss.rows == 1 else 'rows'})" for loss in lost)
    confirm(f"This drops {tables}.", address)
