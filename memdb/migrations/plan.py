"""Which migrations a command would run, in which order. Pure: sets and history in, plan out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memdb.errors import HistoryError, UsageError
from memdb.migrations.history import History
from memdb.sqlfiles import CORE, Migration

Sets = dict[str, list[Migration]]
Direction = Literal["migrate", "rollback"]

_DROPPED_TABLE = re.compile(
    r"\bdrop\s+table\s+(?:if\s+exists\s+)?([\w\".,\s]+?)\s*(?:;|\brestrict\b|\bcascade\b|\Z)", re.IGNORECASE
)
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True, slots=True)
class Plan:
    """The migrations to run, in order."""

    direction: Direction
    migrations: tuple[Migration, ...]

    def sql_of(self, migration: Migration) -> str:
        return migration.sql if self.direction == "migrate" else migration.rollback_sql

    def path_of(self, migration: Migration) -> Path:
        return migration.path if self.direction == "migrate" else migration.rollback_path


def active(sets: Sets, history: History, chosen: Iterable[str] = ()) -> list[Migration]:
    """The migrations of core, of the chosen sets, and of each set of which something is applied, in order.

    Raises UsageError for a chosen set that is not there.
    """
    for name in chosen:
        if name not in sets:
            raise UsageError(f"there is no set {name!r}", hint=f"The sets are {', '.join(sets)}.")
    applied = history.ids
    begun = {name for name, migrations in sets.items() if any(migration.id in applied for migration in migrations)}
    wanted = {CORE, *chosen, *begun}
    return [migration for name, migrations in sets.items() if name in wanted for migration in migrations]


def edited(sets: Sets, history: History) -> list[Migration]:
    """Applied migrations whose file is no longer what was run."""
    checksums = {applied.id: applied.checksum for applied in history.applied}
    return [
        migration
        for migrations in sets.values()
        for migration in migrations
        if checksums.get(migration.id) not in (None, migration.checksum)
    ]


def unknown(sets: Sets, history: History) -> list[str]:
    """Applied migrations for which there is no file."""
    known = {migration.id for migrations in sets.values() for migration in migrations}
    return [applied.id for applied in history.applied if applied.id not in known]


def missing(sets: Sets, history: History) -> list[str]:
    """What memdb applied and for which there is no file. What stock yoyo applied from elsewhere is not missed."""
    ours = {applied.id for applied in history.applied if applied.checksum is not None}
    return [id for id in unknown(sets, history) if id in ours]


def late(migrations: list[Migration], history: History) -> list[Migration]:
    """Pending migrations that come before an applied one of their set."""
    applied, found = history.ids, []
    newest = {migration.set: migration.id for migration in migrations if migration.id in applied}
    passed = set()
    for migration in migrations:
        passed |= {migration.set} if migration.id == newest.get(migration.set) else set()
        if migration.id not in applied and migration.set in newest and migration.set not in passed:
            found.append(migration)
    return found


def to_migrate(
    sets: Sets,
    history: History,
    *,
    to: str | None = None,
    chosen: Iterable[str] = (),
    out_of_order: bool = False,
) -> Plan:
    """Everything pending, up to and including `to`.

    Raises HistoryError when an applied file was edited or is gone, or when a pending one comes before an applied
    one, unless `out_of_order` allows that; UsageError for an unknown `to` or set.
    """
    _require_intact(sets, history)
    migrations = active(sets, history, chosen)
    if not out_of_order and (too_late := late(migrations, history)):
        raise HistoryError(
            f"{too_late[0].path} is pending, but a migration with a higher number is applied already",
            hint="Give it the next free number, or apply it where it is with --out-of-order, if its place does not "
            "matter.",
        )
    if to is not None:
        last = migrations.index(find(migrations, to))
        migrations = migrations[: last + 1]
    applied = history.ids
    return Plan("migrate", tuple(migration for migration in migrations if migration.id not in applied))


def _require_intact(sets: Sets, history: History) -> None:
    if changed := edited(sets, history):
        raise HistoryError(
            f"{changed[0].path} was edited after it was applied",
            hint="Restore the file as it was, and put the change into a new migration (memdb new NAME); or, if the "
            "database is right as it is, see the change and accept it: memdb repair",
        )
    if gone := missing(sets, history):
        raise HistoryError(
            f"{gone[0]} is applied, but its file is not there",
            hint="Restore the file, or name its directory with --sql-dir; if it was removed on purpose, forget it: "
            f"memdb repair --unmark {gone[0]}",
        )


def to_rollback(sets: Sets, history: History, *, steps: int | None = 1, to: str | None = None) -> Plan:
    """The newest `steps` applied migrations (None: all), or all that were applied after `to`, newest first.

    Raises HistoryError when a file to be rolled back is missing, UsageError for a `to` that is not applied.
    """
    files = {migration.id: migration for migrations in sets.values() for migration in migrations}
    newest_first = [applied.id for applied in reversed(history.applied)]
    if to is not None:
        applied_files = [files[id] for id in newest_first if id in files]
        newest_first = newest_first[: newest_first.index(find(applied_files, to).id)]
    else:
        newest_first = newest_first[:steps]
    for id in newest_first:
        if id not in files:
            raise HistoryError(
                f"{id} is applied, but its files are not there, so it cannot be rolled back",
                hint="Restore the files (or name their directory with --sql-dir) and try again.",
            )
    return Plan("rollback", tuple(files[id] for id in newest_first))


def find(migrations: list[Migration], name: str) -> Migration:
    """The one migration whose id is `name` or begins with it. Raises UsageError when none or several do."""
    exact = [migration for migration in migrations if migration.id == name]
    matches = exact or [migration for migration in migrations if migration.id.startswith(name)]
    if name and len(matches) == 1:
        return matches[0]
    ids = ", ".join(migration.id for migration in matches or migrations) or "none"
    if matches:
        raise UsageError(f"several migrations begin with {name!r}", hint=f"Name one of {ids}.")
    raise UsageError(f"no migration {name!r}", hint=f"The migrations to choose from are {ids}.")


def tables_named_by_drops(sql: str) -> list[str]:
    """The tables that `drop table` in `sql` names, also inside a block that may decide not to drop."""
    found = _DROPPED_TABLE.findall(_COMMENT.sub("", sql))
    return [name.strip() for names in found for name in names.split(",")]
