"""Text for runs and status."""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

from memdb.migrations import MigrationStatus, Run, Status
from memdb.output import styled

_SHOWN_NOTICES = 10


@singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result of memdb.migrations."""
    from memdb.output import preview  # a run with nothing to do is over before that would be loaded

    return preview.render(result)


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


@render.register
def _(status: Status) -> Iterator[Any]:
    from rich.table import Table

    table = Table("migration", "set", "state", "applied", "by", "took", box=None, pad_edge=False)
    for migration in status.migrations:
        table.add_row(*_cells(migration))
    yield table
    states = ("pending", "late", "edited", "missing", "unknown")
    found_states = {state: sum(m.state == state for m in status.migrations) for state in states}
    found = ", ".join(f"{number} {state}" for state, number in found_states.items() if number)
    yield ""
    yield f"{found or 'Everything is applied'}."
    if status.available_sets:
        yield f"Optional sets: {', '.join(status.available_sets)} (memdb migrate --with NAME)."


def _cells(migration: MigrationStatus) -> list[Any]:
    color = {"applied": "green", "pending": "yellow"}.get(migration.state, "red")
    cells: tuple[str | tuple[str, str], ...] = (
        migration.id,
        migration.set or "?",
        (migration.state, color),
        f"{migration.applied_at:%Y-%m-%d %H:%M:%S}" if migration.applied_at else "",
        migration.applied_by or "",
        f"{migration.duration_ms:,.0f} ms" if migration.duration_ms is not None else "",
    )
    return [styled(cell) for cell in cells]


def count(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`"""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
