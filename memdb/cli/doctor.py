"""memdb doctor, inspect."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, format_option
from memdb.doctor.findings import Report


@command("memdb doctor", "memdb doctor --format github")
def doctor(
    place: Place = Place(),
    format: Annotated[str, format_option(Report)] = "text",
) -> int:
    """Show what is wrong, why, and what mends it.

    Looks at versions, schema, access, indexes, upkeep, memories (a sample) and settings. Exits 1 if something is an
    error. Read-only, and fast also on large databases.
    """
    with place.open() as db:
        result = db.doctor()
    output.emit(result, format, address=db.address)
    return 0 if result.ok else 1


@command("memdb inspect", "memdb inspect --show-content")
def inspect(
    show_content: Annotated[
        bool, typer.Option("--show-content", help="Show a few memories, shortened: what people said, on your screen.")
    ] = False,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Show how many memories there are, and whose.

    Large tables are estimated, and the result says so. Read-only.
    """
    with place.open() as db:
        result = db.inspect(show_content=show_content)
    output.emit(result, format, address=db.address)
