"""memdb seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import MOST, OutputFormat, Place, Wait
from memdb.errors import UsageError
from memdb.output import bars
from memdb.seeding import choosing
from memdb.seeding.hooks import Hooks
from memdb.seeding.memories import Further
from memdb.seeding.source import Source


@dataclass(frozen=True, slots=True)
class Rows:
    """What is loaded: rows that are made up, or those of a file."""

    users: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Users to make up; 20 by default.", metavar="N")
    ] = None
    memories: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Memories to load; 10,000 by default, or all of the file.", metavar="N"),
    ] = None
    tiers: Annotated[str, typer.Option(help="Proportions of personal, project and task memories.", metavar="P,P,P")] = (
        "30,30,40"
    )
    random_seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**63 - 1,
            help="The same number gives the same rows; 1 by default, with --append the next that is not there.",
            metavar="N",
        ),
    ] = None
    file: Annotated[
        Path | None, typer.Option("--from", help="Load this .npz, .jsonl or .parquet file.", metavar="FILE")
    ] = None

    def source(self, *, append: bool) -> Source | Further:
        tiers = _weights(self.tiers)
        return choosing.source(self.file, self.users, self.memories, tiers, self.random_seed, append=append)


@command(
    epilog="Examples: memdb seed; memdb seed --users 500 --memories 100000 --tiers 20,20,60; "
    "memdb seed --from embeddings.npz --append; memdb seed --reset. "
    "A file has embedding (1536 numbers), user and content for each memory, and may have memory_type, metadata "
    "(a JSON object), created_at, accessed_at (ISO 8601, with the zone) and id. A user that is no uuid gets one "
    "from its name, always the same. Rows with ids of their own are an application's: --reset leaves them."
)
def seed(
    what: Rows = Rows(),
    append: Annotated[
        bool, typer.Option("--append", help="Add to the memories that are there; those with the same ids stay.")
    ] = False,
    rebuild_indexes: Annotated[
        bool,
        typer.Option(
            "--rebuild-indexes",
            help="Drop vector indexes, and build them when the rows are in; nobody else can use memories until then.",
        ),
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Remove what was seeded, nothing else; load nothing.")] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Load realistic memories, or remove them.

    Made up, or from a file: all of them, or none.
    """
    if reset and (append or rebuild_indexes or what.file or what.users or what.memories):
        raise UsageError("--reset loads nothing", hint="Reset first, then load with another memdb seed.")
    source = None if reset else what.source(append=append)
    with place.open() as db:
        if source is None:
            output.emit(db.unseed(wait_seconds=wait), format, address=db.address)
            return
        with _hooks(source.total) as hooks:
            result = db.seed(source, append=append, rebuild_indexes=rebuild_indexes, wait_seconds=wait, hooks=hooks)
        output.emit(result, format, address=db.address)


@contextmanager
def _hooks(total: int | None) -> Iterator[Hooks]:
    """What the person at the terminal hears meanwhile: one bar at a time, and lines."""
    with bars.Progress("Loading", total) as bar, bars.BuildProgress() as build:

        def begin(what: str) -> None:
            bar.clear()
            build.clear()
            output.say(f"{what} …")

        yield Hooks(
            on_progress=bar.advance,
            on_upkeep=lambda upkeep: output.emit(upkeep, "text", to_stderr=True),
            on_index=lambda name: begin(f"Building {name}"),
            on_build=lambda done: build.show("Building", done),
            on_outgrown=lambda outgrown: output.emit(outgrown, "text", to_stderr=True),
            on_vacuum=lambda: begin("Vacuuming memories"),
            on_wait=lambda whom: output.say(f"Waiting for {whom}"),
        )


def _weights(tiers: str) -> tuple[float, float, float]:
    try:
        personal, project, task = (float(part) for part in tiers.split(","))
    except ValueError:
        raise UsageError(
            f"--tiers {tiers} is not three proportions", hint="For example 30,30,40: personal, project, task."
        ) from None
    return personal, project, task
