"""Text for a baseline."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from memdb.migrations.baseline import Baseline
from memdb.output import verification


@singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result of memdb.baseline."""
    raise NotImplementedError(type(result))


@render.register
def _(result: Baseline) -> Iterator[Any]:
    yield from verification.render(result.verification)
    if not result.ok:
        yield "Nothing was marked: mend the differences first, or stop before them with --to."
    elif result.marked:
        yield f"Marked as applied, without running them: {', '.join(result.marked)}."
    else:
        yield "Nothing to mark: everything is applied."
