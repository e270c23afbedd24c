"""memdb repair."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import MigratingPlace, OutputFormat, Trial, Wait, confirm


@command("memdb repair", "memdb repair --unmark 5001_add_importance", "memdb repair --mark 0009 --yes")
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
    with place.open(trial=trial) as db:
        proposal = db.propose_repair(mark=tuple(mark or ()), unmark=tuple(unmark or ()), wait_seconds=wait)
        if proposal.needed and not yes:
            output.emit(proposal, "text", address=db.address, to_stderr=True)
            confirm("This changes the migration history.", db.address)
        result = db.repair(proposal, wait_seconds=wait)
        output.emit(result, format, address=db.address)
    return 0 if result.ok else 1
