"""What is applied, pending, edited, renamed, missing and unknown."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from memdb.database import Connection
from memdb.ledger import changes, history, plan
from memdb.ledger.sqlfiles import OWN, Sets


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`state` is one of these.

    applied; pending; late (pending, but a later one is applied); edited (since it was applied); renamed (applied as
    `applied_as`); missing (applied by memdb, but without a file); newer (missing, and so is everything later: the files
    are of an older release); lost (applied, but yoyo's table no longer says so); unknown (applied by somebody else, and
    without a file).
    """

    id: str
    set: str | None
    state: str
    applied_at: datetime | None = None
    applied_by: str | None = None
    duration_ms: float | None = None
    applied_as: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The migrations, and the sets of which nothing is applied. `history` is the schema where that was read."""

    migrations: tuple[MigrationStatus, ...]
    available_sets: tuple[str, ...]
    history: str | None = None

    @property
    def clean(self) -> bool:
        """Everything is applied and as it was when it was applied."""
        return all(migration.state == "applied" for migration in self.migrations)


def status(connection: Connection, sets: Sets, *, chosen: Iterable[str] = ()) -> Status:
    """What is applied, pending, edited and unknown. Writes nothing and takes no lock."""
    past = history.read(connection, sets)
    found = changes.find(sets, past)
    names = {change.file.id: change.id for change in found.renamed}
    applied = {item.id: item for item in past.applied}
    entries = []
    for id, state in _states(sets, past, found, chosen).items():
        file, item = sets.by_id.get(id), applied.get(names.get(id, id))
        entry = MigrationStatus(id, file.set if file else None, state, applied_as=names.get(id))
        if item is not None:
            entry = replace(entry, applied_at=item.at, applied_by=item.by, duration_ms=item.duration_ms)
        entries.append(entry)
    active = {entry.set for entry in entries}
    where = past.home.schema if past.home.exists else None
    return Status(tuple(entries), tuple(name for name in sets if name not in {*active, OWN}), where)


def _states(sets: Sets, past: history.History, found: changes.Changes, chosen: Iterable[str]) -> dict[str, str]:
    migrations, applied = sets.active(past.ids, chosen), past.ids
    states = dict.fromkeys(found.unknown, "unknown") | {
        id: "newer" if id in found.newer else "missing" for id in found.missing
    }
    states |= {migration.id: "applied" if migration.id in applied else "pending" for migration in migrations}
    states |= {migration.id: "late" for migration in plan.late(migrations, applied)}
    states |= {migration.id: "edited" for migration in found.edited}
    states |= {item.id: "lost" for item in past.unfinished if item.lost and item.id in states}
    return states | {change.file.id: "renamed" for change in found.renamed}
