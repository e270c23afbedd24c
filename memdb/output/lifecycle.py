"""Text for what was pruned."""

from collections.abc import Iterator
from typing import Any

from memdb.lifecycle.pruning import Due, Pruning
from memdb.output.folding import Code
from memdb.output.rendering import render
from memdb.words import count, listed


@render.register
def _(pruning: Pruning) -> Iterator[Any]:
    if pruning.dry_run:
        yield f"{_sum(pruning.left)} due{_parts(pruning.left)}"
    else:
        in_batches = (
            f", in {count(pruning.batches, 'transaction')} and {pruning.seconds:.1f} s" if pruning.batches else ""
        )
        yield f"Deleted {_sum(pruning.deleted)}{in_batches}{_parts(pruning.deleted)}"
        if pruning.left:
            yield f"{_sum(pruning.left)} due, and left{_parts(pruning.left)}"
    yield from _notes(pruning)


def _sum(found: tuple[Due, ...]) -> str:
    return count(sum(due.memories for due in found), "memory")


def _parts(found: tuple[Due, ...]) -> str:
    """`: 12 task (idle), 3 project (expired).`"""
    parts = [f"{due.memories:,} {due.tier} ({due.rule})" for due in found]
    return f": {', '.join(parts)}." if parts else "."


def _notes(pruning: Pruning) -> Iterator[Any]:
    if pruning.refused:
        yield (
            f"No {listed(pruning.refused)} memory counts as idle, whatever the rules say: no recall was ever noted, so "
            "this would delete by age. Note recalls: docs/retention.md says how."
        )
    if pruning.to_review:
        yield f"{count(pruning.to_review, 'memory')} to be reviewed: memory_retention.review_at has passed."
    if pruning.upkeep:
        yield "So many were deleted that searches are slower until this has been done:"
        yield from map(Code, pruning.upkeep)
