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
        int | None, typer.Option(min=1, max=MOST, help="Users to generate; 20 by default.", metavar="N")
    ] = None
    memories: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Memories to load; by default 10,000, or the whole file.", metavar="N"),
    ] = None
    tiers: Annotated[str, typer.Option(help="Proportions of personal, project and task memories.", metavar="P,P,P")] = (
        "30,30,40"
    )
    random_seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**63 - 1,
            help="The same number gives the same rows; 1 by default, or with --append the next unused one.",
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
    "memdb seed",
    "memdb seed --users 500 --memories 100000 --tiers 20,20,60",
    "memdb seed --from embeddings.npz --append",
    "memdb seed --reset",
    also="A file has embedding (as many numbers as the column), user and content for each memory. It may also have "
    "memory_type, metadata (a JSON object), created_at, accessed_at (ISO 8601, with the time zone) and id. If a user "
    "is not an id of the type that users have, memdb derives one from the name, always the same. --reset leaves rows "
    "whose id came from the file: they are your application's.",
)
def seed(
    what: Rows = Rows(),
    append: Annotated[
        bool,
        typer.Option(
            "--append", help="Add to the memories in the table; rows whose ids exist already stay as they are."
        ),
    ] = False,
    rebuild_indexes: Annotated[
        bool,
        typer.Option(
            "--rebuild-indexes",
            help="Drop vector indexes and rebuild them after the rows are in; nobody else can use memories until then.",
        ),
    ] = False,
    add_users: Annotated[
        bool,
        typer.Option("--add-users", help="Add missing users to your application's own table of users, too."),
    ] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Remove what was seeded and nothing else; load nothing.")
    ] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Load realistic memories, or remove them.

    They are generated, or come from a file. Either all are loaded or none.
    """
    if reset and (append or rebuild_indexes or add_users or what.file or what.users or what.memories):
        raise UsageError("--reset loads nothing", hint="Run --reset alone first, then load with another memdb seed.")
    source = None if reset else what.source(append=append)
    with place.open() as db:
        if source is None:
            output.emit(db.unseed(wait_seconds=wait), format, address=db.address)
            return
        with _hooks(source.total) as hooks:
            result = db.seed(
                source,
                append=append,
                rebuild_indexes=rebuild_indexes,
                add_users=add_users,
                wait_seconds=wait,
                hooks=hooks,
            )
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
            f"--tiers {tiers} is not three proportions", hint="Give personal, project and task, such as 30,30,40."
        ) from None
    return personal, project, task
