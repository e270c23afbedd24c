"""Text for the status."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from memdb.ledger.status import MigrationStatus, Status
from memdb.output.rendering import render
from memdb.output.streams import styled


@render.register
def _(status: Status) -> Iterator[Any]:
    """The migrations as a table, and what is to be said of all of them."""
    rows = [_cells(migration) for migration in status.migrations]
    table = Table(box=None, pad_edge=False)
    # An id that is cut cannot be pasted into --to: where there is no room, whoever applied it is cut instead.
    table.add_column("migration", no_wrap=True, min_width=max((len(row[0]) for row in rows), default=0))
    for title in ("set", "state", "applied", "by", "took"):
        table.add_column(title, no_wrap=title != "by", overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    yield table
    states = ("pending", "late", "edited", "renamed", "missing", "newer", "lost", "unknown")
    found_states = {state: sum(m.state == state for m in status.migrations) for state in states}
    found = ", ".join(f"{number} {state}" for state, number in found_states.items() if number)
    yield ""
    yield f"{found or 'Everything is applied'}."
    if status.available_sets:
        yield f"Optional sets: {', '.join(status.available_sets)} (memdb migrate --with NAME)."


def _cells(migration: MigrationStatus) -> list[Any]:
    color = {"applied": "green", "pending": "yellow"}.get(migration.state, "red")
    cells: tuple[str | tuple[str, str], ...] = (
        migration.id if migration.applied_as is None else f"{migration.id} (applied as {migration.applied_as})",
        migration.set or "?",
        (migration.state, color),
        f"{migration.applied_at:%Y-%m-%d %H:%M}" if migration.applied_at else "",
        migration.applied_by or "",
        f"{migration.duration_ms:,.0f} ms" if migration.duration_ms is not None else "",
    )
    return [styled(cell) for cell in cells]
