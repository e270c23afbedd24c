"""Text for a baseline."""

from collections.abc import Iterator
from typing import Any

from memdb.migrations.baseline import Baseline
from memdb.output.rendering import render


@render.register
def _(result: Baseline) -> Iterator[Any]:
    """What was verified, and what was marked."""
    yield from render(result.verification)
    if not result.ok:
        yield "Nothing was marked: fix the differences first, or stop before them with --to."
    elif result.marked:
        yield f"Marked as applied, without running them: {', '.join(result.marked)}."
    else:
        yield "Nothing to mark: everything is applied."
