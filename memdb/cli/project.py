"""memdb init, new."""

from pathlib import Path
from typing import Annotated

import typer

from memdb import output
from memdb.cli.options import Format, OutputFormat, SqlDir


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(epilog="Examples: memdb init .; memdb init services/memory")(init)
    app.command(epilog="Examples: memdb new add_importance; memdb new --set tenancy create_tenants")(new)


def init(
    directory: Annotated[Path, typer.Argument(help="Directory of your project.", metavar="DIR")],
    format: OutputFormat = Format.text,
) -> None:
    """Copy memdb's SQL files into your project, to own and to extend."""
    from memdb import project

    output.emit(project.init(directory), format)


def new(
    name: Annotated[str, typer.Argument(help="What the migration does.", metavar="NAME")],
    set_name: Annotated[str, typer.Option("--set", help="The set to add it to.", metavar="SET")] = "core",
    sql_dir: SqlDir = None,
    format: OutputFormat = Format.text,
) -> None:
    """Write the next numbered migration and its rollback, to be filled in."""
    from memdb import project, settings, sqlfiles

    directory = settings.load(sql_dir=sql_dir).sql_dir or sqlfiles.shipped_directory()
    output.emit(project.new(directory, name, set_name=set_name), format)
