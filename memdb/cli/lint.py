"""memdb lint."""

from enum import StrEnum
from typing import Annotated

import typer

from memdb.cli.commands import command
from memdb.cli.options import Place, Trial, With
from memdb.output import linting as report


class ReviewFormat(StrEnum):
    """How the review is written to stdout."""

    text = "text"
    json = "json"
    github = "github"


@command(epilog="Examples: memdb lint; memdb lint --all --format github")
def lint(
    all: Annotated[bool, typer.Option("--all", help="Review all files, not only pending ones; no database.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings, too.")] = False,
    chosen: With = None,
    place: Place = Place(),
    trial: Trial = Trial(),
    format: Annotated[ReviewFormat, typer.Option("--format", "-f", help="Format of the review.")] = ReviewFormat.text,
) -> int:
    """Review pending migrations before they run.

    Locks, lost data, rollbacks that do not undo their file, missing names and comments. Exit 1 on errors.
    """
    with place.open(chosen=chosen, trial=trial) as db:
        result = db.lint(all=all)
    report.emit(result, format)
    return 0 if result.ok and not (strict and result.findings) else 1
