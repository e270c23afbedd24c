"""What is applied, pending, edited, missing and unknown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from memdb.database import Connection
from memdb.errors import DatabaseError
from memdb.migrations import history, plan
from memdb.migrations.plan import Sets


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`state` is one of these.

    applied; pending; late (pending, but a later one is applied); edited (since it was applied); missing (applied by
    memdb, but without a file); unknown (applied by somebody else, and without a file).
    """

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
    states = _states(sets, past, chosen)
    set_of = {migration.id: name for name, migrations in sets.items() for migration in migrations}
    entries = [
        MigrationStatus(id, set_of.get(id), state, *(_details(applied[id]) if id in applied else ()))
        for id, state in states.items()
    ]
    active = {entry.set for entry in entries}
    return Status(tuple(entries), tuple(name for name in sets if name not in active))


def _states(sets: Sets, past: history.History, chosen: Iterable[str]) -> dict[str, str]:
    migrations, applied, gone = plan.active(sets, past, chosen), past.ids, plan.missing(sets, past)
    states = {id: "missing" if id in gone else "unknown" for id in plan.unknown(sets, past)}
    states |= {migration.id: "applied" if migration.id in applied else "pending" for migration in migrations}
    states |= {migration.id: "late" for migration in plan.late(migrations, past)}
    return states | {migration.id: "edited" for migration in plan.edited(sets, past)}


def _details(applied: history.Applied) -> tuple[datetime, str | None, float | None]:
    return applied.at, applied.by, applied.duration_ms
