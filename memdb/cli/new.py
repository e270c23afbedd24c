"""memdb new."""

from pathlib import Path
from typing import Annotated

import typer

from memdb import output, project, settings
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, SqlDir


@command("memdb new add_importance", "memdb new --index 'memories (user_id, created_at)'")
def new(
    name: Annotated[str | None, typer.Argument(help="What the migration does.", metavar="NAME")] = None,
    index: Annotated[
        str | None,
        typer.Option(
            help="Build this index while the table stays writable. Give what follows ON in CREATE INDEX.",
            metavar="'TABLE (COLUMN, …)'",
        ),
    ] = None,
    from_benchmark: Annotated[
        Path | None,
        typer.Option(
            help="Write the migrations that this .json report by benchmark-similarity recommends.", metavar="FILE"
        ),
    ] = None,
    set_name: Annotated[
        str | None,
        typer.Option("--set", help="The set to add it to. Else app, or core where that is not.", metavar="SET"),
    ] = None,
    sql_dir: SqlDir = None,
    format: OutputFormat = "text",
) -> None:
    """Write the next migration and its rollback.

    Fill in both files. With --index or --from-benchmark they are complete.
    """
    directory = settings.load(sql_dir=sql_dir).own_sql_dir
    if from_benchmark is not None:
        output.emit(project.recommended(directory, from_benchmark, set_name=set_name), format)
    else:
        output.emit(project.new(directory, name, index=index, set_name=set_name), format)
