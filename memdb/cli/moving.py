"""memdb export and memdb import."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, Wait
from memdb.moving.hooks import Hooks
from memdb.moving.statements import OnConflict
from memdb.output import bars


@command(
    "memdb export memories.jsonl",
    "memdb export ann.jsonl --user 8f0c5a9e-0000-4000-8000-000000000001",
    "memdb export texts.jsonl --without-embeddings --overwrite",
    also="The file holds what people said, and only you may read it. It has a line for each memory, for each of their "
    "collections, and for what optional sets note beside a memory. It is there whole or not at all.",
)
def export(
    file: Annotated[Path, typer.Argument(help="The file to be written.", metavar="FILE")],
    user: Annotated[
        str | None, typer.Option(help="The user whose memories are exported. Default: all.", metavar="ID")
    ] = None,
    without_embeddings: Annotated[
        bool, typer.Option("--without-embeddings", help="Leave out embeddings, which are most of the file.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it exists.")] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Write memories to a file, to take them along.

    From one snapshot, of one user or of all. Read-only.
    """
    with place.open() as db, _hooks("Exporting") as hooks:
        result = db.export(
            file,
            user=user,
            embeddings=not without_embeddings,
            overwrite=overwrite,
            wait_seconds=wait,
            hooks=hooks,
        )
    output.emit(result, format, address=db.address)


@command(
    "memdb import memories.jsonl",
    "memdb import ann.jsonl --on-conflict new-ids --map-users users.json",
    "memdb import memories.jsonl --without-embeddings",
    "memdb import from-mem0.json --user 8f0c5a9e-0000-4000-8000-000000000001",
    also="Files that mem0, Letta or LangGraph's store gave are known by what they hold. "
    "All of it is stored or nothing. Run again, it finds the memories that are there. The table may have another "
    "type of user ids and of embeddings, if these have as many dimensions. A file that was cut off or altered is "
    "refused before anything is stored.",
)
def import_(
    file: Annotated[Path, typer.Argument(help="A file that memdb export wrote, or another system.", metavar="FILE")],
    on_conflict: Annotated[
        OnConflict,
        typer.Option(
            help="What to do with memories whose ids exist: leave those as they are, overwrite them, or give all of "
            "the file new ids, the same each time."
        ),
    ] = "skip",
    map_users: Annotated[
        Path | None,
        typer.Option(
            help="""JSON file that says for each user of the file who gets their memories: {"old id": "new id"}.""",
            metavar="FILE",
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="The user who gets all memories of the file. Default: as it says.", metavar="ID")
    ] = None,
    tier: Annotated[
        Literal["personal", "project", "task"], typer.Option(help="The tier of memories from other systems.")
    ] = "personal",
    without_embeddings: Annotated[
        bool, typer.Option("--without-embeddings", help="Leave out embeddings; those of unchanged texts stay.")
    ] = False,
    allow_forgotten: Annotated[
        bool,
        typer.Option("--allow-forgotten", help="Store memories of users who were forgotten here (memdb forget), too."),
    ] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Store the memories of a file that was exported."""
    with place.open() as db, _hooks("Importing") as hooks:
        result = db.import_(
            file,
            on_conflict=on_conflict,
            map_users=map_users,
            user=user,
            tier=tier,
            embeddings=not without_embeddings,
            allow_forgotten=allow_forgotten,
            wait_seconds=wait,
            hooks=hooks,
        )
    output.emit(result, format, address=db.address)


@contextmanager
def _hooks(label: str) -> Iterator[Hooks]:
    with bars.Progress(label, None) as bar:
        yield Hooks(on_start=bar.expect, on_progress=bar.advance)
