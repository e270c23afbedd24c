"""memdb forget."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, Wait, confirm


@command(
    "memdb forget --user 8f0c5a9e-0000-4000-8000-000000000001 --dry-run",
    "memdb forget --user 8f0c5a9e-0000-4000-8000-000000000001",
    "memdb forget --user 8f0c5a9e-0000-4000-8000-000000000001 --and-user --yes",
    also="All of it happens in one transaction, or nothing does. Tables are found in the catalog, in every schema, by "
    "their foreign keys. With the set erasure, no import brings the user back: memdb migrate --with erasure.",
)
def forget(
    user: Annotated[str, typer.Option(help="The user who is forgotten.", metavar="ID")],
    and_user: Annotated[
        bool,
        typer.Option(
            "--and-user",
            help="Delete their row in the table of users, too, with all that your application lets go with it.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Delete all that is one user's, and prove it.

    That are their memories and collections, and what all other tables hold of these. The user stays in your
    application's table.
    """
    with place.open() as db:
        if not (dry_run or yes):
            found = db.forget(user, and_user=and_user, dry_run=True, wait_seconds=wait)
            output.emit(found, "text", address=db.address, to_stderr=True)
            confirm("This deletes it for good.")
        result = db.forget(user, and_user=and_user, dry_run=dry_run, wait_seconds=wait)
        output.emit(result, format, address=db.address)
