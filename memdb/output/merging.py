"""Text for duplicates that were merged, or brought back."""

from collections.abc import Iterator
from typing import Any

from memdb.lifecycle.merging import Merging, Unmerging
from memdb.output.duplicates import tiers
from memdb.output.rendering import render
from memdb.words import count


@render.register
def _(merging: Merging) -> Iterator[Any]:
    merged = count(sum(merging.merged.values()), "memory")
    took = f", in {count(merging.batches, 'transaction')} and {merging.seconds:.1f} s" if merging.batches else ""
    yield f"Merged {merged} into {merging.kept:,}{took}{tiers(merging.merged)}"
    if merging.changed:
        yield f"{count(merging.changed, 'group')} left as they are: a memory of theirs has changed since it was shown."
    if merging.batches:
        yield "What was merged is in the archive. To bring it back: memdb duplicates --undo, and the one that was kept."


@render.register
def _(unmerging: Unmerging) -> Iterator[Any]:
    yield f"{count(len(unmerging.restored), 'memory')} brought back, which had been merged into {unmerging.memory_id}."
