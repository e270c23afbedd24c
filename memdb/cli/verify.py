"""memdb verify-schema, verify-models, snapshot."""

from contextlib import nullcontext
from enum import StrEnum
from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import Format, OutputFormat, Place, SqlDir, Trial, session


class ReportFormat(StrEnum):
    """How the report is written to stdout."""

    text = "text"
    json = "json"
    junit = "junit"
    github = "github"


@command(epilog="Examples: memdb verify-schema; memdb verify-schema --format junit > schema.xml")
def verify_schema(
    place: Place = Place(),
    format: Annotated[ReportFormat, typer.Option("--format", "-f", help="Format of the report.")] = ReportFormat.text,
) -> int:
    """Prove that the database has the schema.

    Compares it with what the applied migrations make. Exit 1 when it differs. Reads only.
    """
    with session("verify-schema", place) as open:
        from memdb.output import verification as report
        from memdb.verification import snapshot, verify

        result = verify.verify(open.connection, open.sets, snapshot.read(open.settings.sql_dir))
    report.emit(result, format, address=open.address)
    return 0 if result.ok else 1


@command(epilog="Examples: memdb verify-models; memdb verify-models app.models:Base; memdb verify-models --offline")
def verify_models(
    models: Annotated[
        str, typer.Argument(help="A declarative base of SQLAlchemy, as package.module:Base.")
    ] = "memdb.models:Base",
    offline: Annotated[
        bool, typer.Option("--offline", help="Compare with the snapshot only; no database is needed.")
    ] = False,
    place: Place = Place(),
    format: OutputFormat = Format.text,
) -> int:
    """Prove that SQLAlchemy models fit the schema.

    Compares them with the database and the snapshot. Exit 1 when they differ. Reads only.
    """
    from memdb import settings
    from memdb.ledger import sqlfiles
    from memdb.verification import drift, snapshot

    directory = settings.load(sql_dir=place.sql_dir).sql_dir
    with nullcontext() if offline else session("verify-models", place) as open:
        connection = open.connection if open else None
        result = drift.verify_models(models, sqlfiles.read_sets(directory), snapshot.read(directory), connection)
    output.emit(result, format)
    return 0 if result.ok else 1


@command(epilog="Examples: memdb snapshot; memdb snapshot --check; memdb snapshot --sql-dir sql")
def snapshot(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when the file is stale.")] = False,
    sql_dir: SqlDir = None,
    trial: Trial = Trial(),
    format: OutputFormat = Format.text,
) -> int:
    """Write down the schema that is expected.

    Into schema.json, with which verify-schema compares, from fresh temporary databases.
    """
    from memdb import project, recording, settings
    from memdb.ledger import sqlfiles
    from memdb.verification import snapshot

    directory = settings.load(sql_dir=sql_dir).sql_dir
    if not check:
        project.require_own(directory)
    patches = recording.record(
        sqlfiles.read_sets(directory),
        options=trial.options(),
        on_start=lambda migration: output.say(f"Applying {migration.id} …"),
    )
    result = snapshot.check(directory, patches) if check else snapshot.write(directory, patches)
    output.emit(result, format)
    return 1 if check and result.stale else 0
