"""What is applied, pending, edited and unknown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from memdb.database import Connection
from memdb.errors import DatabaseError
from memdb.migrations import history, plan
from memdb.migrations.plan import Sets


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`state` is applied, pending, edited (since it was applied) or unknown (applied, but without a file)."""

    id: str
    set: str | None
    state: str
    applied_at: datetime | None = None
    applied_by: str | None = None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    migrations: tuple[MigrationStatus, ...]
    available_sets: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Everything is applied and as it was when it was applied."""
        return all(migration.state == "applied" for migration in self.migrations)


def status(connection: Connection, sets: Sets, *, chosen: Iterable[str] = ()) -> Status:
    """What is applied, pending, edited and unknown. Writes nothing and takes no lock."""
    past = history.read(connection)
    if not past.readable:
        raise DatabaseError(
            "this role may not read the migration history", hint="Grant it select on _yoyo_migration and _yoyo_log."
        )
    applied = {item.id: item for item in past.applied}
    changed = {migration.id for migration in plan.edited(sets, past)}
    entries = [MigrationStatus(id, None, "unknown", *_details(applied[id])) for id in plan.unknown(sets, past)]
    for migration in plan.active(sets, past, chosen):
        if migration.id in applied:
            state = "edited" if migration.id in changed else "applied"
            entries.append(MigrationStatus(migration.id, migration.set, state, *_details(applied[migration.id])))
        else:
            entries.append(MigrationStatus(migration.id, migration.set, "pending"))
    active = {entry.set for entry in entries}
    return Status(tuple(entries), tuple(name for name in sets if name not in active))


def _details(applied: history.Applied) -> tuple[datetime, str | None, float | None]:
    return applied.at, applied.by, applied.duration_ms
