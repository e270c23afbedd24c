"""Text for the status."""

from collections.abc import Iterator
from typing import Any

from memdb.ledger.status import MigrationStatus, Status
from memdb.output import styled


def render(status: Status) -> Iterator[Any]:
    """The migrations as a table, and what is to be said of all of them."""
    from rich.table import Table

    table = Table("migration", "set", "state", "applied", "by", "took", box=None, pad_edge=False)
    for migration in status.migrations:
        table.add_row(*_cells(migration))
    yield table
    states = ("pending", "late", "edited", "renamed", "missing", "newer", "unknown")
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
        f"{migration.applied_at:%Y-%m-%d %H:%M:%S}" if migration.applied_at else "",
        migration.applied_by or "",
        f"{migration.duration_ms:,.0f} ms" if migration.duration_ms is not None else "",
    )
    return [styled(cell) for cell in cells]
