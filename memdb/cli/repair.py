"""memdb repair."""

from typing import Annotated

import typer

from memdb import migrations, output, recording, scratch
from memdb.cli.commands import command
from memdb.cli.options import MigratingPlace, OutputFormat, Trial, Wait, confirm
from memdb.cli.progress import hooks
from memdb.door import Database
from memdb.errors import EmbeddedError
from memdb.ledger.sqlfiles import Sets
from memdb.migrations.repair import carry_out, propose
from memdb.verification.snapshot import Patches


@command(epilog="Examples: memdb repair; memdb repair --unmark 0009_add_importance; memdb repair --mark 0009 --yes")
def repair(
    mark: Annotated[
        list[str] | None, typer.Option(help="Mark this migration as applied, without running it.", metavar="ID")
    ] = None,
    unmark: Annotated[
        list[str] | None, typer.Option(help="Forget this migration, without rolling it back.", metavar="ID")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    wait: Wait = 60,
    place: MigratingPlace = MigratingPlace(),
    trial: Trial = Trial(),
    format: OutputFormat = "text",
) -> int:
    """Bring the migration history in line with the files.

    Accepts edited and renamed files, and marks or forgets migrations. Shows the effect before it changes anything.
    Exits 1 if an applied migration has no file, which repair cannot fix.
    """
    with place.open(trial=trial) as db, db.connected("repair", wait_seconds=wait) as connection:
        sets, options = db.sets, db.trial
        proposal = propose(connection, sets, lambda: _patches(db, sets, options), mark=mark or (), unmark=unmark or ())
        if not proposal.needed:
            output.emit(proposal, format, address=db.address)
            return 1 if proposal.unsettled else 0
        if not yes:
            output.emit(proposal, "text", address=db.address, to_stderr=True)
            confirm("This changes the migration history.", db.address)
        limits = migrations.Limits(wait, trusted_schemas=db.settings.trusted_schemas)
        with hooks() as heard:
            done = carry_out(connection, sets, proposal, limits=limits, hooks=heard)
        output.emit(done, format, address=db.address)
        return 1 if proposal.unsettled else 0


def _patches(db: Database, sets: Sets, options: scratch.Options) -> Patches:
    """What the files make as they are now; the snapshot may be older than an edit."""
    try:
        return recording.record(sets, options=options)
    except EmbeddedError as error:
        output.say(f"The effect is taken from the snapshot: {error.message}.")
        return db.expected
