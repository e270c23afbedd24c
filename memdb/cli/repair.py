"""memdb baseline, repair."""

from typing import TYPE_CHECKING, Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import Format, MigratingPlace, OutputFormat, Session, Trial, Wait, With, confirm, hooks, session
from memdb.errors import EmbeddedError

if TYPE_CHECKING:
    from memdb import scratch
    from memdb.ledger.sqlfiles import Sets
    from memdb.verification.snapshot import Patches


@command(epilog="Examples: memdb baseline; memdb baseline --to 0006")
def baseline(
    to: Annotated[str | None, typer.Option(help="Stop after this migration.", metavar="ID")] = None,
    chosen: With = None,
    wait: Wait = 60,
    place: MigratingPlace = MigratingPlace(),
    format: OutputFormat = Format.text,
) -> int:
    """Take a schema that is there for migrated.

    Marks pending migrations as applied without running them, if the database holds exactly what they make.
    """
    with session("baseline", place, chosen=chosen) as open, hooks() as heard:
        from memdb import migrations
        from memdb.migrations import baseline
        from memdb.verification import snapshot

        result = baseline.baseline(
            open.connection,
            open.sets,
            snapshot.read(open.settings.sql_dir),
            to=to,
            chosen=open.settings.sets,
            limits=migrations.Limits(wait, trusted_schemas=open.settings.trusted_schemas),
            hooks=heard,
        )
        open.emit(result, format)
    return 0 if result.ok else 1


@command(epilog="Examples: memdb repair; memdb repair --unmark 0009_add_importance; memdb repair --mark 0009 --yes")
def repair(
    mark: Annotated[
        list[str] | None, typer.Option(help="Take this migration for applied, without running it.", metavar="ID")
    ] = None,
    unmark: Annotated[
        list[str] | None, typer.Option(help="Forget this migration, without rolling it back.", metavar="ID")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = 60,
    place: MigratingPlace = MigratingPlace(),
    trial: Trial = Trial(),
    format: OutputFormat = Format.text,
) -> int:
    """Bring the history in line with the files.

    Accepts edited and renamed files, and marks or forgets migrations, after showing what that means in effect. Exit 1
    when an applied migration has no file, which no repair can settle.
    """
    with session("repair", place) as open:
        from memdb import migrations
        from memdb.migrations import repair

        sets, options = open.sets, trial.options()
        proposal = repair.propose(
            open.connection, sets, lambda: _patches(open, sets, options), mark=mark or (), unmark=unmark or ()
        )
        if not proposal.needed:
            open.emit(proposal, format)
            return 1 if proposal.unsettled else 0
        if not yes:
            open.emit(proposal, Format.text, to_stderr=True)
            confirm("This changes the migration history.", open.address)
        limits = migrations.Limits(wait, trusted_schemas=open.settings.trusted_schemas)
        with hooks() as heard:
            done = repair.carry_out(open.connection, sets, proposal, limits=limits, hooks=heard)
        open.emit(done, format)
        return 1 if proposal.unsettled else 0


def _patches(open: Session, sets: "Sets", options: "scratch.Options") -> "Patches":
    """What the files make as they are now; the snapshot may be older than an edit."""
    from memdb import recording
    from memdb.verification import snapshot

    try:
        return recording.record(sets, options=options)
    except EmbeddedError as error:
        output.say(f"The effect is told by the snapshot: {error.message}.")
        return snapshot.read(open.settings.sql_dir)
