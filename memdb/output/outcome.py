"""Text for runs."""

from collections.abc import Iterator, Sequence
from typing import Any

from memdb.migrations import Run
from memdb.output.rendering import render
from memdb.words import count, shortened

_SHOWN_NOTICES = 10


@render.register
def _(run: Run) -> Iterator[Any]:
    """What was done, and the first of the server's notices."""
    verb = "Applied" if run.direction == "migrate" else "Rolled back"
    for step in run.steps:
        yield f"{verb} {step.id}  ({step.duration_ms:,.0f} ms)"
        yield from _first(step.notices)
    if run.steps:
        yield f"{verb} {count(len(run.steps), 'migration')}; {run.applied} applied in all."
    else:
        yield f"Nothing to do; {run.applied} applied in all."


def _first(notices: Sequence[str]) -> Iterator[str]:
    """A thousand of them would hide the result, and so would a long one."""
    yield from (f"  {shortened(notice)}" for notice in notices[:_SHOWN_NOTICES])
    if (more := len(notices) - _SHOWN_NOTICES) > 0:
        yield f"  … and {count(more, 'notice')} more (--format json has all)"
