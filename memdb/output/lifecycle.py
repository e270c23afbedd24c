"""Text for what was pruned."""

from collections.abc import Iterator
from typing import Any

from memdb.benchmark.proving import Proof, Searches
from memdb.lifecycle.pruning import Due, Pruning
from memdb.output.folding import Code
from memdb.output.rendering import render
from memdb.words import count, listed, milliseconds


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
    if pruning.proof:
        yield from _proof(pruning.proof)
    yield from _notes(pruning)


def _proof(proof: Proof) -> Iterator[Any]:
    yield f"The same searches by {proof.strategy}, for the nearest {proof.k}:"
    yield f"  before: {_searches(proof.before)}"
    yield f"  after:  {_searches(proof.after)}" if proof.after else "  after:  none, as nothing is left to be found"


def _searches(found: Searches) -> str:
    times = f"p95 {milliseconds(found.p95_ms)}"
    return f"recall {found.recall:.3f}, {times}, {count(found.queries, 'question')}"


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
