"""memdb status."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, With


@command("memdb status", "memdb status --exit-code --format json")
def status(
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 unless all migrations are applied.")] = False,
    chosen: With = None,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> int:
    """Show what is applied, pending, edited or missing.

    Late: pending, although one with a higher number is applied. Unknown: applied by someone else. Read-only.
    """
    with place.open(chosen=chosen) as db:
        result = db.status()
    output.emit(result, format, address=db.address)
    return 1 if exit_code and not result.clean else 0
