"""memdb init, upgrade."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from memdb import output, project, settings
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, Trial
from memdb.door import Database
from memdb.errors import DatabaseError
from memdb.project import Wanted
from memdb.shape import USER_TYPES, Shape

Directory = Annotated[Path, typer.Argument(help="Directory of your project.", metavar="DIR")]


@command(
    "memdb init .",
    "memdb init . --users auth.users --dimensions 768",
    "memdb init . --users 'accounts (account_id)' --user-id bigint",
)
def init(
    directory: Directory,
    users: Annotated[
        str | None,
        typer.Option(
            help="Table to whose rows memories belong, and its key if that is not its primary key. Default: the one "
            "in the database, or users, which memdb creates if it is missing.",
            metavar="'TABLE (COLUMN)'",
        ),
    ] = None,
    user_id: Annotated[
        str | None,
        typer.Option(
            help=f"Type of users' ids: {', '.join(USER_TYPES)}. Default: that of the database.", metavar="TYPE"
        ),
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(help="Numbers in an embedding; 1536 by default.", metavar="N")
    ] = None,
    embedding_type: Annotated[
        str | None,
        typer.Option(help="vector, or halfvec with half the bytes; vector by default up to 2,000 dimensions."),
    ] = None,
    place: Place = Place(),
    trial: Trial = Trial(),
    format: OutputFormat = "text",
) -> None:
    """Write memdb's SQL into your project.

    For your users and your embeddings. You can then change and extend it. memdb.toml tells all commands to use it.
    """
    wanted = Wanted(users, user_id, dimensions, embedding_type)
    with place.open(trial=trial) as db:
        shape = project.choose(wanted, _found(db, wanted, is_given=place.database_url is not None))
        if wanted == Wanted() and sys.stdin.isatty():
            shape = project.choose(_asked(shape), shape)
        output.emit(project.init(directory, shape, trial=db.trial), format)


def _found(db: Database, wanted: Wanted, *, is_given: bool) -> Shape | None:
    """What the database says, where there is one."""
    if db.is_embedded:
        return None
    try:
        with db.connected("init") as connection:
            return project.shape_in(connection, wanted.table)
    except DatabaseError as error:
        if is_given:
            raise
        output.say(f"Your database was not searched for users: {error.message}.")
        return None


def _asked(shape: Shape) -> Wanted:
    """The answers of the person at the terminal, with the defaults first."""
    users = f"{shape.users.table} ({shape.users.key})"
    table = typer.prompt("Table of your users", default=users, err=True)
    key_type = typer.prompt("Type of their ids", default=shape.users.key_type, err=True)
    dimensions = typer.prompt("Numbers in an embedding", default=shape.dimensions, type=int, err=True)
    chosen = project.choose(Wanted(dimensions=dimensions), shape).embedding_type
    embedding_type = typer.prompt("Type of embeddings (vector, halfvec)", default=chosen, err=True)
    return Wanted(None if table == users else table, key_type, dimensions, embedding_type)


@command("memdb upgrade .", "memdb upgrade . --dry-run")
def upgrade(
    directory: Directory = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be added, and write nothing.")] = False,
    trial: Trial = Trial(),
    format: OutputFormat = "text",
) -> None:
    """Add what this memdb ships to your project.

    Adds new migrations and sets, for your users and embeddings. Of the existing files, only the snapshot changes.
    """
    sql_dir = settings.load(directory=directory).sql_dir
    with Place(sql_dir=sql_dir).open(trial=trial) as db:
        output.emit(project.upgrade(sql_dir, trial=db.trial, dry_run=dry_run), format)
