"""What a request would run, in which order. Pure: files and history in, plan out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from memdb.errors import HistoryError, UsageError
from memdb.ledger import changes
from memdb.ledger.history import History, lost
from memdb.ledger.sqlfiles import Migration, Sets, find
from memdb.words import listed

Direction = Literal["migrate", "rollback"]


@dataclass(frozen=True, slots=True)
class Migrate:
    """Apply everything pending, of core and of the `chosen` sets, up to and including `to`.

    `out_of_order` also applies what comes before an applied migration of its set.
    """

    to: str | None = None
    chosen: tuple[str, ...] = ()
    out_of_order: bool = False


@dataclass(frozen=True, slots=True)
class Rollback:
    """Take back the newest `steps` applied migrations (None: all), or all that were applied after `to`."""

    steps: int | None = 1
    to: str | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"{self.steps} steps cannot be rolled back", hint="Give 1 or more, or None for all.")


Request: TypeAlias = Migrate | Rollback


@dataclass(frozen=True, slots=True)
class Step:
    """A migration in one direction, with the text that was read when it was planned.

    `target` is the schema to which names led when it was begun or applied; None where that is not known.
    """

    direction: Direction
    migration: Migration
    target: str | None = None
    sql: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        forward = self.direction == "migrate"
        object.__setattr__(self, "sql", self.migration.sql if forward else self.migration.read_rollback())

    @property
    def id(self) -> str:
        return self.migration.id

    @property
    def path(self) -> Path:
        return self.migration.path if self.direction == "migrate" else self.migration.rollback_path


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps to take, in order, and the history for which they were planned."""

    direction: Direction
    steps: tuple[Step, ...]
    history: History


def make(request: Request, sets: Sets, history: History) -> Plan:
    """The plan for a request.

    Raises HistoryError when files and history do not fit together, UsageError for a set or a `to` that is not there.
    """
    if isinstance(request, Migrate):
        return _to_migrate(request, sets, history)
    return _to_rollback(request, sets, history)


def late(migrations: list[Migration], applied: Collection[str]) -> list[Migration]:
    """Pending migrations that come before an applied one of their set, and not because another set was chosen later."""
    newest = {migration.set: position for position, migration in enumerate(migrations) if migration.id in applied}
    return [
        migration
        for position, migration in enumerate(migrations)
        if migration.id not in applied and not migration.alongside and position < newest.get(migration.set, -1)
    ]


def require_order_of_sets(pending: Iterable[Migration], sets: Sets, history: History) -> None:
    """Raises HistoryError for a set that is to begin although one is applied that comes after it (`-- after:`)."""
    begun = {migration.set for migration in sets.migrations if migration.id in history.ids}
    followed_by = {other: name for name in begun for migration in sets[name] for other in migration.after}
    new = [migration.set for migration in pending if migration.set not in begun]
    if (name := next(filter(followed_by.get, new), None)) is not None:
        raise _too_late(name, followed_by[name], sets, history)


def _too_late(name: str, later: str, sets: Sets, history: History) -> HistoryError:
    ids = [item.id for item in history.applied]
    theirs = {migration.id for migration in sets[later]}
    first = next(place for place, id in enumerate(ids) if id in theirs)
    others = [id for id in ids[first:] if id not in theirs]
    last = f"the last one before it: memdb rollback --to {ids[first - 1]}" if first else "memdb rollback"
    besides = f". That takes back {listed(others)}, too" if others else ""
    return HistoryError(
        f"the set {name} has to come before the set {later}, which is applied already",
        hint=f"Nothing was changed. Take {later} back to {last}{besides}. Then apply both: memdb migrate --with {name} "
        f"--with {later}",
    )


def _to_migrate(request: Migrate, sets: Sets, history: History) -> Plan:
    changes.find(sets, history).require_none()
    migrations, applied = sets.active(history.ids, request.chosen), history.ids
    if not request.out_of_order and (too_late := late(migrations, applied)):
        if any(item.lost and item.id == too_late[0].id for item in history.unfinished):
            raise lost(history.home, too_late[0].id)
        raise HistoryError(
            f"{too_late[0].path} is pending, but a migration with a higher number is applied already",
            hint="Give it the next free number. Or, if the order does not matter, apply it with --out-of-order.",
        )
    if request.to is not None:
        migrations = migrations[: migrations.index(find(migrations, request.to)) + 1]
    pending = [migration for migration in migrations if migration.id not in applied]
    require_order_of_sets(pending, sets, history)
    begun = {item.id: item.target for item in history.unfinished}
    return Plan("migrate", tuple(Step("migrate", file, begun.get(file.id)) for file in pending), history)


def _to_rollback(request: Rollback, sets: Sets, history: History) -> Plan:
    found = changes.find(sets, history)
    past = history.with_unfinished(sets)
    targets = {item.id: item.target for item in past.applied}
    newest_first = [id for id in reversed(targets) if id not in found.unknown]
    if request.to is not None:
        candidates = [sets.by_id[id] for id in newest_first if id in sets.by_id]
        newest_first = newest_first[: newest_first.index(find(candidates, request.to).id)]
    else:
        newest_first = newest_first[: request.steps]
    found.require_none_of(newest_first)
    return Plan("rollback", tuple(Step("rollback", sets.by_id[id], targets[id]) for id in newest_first), past)
