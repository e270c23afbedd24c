"""memdb lint."""

from enum import StrEnum
from typing import Annotated

import typer

from memdb.cli.commands import command
from memdb.cli.options import Place, Trial, With, session


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
    from memdb import settings
    from memdb.ledger import sqlfiles
    from memdb.linting import lint as review
    from memdb.output import linting as report

    if all:
        sets = sqlfiles.read_sets(settings.load(sql_dir=place.sql_dir).sql_dir)
        migrations = list(sets.migrations)
    else:
        with session("lint", place, chosen=chosen) as open:
            sets = open.sets
            migrations = review.pending(open.connection, sets, open.settings.sets)
    result = review.lint(sets, migrations, options=trial.options())
    report.emit(result, format)
    return 0 if result.ok and not (strict and result.findings) else 1
