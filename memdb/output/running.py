"""Text for runs."""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

from memdb.migrations import Run

_SHOWN_NOTICES = 10


@singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result of memdb.migrations.running."""
    raise NotImplementedError(type(result))


@render.register
def _(run: Run) -> Iterator[Any]:
    verb = "Applied" if run.direction == "migrate" else "Rolled back"
    for step in run.steps:
        yield f"{verb} {step.id}  ({step.duration_ms:,.0f} ms)"
        yield from _first(step.notices)
    if run.steps:
        yield f"{verb} {count(len(run.steps), 'migration')}; {run.applied} applied in all."
    elif run.direction == "migrate":
        yield f"Nothing to do: all {count(run.applied, 'migration')} applied."
    else:
        yield "Nothing to do: no migration is applied."


def _first(notices: Sequence[str]) -> Iterator[str]:
    """A thousand of them would hide the result."""
    yield from (f"  {notice}" for notice in notices[:_SHOWN_NOTICES])
    if (more := len(notices) - _SHOWN_NOTICES) > 0:
        yield f"  … and {count(more, 'notice')} more (--format json has all)"


def count(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`"""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
