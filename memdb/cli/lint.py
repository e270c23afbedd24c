"""memdb lint."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import Place, Trial, With, format_option
from memdb.linting.lint import Review


@command("memdb lint", "memdb lint --all --format github")
def lint(
    all: Annotated[
        bool, typer.Option("--all", help="Review all files, not only pending ones; needs no database.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings too.")] = False,
    chosen: With = None,
    place: Place = Place(),
    trial: Trial = Trial(),
    format: Annotated[str, format_option(Review)] = "text",
) -> int:
    """Review pending migrations before they run.

    Finds locks, lost data, rollbacks that do not undo their file, and missing names and comments. Exits 1 on errors.
    """
    with place.open(chosen=chosen, trial=trial) as db:
        result = db.lint(all=all)
    output.emit(result, format)
    return 0 if result.ok and not (strict and result.findings) else 1
