"""Text for runs, dry runs and status."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from memdb.migrations import DryRun, MigrationStatus, Run, Status
from memdb.output import locks


@singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result of memdb.migrations."""
    raise NotImplementedError(type(result))


@render.register
def _(run: Run) -> Iterator[Any]:
    verb = "Applied" if run.direction == "migrate" else "Rolled back"
    for step in run.steps:
        yield f"{verb} {step.id}  ({step.duration_ms:,.0f} ms)"
        yield from (f"  {notice}" for notice in step.notices)
    if run.steps:
        yield f"{verb} {_count(len(run.steps), 'migration')}; {run.applied} applied in all."
    elif run.direction == "migrate":
        yield f"Nothing to do: all {_count(run.applied, 'migration')} applied."
    else:
        yield "Nothing to do: no migration is applied."


@render.register
def _(dry_run: DryRun) -> Iterator[Any]:
    for step in dry_run.steps:
        yield f"-- {step.path}"
        yield step.sql
        yield from locks.of_step(step)
    yield from locks.summary(dry_run)
    yield from (f"-- would drop {loss.table} with {_count(loss.rows, 'row')}" for loss in dry_run.losses)
    verb = "applied" if dry_run.direction == "migrate" else "rolled back"
    yield f"-- {_count(len(dry_run.steps), 'migration')} would be {verb}; nothing was run"


@render.register
def _(status: Status) -> Iterator[Any]:
    from rich.table import Table

    table = Table("migration", "set", "state", "applied", "by", "took", box=None, pad_edge=False)
    for migration in status.migrations:
        table.add_row(*_cells(migration))
    yield table
    states = ("pending", "late", "edited", "missing", "unknown")
    counts = {state: sum(m.state == state for m in status.migrations) for state in states}
    found = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    yield f"\n{found or 'Everything is applied'}."
    if status.available_sets:
        yield f"Optional sets: {', '.join(status.available_sets)} (memdb migrate --with NAME)."


def _cells(migration: MigrationStatus) -> list[str]:
    color = {"applied": "green", "pending": "yellow"}.get(migration.state, "red")
    return [
        migration.id,
        migration.set or "?",
        f"[{color}]{migration.state}[/]",
        f"{migration.applied_at:%Y-%m-%d %H:%M:%S}" if migration.applied_at else "",
        migration.applied_by or "",
        f"{migration.duration_ms:,.0f} ms" if migration.duration_ms is not None else "",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
