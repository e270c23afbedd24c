"""memdb init, upgrade."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar, cast

import typer

from memdb import output, project, settings, words
from memdb.cli import progress
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, Trial
from memdb.door import Database
from memdb.errors import ConnectionFailed, DatabaseError, UsageError
from memdb.project import Found, Wanted
from memdb.shape import DEFAULT, USER_TYPES, Shape
from memdb.shape import dimensions as checked_dimensions
from memdb.shape import embedding_type as checked_embedding_type
from memdb.shape import user_type as checked_user_type

T = TypeVar("T")

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
    project.expect_free(directory)
    wanted = Wanted(users, user_id, dimensions, embedding_type)
    with place.open() as db:
        found = _look(db, wanted, is_given=place.database_url is not None)
        is_asked = wanted.is_open and sys.stdin.isatty() and sys.stderr.isatty()
        shape = _asked(db, found) if is_asked else project.choose(wanted, found.shape if found else None)
        tried = trial.options(directory)
        output.say("Writing memdb's SQL …")
        with progress.recording() as on_start:
            made = project.init(directory, shape, schema=place.schema, trial=tried, on_start=on_start)
    output.emit(made, format)


def _look(db: Database, wanted: Wanted, *, is_given: bool) -> Found | None:
    """What the database says, which the person is told. None where there is none, or none that can be reached."""
    if db.is_embedded:
        return None
    try:
        with db.connected("init") as connection:
            found = project.look(connection, wanted)
    except (ConnectionFailed, DatabaseError) as error:
        if is_given:
            raise
        output.say(f"Your database was not searched for users: {error.message.splitlines()[0].rstrip('.')}.")
        return None
    for note in found.notes:
        output.say(note)
    return found


def _asked(db: Database, found: Found | None) -> Shape:
    """What the person at the terminal answers, with the defaults first; asked again where it cannot be."""
    shape = project.choose(Wanted(), found.shape if found else None)
    default = f"{shape.users.table} ({shape.users.key})"

    def named(text: str) -> tuple[Wanted, Found | None]:
        """The table, with what the database says of it."""
        if text == default:
            return Wanted(), found
        wanted = Wanted(text)
        wanted.names  # noqa: B018 -- raises UsageError
        return wanted, _look(db, wanted, is_given=True) if found else None

    wanted, seen = _answer("Table of your users", default, named)
    known = seen.shape if seen else None
    if known is None:
        usual = shape.users if wanted.is_open else DEFAULT.users
        wanted = replace(wanted, user_id=_answer("Type of their ids", usual.key_type, checked_user_type))
    dimensions = _answer("Numbers in an embedding", (known or shape).dimensions, _dimensions)
    wanted = replace(wanted, dimensions=dimensions)
    chosen = project.choose(wanted, known).embedding_type
    return project.choose(
        replace(wanted, embedding_type=_answer("Type of embeddings (vector, halfvec)", chosen, checked_embedding_type)),
        known,
    )


def _dimensions(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"{text!r} is not a number")
    return checked_dimensions(int(text))


def _answer(question: str, default: object, read: Callable[[str], T]) -> T:
    """What the answer means, once it can be read."""

    def checked(text: str) -> T:
        try:
            return read(text.strip())
        except UsageError as error:
            raise typer.BadParameter(words.printable(f"{error.message}. {error.hint or ''}".strip())) from None

    return cast("T", typer.prompt(question, default=str(default), value_proc=checked, err=True))


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
    sql_dir = settings.load(directory=directory).own_sql_dir
    with progress.recording() as on_start:
        added = project.upgrade(sql_dir, trial=trial.options(directory), dry_run=dry_run, on_start=on_start)
    output.emit(added, format)
