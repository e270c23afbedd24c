"""memdb baseline, repair."""

from typing import TYPE_CHECKING, Annotated

import typer

from memdb import output
from memdb.cli.options import (
    DatabaseUrl,
    Format,
    OutputFormat,
    Schema,
    Session,
    SqlDir,
    Wait,
    With,
    confirm,
    hooks,
    session,
)
from memdb.errors import EmbeddedError

if TYPE_CHECKING:
    from memdb.verification.snapshot import Patches


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(epilog="Examples: memdb baseline; memdb baseline --to 0006")(baseline)
    app.command(
        epilog="Examples: memdb repair; memdb repair --unmark 0009_add_importance; memdb repair --mark 0009 --yes"
    )(repair)


def baseline(
    to: Annotated[str | None, typer.Option(help="Stop after this migration.", metavar="ID", show_default=False)] = None,
    chosen: With = None,
    wait: Wait = 60,
    database_url: DatabaseUrl = None,
    schema: Schema = None,
    sql_dir: SqlDir = None,
    format: OutputFormat = Format.text,
) -> int:
    """Take a schema that is there for migrated.

    Marks pending migrations as applied without running them, if the database holds exactly what they make.
    """
    with (
        session("baseline", database_url, sql_dir, chosen=chosen, schema=schema, migrating=True) as open,
        hooks() as heard,
    ):
        from memdb import baseline, migrations
        from memdb.verification import snapshot

        result = baseline.baseline(
            open.connection,
            open.sets,
            snapshot.read(open.sql_directory),
            to=to,
            chosen=open.settings.sets,
            limits=migrations.Limits(wait),
            hooks=heard,
        )
        open.emit(result, format)
    return 0 if result.ok else 1


def repair(
    mark: Annotated[
        list[str] | None, typer.Option(help="Take this migration for applied, without running it.", metavar="ID")
    ] = None,
    unmark: Annotated[
        list[str] | None, typer.Option(help="Forget this migration, without rolling it back.", metavar="ID")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = 60,
    database_url: DatabaseUrl = None,
    schema: Schema = None,
    sql_dir: SqlDir = None,
    format: OutputFormat = Format.text,
) -> None:
    """Bring the history in line with the files.

    Accepts edited files, and marks or forgets migrations, after showing what that means in effect.
    """
    with session("repair", database_url, sql_dir, schema=schema, migrating=True) as open, hooks() as heard:
        from memdb import migrations, repair

        sets = open.sets
        proposal = repair.propose(open.connection, sets, _patches(open), mark=mark or (), unmark=unmark or ())
        if not proposal.needed:
            open.emit(proposal, format)
            return
        if not yes:
            open.emit(proposal, Format.text, to_stderr=True)
            confirm("This changes the migration history.", open.address)
        open.emit(
            repair.carry_out(open.connection, sets, proposal, limits=migrations.Limits(wait), hooks=heard), format
        )


def _patches(open: Session) -> "Patches":
    """What the files make as they are now; the snapshot may be older than an edit."""
    from memdb.verification import snapshot

    try:
        return snapshot.generate(open.sets)
    except EmbeddedError:
        output.say("The embedded PostgreSQL is not installed, so the effect is told by the snapshot.")
        return snapshot.read(open.sql_directory)
