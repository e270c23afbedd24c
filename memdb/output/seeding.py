"""Text for what was loaded and what was removed."""

from collections.abc import Iterator
from typing import Any

from memdb.output.rendering import render
from memdb.seeding.hooks import Outgrown, Upkeep
from memdb.seeding.resetting import Reset
from memdb.seeding.seed import Seeding
from memdb.words import argument, count, listed


@render.register
def _(seeding: Seeding) -> Iterator[Any]:
    tiers = ", ".join(f"{number:,} {tier}" for tier, number in seeding.by_tier.items())
    origin = f"random seed {seeding.random_seed}" if seeding.source == "synthetic" else f"from {seeding.source}"
    yield f"Loaded {count(seeding.memories, 'memory')} of {count(seeding.users, 'user')}: {tiers} ({origin})."
    yield f"{count(seeding.users_created, 'user')} created."
    if seeding.already_there:
        yield f"{_were(seeding.already_there)} already there, with the same ids, and not changed."
    own = [(seeding.memories_with_own_ids, "memory"), (seeding.users_with_own_ids, "user")]
    if told := listed([count(number, noun) for number, noun in own if number]):
        yield f"{told} came with ids of their own, like those of an application: memdb seed --reset will keep them."
    indexes = (
        f", and {seeding.index_seconds:.1f} s to build the vector indexes" if seeding.index_seconds >= 0.05 else ""
    )
    if seeding.successor is not None:
        embed = f"memdb embed --model {argument(seeding.successor)}"
        yield f"{seeding.successor} has taken over, and does not find them before it has embedded them: {embed}"
    yield f"Took {seeding.load_seconds:.1f} s, {seeding.rows_per_second:,.0f} rows/s{indexes}."


def _were(memories: int) -> str:
    return f"{count(memories, 'memory')} {'was' if memories == 1 else 'were'}"


@render.register
def _(upkeep: Upkeep) -> Iterator[Any]:
    indexes, each = listed(upkeep.indexes), f"about {upkeep.rows_per_second:,.0f} rows a second"
    told = f", or {_time(upkeep.seconds)} for {count(upkeep.rows, 'row')}" if upkeep.rows and upkeep.seconds else ""
    yield f"Each row is added to {indexes} as it is loaded, which is slow: {each}{told}."
    if upkeep.rebuild_seconds is not None and (upkeep.seconds is None or upkeep.rebuild_seconds < upkeep.seconds):
        afterwards = f"in about {_time(upkeep.rebuild_seconds)}, including the rows that are there already"
        yield f"With --rebuild-indexes, they are built once, {afterwards}; nobody else can use memories meanwhile."


@render.register
def _(outgrown: Outgrown) -> Iterator[Any]:
    yield (
        f"The graph of {outgrown.index} outgrows maintenance_work_mem ({outgrown.memory} MB): the build goes on, but "
        f"slowly. It would fit with PGOPTIONS='-c maintenance_work_mem={outgrown.needed}MB'."
    )


def _time(seconds: float) -> str:
    return count(max(1, round(seconds)), "second") if seconds < 120 else count(round(seconds / 60), "minute")


@render.register
def _(reset: Reset) -> Iterator[Any]:
    yield f"Removed {count(reset.memories, 'seeded memory')} and {count(reset.users, 'user')} made for them."
    if reset.memories_kept:
        yield f"Kept {count(reset.memories_kept, 'seeded memory')}: rows of other tables refer to them."
    if reset.users_kept:
        yield f"Kept {count(reset.users_kept, 'seeded user')}: other rows refer to them, or they have been filled in."
    yield from reset.notes
