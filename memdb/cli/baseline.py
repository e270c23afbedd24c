"""memdb baseline."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import MigratingPlace, OutputFormat, Wait, With


@command("memdb baseline", "memdb baseline --to 0006")
def baseline(
    to: Annotated[str | None, typer.Option(help="Stop after this migration.", metavar="ID")] = None,
    chosen: With = None,
    wait: Wait = 60,
    place: MigratingPlace = MigratingPlace(),
    format: OutputFormat = "text",
) -> int:
    """Adopt a schema that already exists.

    Marks pending migrations as applied without running them, if the database has exactly the objects that they create.
    """
    with place.open(chosen=chosen) as db:
        result = db.baseline(to, wait_seconds=wait)
        output.emit(result, format, address=db.address)
    return 0 if result.ok else 1
