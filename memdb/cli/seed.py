"""memdb seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import MOST, Format, OutputFormat, Place, Wait, session
from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.seeding.hooks import Hooks
    from memdb.seeding.memories import Further
    from memdb.seeding.source import Source

_USERS, _MEMORIES, _RANDOM_SEED = 20, 10_000, 1


@dataclass(frozen=True, slots=True)
class Rows:
    """What is loaded: rows that are made up, or those of a file."""

    users: Annotated[
        int | None, typer.Option(min=1, max=MOST, help=f"Users to make up; {_USERS} by default.", metavar="N")
    ] = None
    memories: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST, help=f"Memories to load; {_MEMORIES:,} by default, or all of the file.", metavar="N"
        ),
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

    def source(self, *, append: bool) -> "Source | Further":
        from memdb.seeding.files import FileSource
        from memdb.seeding.memories import Further, Synthetic

        weights = _weights(self.tiers)
        random_seed = _RANDOM_SEED if self.random_seed is None else self.random_seed
        if self.file is not None:
            if self.users is not None:
                raise UsageError("--users and --from exclude each other", hint="The file says whose memories it holds.")
            return FileSource(self.file, random_seed, weights, self.memories)
        memories = self.memories or _MEMORIES
        users = self.users or min(_USERS, memories)
        if users > memories:
            raise UsageError(
                f"{memories} memories are too few for {users} users", hint="Each user has at least one memory."
            )
        if append and self.random_seed is None:
            return Further(users, memories, weights)
        return Synthetic(users, memories, random_seed, weights)


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
    format: OutputFormat = Format.text,
) -> None:
    """Load realistic memories, or remove them.

    Made up, or from a file: all of them, or none.
    """
    if reset and (append or rebuild_indexes or what.file or what.users or what.memories):
        raise UsageError("--reset loads nothing", hint="Reset first, then load with another memdb seed.")
    source = None if reset else what.source(append=append)
    with session("seed", place) as open:
        from memdb.seeding.resetting import reset as remove
        from memdb.seeding.seed import seed as load

        if source is None:
            open.expect_no_dispute()
            open.emit(remove(open.connection, wait_seconds=wait, on_wait=_tell), format)
            return
        with _hooks(source.total) as hooks:
            result = load(
                open.connection, source, append=append, rebuild_indexes=rebuild_indexes, wait_seconds=wait, hooks=hooks
            )
        open.emit(result, format)


@contextmanager
def _hooks(total: int | None) -> Iterator["Hooks"]:
    """What the person at the terminal hears meanwhile: one bar at a time, and lines."""
    from memdb.output import bars
    from memdb.seeding.hooks import Hooks

    with bars.Progress("Loading", total) as bar, bars.BuildProgress() as build:

        def begin(what: str) -> None:
            bar.clear()
            build.clear()
            output.say(f"{what} …")

        yield Hooks(
            on_progress=bar.advance,
            on_upkeep=lambda upkeep: output.emit(upkeep, Format.text, to_stderr=True),
            on_index=lambda name: begin(f"Building {name}"),
            on_build=lambda done: build.show("Building", done),
            on_outgrown=lambda outgrown: output.emit(outgrown, Format.text, to_stderr=True),
            on_vacuum=lambda: begin("Vacuuming memories"),
            on_wait=_tell,
        )


def _tell(whom: str) -> None:
    output.say(f"Waiting for {whom}")


def _weights(tiers: str) -> tuple[float, float, float]:
    try:
        personal, project, task = (float(part) for part in tiers.split(","))
    except ValueError:
        personal = project = task = -1
    weights = (personal, project, task)
    if not all(0 <= weight < float("inf") for weight in weights) or not 0 < sum(weights) < float("inf"):
        raise UsageError(
            f"--tiers {tiers} is not three proportions", hint="For example 30,30,40: personal, project, task."
        )
    return weights
