"""memdb db start, stop, url, reset: the embedded database by hand."""

from typing import Annotated

import typer

from memdb import embedded, output
from memdb.cli.commands import epilog
from memdb.cli.group import BARE
from memdb.cli.options import OutputFormat, confirm

db = typer.Typer(**BARE, no_args_is_help=True, help="Control the embedded PostgreSQL.")


@db.command(epilog=epilog('psql "$(memdb db start)"'))
def start(format: OutputFormat = "text") -> None:
    """Start the embedded PostgreSQL and print its URL."""
    output.emit(embedded.Address.of(embedded.start(embedded.data_directory())), format)


@db.command(epilog=epilog("memdb db stop"))
def stop(format: OutputFormat = "text") -> None:
    """Stop the embedded PostgreSQL; its data stays."""
    directory = embedded.data_directory()
    output.emit(embedded.Stopped(directory, was_running=embedded.stop(directory)), format)


@db.command(epilog=epilog('psql "$(memdb db url)"'))
def url(format: OutputFormat = "text") -> None:
    """Print the URL of the embedded PostgreSQL, which must be running."""
    output.emit(embedded.Address.of(embedded.expect_running(embedded.data_directory())), format)


@db.command(epilog=epilog("memdb db reset --yes"))
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    format: OutputFormat = "text",
) -> None:
    """Stop the embedded PostgreSQL and delete its data."""
    directory = embedded.data_directory()
    if embedded.holds_data(directory) and not yes:
        confirm(f"This deletes the embedded database in {directory}.")
    output.emit(embedded.Removed(directory, existed=embedded.remove(directory)), format)
