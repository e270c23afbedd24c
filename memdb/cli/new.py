"""memdb new."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from memdb import output, project, settings
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, SqlDir
from memdb.errors import UsageError


@dataclass(frozen=True, slots=True)
class Models:
    """Another model that takes over: its stages."""

    change_model: Annotated[
        str | None, typer.Option(help="Keep embeddings of this model beside those that serve.", metavar="NAME")
    ] = None
    dimensions: Annotated[
        int | None, typer.Option(min=1, max=16_000, help="How many numbers that model gives.", metavar="N")
    ] = None
    embedding_type: Annotated[
        str | None,
        typer.Option(help="vector or halfvec. Default: vector up to 2,000 dimensions.", metavar="TYPE"),
    ] = None
    switch_model: Annotated[str | None, typer.Option(help="Have searches answered by this model.", metavar="NAME")] = (
        None
    )
    retire_model_before: Annotated[
        str | None, typer.Option(help="End the service of the model before this one.", metavar="NAME")
    ] = None

    def written(self, directory: Path, set_name: str | None) -> project.NewMigrations | None:
        """What was asked for. Raises UsageError for half of it."""
        if self.change_model is not None:
            if self.dimensions is None:
                raise UsageError("it is not said how many numbers the model gives", hint="Give it: --dimensions 1024")
            return project.begin(directory, self.change_model, self.dimensions, self.embedding_type, set_name=set_name)
        if self.switch_model is not None:
            return project.switch(directory, self.switch_model, set_name=set_name)
        if self.retire_model_before is not None:
            return project.retire(directory, self.retire_model_before, set_name=set_name)
        return None


@command(
    "memdb new add_importance",
    "memdb new --index 'memories (user_id, created_at)'",
    "memdb new --change-model text-embedding-3-large --dimensions 3072",
    "memdb new --switch-model text-embedding-3-large",
    "memdb new --retire-model-before text-embedding-3-large",
)
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
    models: Models = Models(),
    sql_dir: SqlDir = None,
    format: OutputFormat = "text",
) -> None:
    """Write the next migration and its rollback.

    Fill in both files. With any other option than --set, they are complete.
    """
    directory = settings.load(sql_dir=sql_dir).own_sql_dir
    stage = models.written(directory, set_name)
    if stage is not None:
        output.emit(stage, format)
    elif from_benchmark is not None:
        output.emit(project.recommended(directory, from_benchmark, set_name=set_name), format)
    else:
        output.emit(project.new(directory, name, index=index, set_name=set_name), format)
