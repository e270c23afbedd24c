"""Text for duplicates that were found."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from memdb.lifecycle.duplicates import Calibration, Duplicates, Group
from memdb.output.rendering import render
from memdb.output.rows import Rows
from memdb.output.streams import styled
from memdb.words import count

if TYPE_CHECKING:
    import rich.text

_TOLD = 3


@render.register
def _(found: Duplicates) -> Iterator[Any]:
    """Two lines for each memory: what becomes of it, tier, when it was made, id and distance; its text below."""
    for group in found.shown:
        yield Rows(list(_lines(group)))
        yield ""
    if len(found.shown) < found.groups:
        yield f"Shown are {len(found.shown):,} of {count(found.groups, 'group')}: --limit shows more."
    kind = "nearly the same" if found.near else "the same"
    more = sum(found.superfluous.values())
    yield f"{count(found.groups, 'group')} that say {kind}: {count(more, 'memory')} more than needed" + tiers(
        found.superfluous
    )
    yield from map(_calibrated, found.calibrations[:_TOLD])
    if (others := len(found.calibrations) - _TOLD) > 0:
        yield f"And so for {count(others, 'other user')}: --format json tells each."


def _lines(group: Group) -> "Iterator[rich.text.Text]":
    yield styled((f"User {group.user}", "bold"))
    for place, member in enumerate(group.members):
        fate = "merge" if place else "keep"
        distance = "" if member.distance is None else f"  {member.distance:.3f}"
        facts = f"{fate:<5}  {member.memory_type:<8}  {member.created_at:%Y-%m-%d}  {member.id}{distance}"
        yield styled((facts, "cyan"))
        yield styled(f"  {' '.join(member.content.split())}")


def _calibrated(told: Calibration) -> str:
    if told.max_distance is None:
        return (
            f"User {told.user} has too few memories with embeddings to tell what is near ({told.memories:,}; it takes "
            "20): give --max-distance."
        )
    same = "" if told.same_text is None else f", embeddings of one text up to {told.same_text:.3f}"
    return (
        f"Near is up to {told.max_distance:.3f} for user {told.user}: memories are usually {told.random:.3f} apart, "
        f"three quarters of them at most {told.neighbour:.3f} from the nearest{same}."
    )


def tiers(found: Mapping[str, int]) -> str:
    """`: 12 task, 3 project.`"""
    parts = [f"{memories:,} {tier}" for tier, memories in found.items()]
    return f": {', '.join(parts)}." if parts else "."
