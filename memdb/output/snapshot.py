"""Text for the snapshot."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from memdb.snapshot import Snapshot


@singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines for a result of memdb.snapshot."""
    raise NotImplementedError(type(result))


@render.register
def _(result: Snapshot) -> Iterator[Any]:
    if result.written:
        changed = f"changed: {', '.join(result.stale)}" if result.stale else "nothing changed"
        yield f"Wrote {result.path} for {result.migrations} migrations; {changed}."
    elif result.stale:
        yield f"{result.path} is stale. It is not what these migrations do: {', '.join(result.stale)}."
        yield "Write it anew with: memdb snapshot"
    else:
        yield f"{result.path} is what its {result.migrations} migrations do."
