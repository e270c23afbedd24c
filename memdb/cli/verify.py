"""memdb verify-schema, verify-models, snapshot."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, SqlDir, Trial, format_option
from memdb.verification.verify import Verification


@command("memdb verify-schema", "memdb verify-schema --format junit > schema.xml")
def verify_schema(
    place: Place = Place(),
    format: Annotated[str, format_option(Verification)] = "text",
) -> int:
    """Prove that the database has the schema.

    Compares it with what the applied migrations create. Exits 1 if they differ. Read-only.
    """
    with place.open() as db:
        result = db.verify()
    output.emit(result, format, address=db.address)
    return 0 if result.ok else 1


@command("memdb verify-models", "memdb verify-models app.models:Base", "memdb verify-models --offline")
def verify_models(
    models: Annotated[
        str, typer.Argument(help="An SQLAlchemy declarative base, as package.module:Base.")
    ] = "memdb.models:Base",
    offline: Annotated[
        bool, typer.Option("--offline", help="Compare with the snapshot only; needs no database.")
    ] = False,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> int:
    """Prove that SQLAlchemy models match the schema.

    Compares them with the database and the snapshot. Exits 1 if they differ. Read-only.
    """
    with place.open() as db:
        result = db.verify_models(models, offline=offline)
    output.emit(result, format)
    return 0 if result.ok else 1


@command("memdb snapshot", "memdb snapshot --check", "memdb snapshot --sql-dir sql")
def snapshot(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if the file is out of date.")] = False,
    sql_dir: SqlDir = None,
    trial: Trial = Trial(),
    format: OutputFormat = "text",
) -> int:
    """Record the expected schema.

    Runs the migrations in temporary databases, and writes the resulting schema to schema.json. verify-schema compares
    databases with that file.
    """
    with Place(sql_dir=sql_dir).open(trial=trial) as db:
        result = db.snapshot(check=check)
    output.emit(result, format)
    return 1 if check and result.stale else 0
