"""Text for what was loaded and what was removed."""

from collections.abc import Iterator
from typing import Any

from memdb.output.rendering import render
from memdb.seeding.resetting import Reset
from memdb.seeding.seed import Seeding
from memdb.words import count, listed


@render.register
def _(seeding: Seeding) -> Iterator[Any]:
    tiers = ", ".join(f"{number:,} {tier}" for tier, number in seeding.by_tier.items())
    origin = f"random seed {seeding.random_seed}" if seeding.source == "synthetic" else f"from {seeding.source}"
    yield f"Loaded {count(seeding.memories, 'memory')} of {count(seeding.users, 'user')}: {tiers} ({origin})."
    yield f"{count(seeding.users_created, 'user')} created."
    if seeding.already_there:
        yield f"{_were(seeding.already_there)} there already, by their ids: nothing about them was changed."
    own = [(seeding.memories_with_own_ids, "memory"), (seeding.users_with_own_ids, "user")]
    if told := listed([count(number, noun) for number, noun in own if number]):
        yield f"{told} came with ids of their own, as an application's do: memdb seed --reset will leave them."
    indexes = (
        f", and {seeding.index_seconds:.1f} s to build the vector indexes" if seeding.index_seconds >= 0.05 else ""
    )
    yield f"Took {seeding.load_seconds:.1f} s, {seeding.rows_per_second:,.0f} rows/s{indexes}."


def _were(memories: int) -> str:
    return f"{count(memories, 'memory')} {'was' if memories == 1 else 'were'}"


@render.register
def _(reset: Reset) -> Iterator[Any]:
    yield f"Removed {count(reset.memories, 'seeded memory')} and {count(reset.users, 'user')} made for them."
    if reset.memories_kept:
        yield f"Kept {count(reset.memories_kept, 'seeded memory')}: rows of other tables refer to them."
    if reset.users_kept:
        yield f"Kept {count(reset.users_kept, 'seeded user')}: other rows refer to them, or they have been filled in."
    yield from reset.notes
