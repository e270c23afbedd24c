"""What is applied: read from yoyo's tables and the one that memdb keeps beside them, wherever they are."""

from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import sql
from psycopg.rows import dict_row

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError, HistoryError
from memdb.ledger import homes
from memdb.ledger.homes import Home
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.words import argument

_NOWHERE = Home("public")
_ELSEWHERE = (
    " If it belongs to other migrations, or you want a second, independent copy of everything, say where: --schema "
)


@dataclass(frozen=True, slots=True)
class Applied:
    """One applied migration. What stock yoyo applied has no checksum and no duration. `lost`: yoyo's entry is gone.

    `target` is the schema to which names without one led then; None where that is not known.
    """

    id: str
    at: datetime
    by: str | None
    checksum: str | None
    duration_ms: float | None
    lost: bool = False
    target: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """`applied` in the order in which the server was asked for it, the newest last.

    `unfinished` was begun outside of a transaction, in either direction, and cut short; or it is lost.
    """

    applied: tuple[Applied, ...] = ()
    unfinished: tuple[Applied, ...] = ()
    home: Home = _NOWHERE

    @property
    def readable(self) -> bool:
        """False for a role that may not look."""
        return not self.home.unreadable

    @property
    def ids(self) -> set[str]:
        return {applied.id for applied in self.applied}

    def on_top_of(self, migration: Migration, sets: Sets) -> list[str]:
        """The ids of what counts as applied after it: by its set, and by the log where its entry is lost."""
        lost_at = [item.at for item in self.unfinished if item.lost and item.id == migration.id]
        return sets.after(migration) + [item.id for item in self.applied if any(item.at > at for at in lost_at)]

    def with_unfinished(self, sets: Sets) -> "History":
        """Takes what was cut short for the newest: a rollback has to take it back before the others.

        Nothing in a transaction can be: what looks like it was only marked, and taken back by stock yoyo.
        """
        files = sets.by_id
        begun = tuple(
            item
            for item in self.unfinished
            if item.id in files
            and (item.lost or not files[item.id].transactional or item.checksum != files[item.id].checksum)
        )
        return replace(self, applied=self.applied + begun)


def read(connection: Connection, sets: Sets) -> History:
    """What `find` finds. Raises DatabaseError for a role that may not look: nothing found is not nothing applied."""
    past = find(connection, sets)
    if not past.readable:
        target = database.target_schema(connection)
        raise DatabaseError(
            f"this role is not allowed to read the migration history in the schema {past.home.schema}",
            hint=f"Grant it usage on that schema and select on {', '.join(past.home.unreadable)}. Where these have "
            "row-level security, it shows rows to their owner only: connect as that role, or as a member of it."
            f"{'' if past.home.schema == target else _ELSEWHERE + argument(target)}",
        )
    return past


def find(connection: Connection, sets: Sets) -> History:
    """The history of these migrations; an empty one where none was ever applied, or may be read. Writes nothing.

    It is where it was begun: in the target schema, or in another of the search_path when that has changed since.
    Raises HistoryError where it is somewhere else, or twice, so that nothing runs a second time unasked; and where
    its tables are not what memdb or yoyo made. Where it is nowhere to be seen, it may be one that cannot be looked at.
    """
    names = database.names(connection)
    if connection.has_citus:
        from memdb import distribution  # which nobody else has to load

        distribution.require_coordinator(connection)
    with database.own_names(connection):
        there = {home.schema: home for home in homes.find(connection)}
        if connection.schema is not None:
            return _read_at(connection, there.get(connection.schema, Home(connection.schema)))
        on_path = [there[schema] for schema in dict.fromkeys((names.target, *names.path)) if schema in there]
        if len(there) == 1 and on_path:
            return _read_at(connection, on_path[0])
        closed = [home for home in there.values() if home.closed]
        ours = [home for home in there.values() if not home.closed and homes.has_any(connection, home, sets.by_id)]
        return _read_at(connection, _choose(names.target, on_path, ours, closed))


def _choose(target: str, on_path: list[Home], ours: list[Home], closed: list[Home]) -> Home:
    """Which of several histories is that of our migrations; of the `closed` ones, nobody can tell whose they are."""
    if len(ours) > 1:
        raise HistoryError(
            f"these migrations have several histories, in the schemas {', '.join(home.schema for home in ours)}",
            hint="Choose one with --schema NAME, MEMDB_SCHEMA or schema in memdb.toml.",
        )
    if ours and ours[0] not in on_path:
        raise HistoryError(
            f"these migrations are already applied in the schema {ours[0].schema} ({ours[0].schema}._yoyo_migration), "
            f"which is not on the search_path",
            hint=f"Work there with --schema {argument(ours[0].schema)}. To create a second, independent copy of "
            f"everything: --schema {argument(target)}.",
        )
    ours = ours or [home for home in on_path if home.has_details] or closed
    begun = ours or [home for home in on_path if home.schema == target]
    return begun[0] if begun else Home(target)


def apart(connection: Connection, past: History) -> str:
    """What is to be known where names lead elsewhere than to the schema of the history; empty where they do not.

    It may be meant, where a migration makes the first schema of the search_path, or a change of that which nobody has
    told the migrations of.
    """
    home, target = past.home.schema, database.target_schema(connection)
    if not past.applied or home == target:
        return ""
    return (
        f"The history is in the schema {argument(home)}, but objects without a schema name are created in "
        f"{argument(target)}, the "
        f"first in the search_path. If you do not want that: --schema {argument(home)}."
    )


def moved(target: str, now: str, step: str) -> str:
    """What is to be known where names led to `target`, and lead elsewhere now; empty where they do not.

    A step may make a schema that comes first in the search_path, such as one with the name of the role.
    """
    if now == target:
        return ""
    return (
        f"From {step} on, objects without a schema name are created in {argument(now)}, now the first in the "
        f"search_path, and not in {argument(target)}. If you do not want that: --schema {argument(target)}."
    )


def require_same_target(connection: Connection, home: Home, id: str, target: str | None) -> None:
    """Raises HistoryError where names of this migration led to `target`, which is there, and lead elsewhere now."""
    now = database.target_schema(connection)
    if target in (None, now):
        return
    with database.own_names(connection):
        is_there = connection.value(query("history", "has_schema"), [target])
    if is_there:
        way = f"--schema {argument(target)}" if target == home.schema else f"a search_path that begins with {target}"
        raise HistoryError(
            f"names without a schema led to {target} when {id} was applied, and lead to {now} now",
            hint=f"It could drop what others have there. Go on with {way}.",
        )


def lost(home: Home, id: str) -> HistoryError:
    """What to do about a migration whose entry yoyo's table has lost."""
    return HistoryError(
        f"{id} was applied, but {home.schema}._yoyo_migration no longer says so",
        hint="Restore that table from a backup. Or see whether the database has what the file does. If it has: "
        f"memdb repair --mark {id}, or for all of them: memdb baseline. If it may run again from the beginning: "
        f"memdb repair --unmark {id}",
    )


def _read_at(connection: Connection, home: Home) -> History:
    homes.require(home)
    if not home.exists or home.unreadable:
        return History(home=home)
    applied: list[Applied] = []
    unfinished: list[Applied] = []
    with homes.held(connection, home):
        cursor = connection.cursor(row_factory=dict_row, binary=True)  # whatever the DateStyle
        rows = cursor.execute(_rows_of(home)).fetchall()
    for row in rows:
        (applied if row.pop("finished") else unfinished).append(Applied(**row))
    return History(tuple(applied), tuple(unfinished), home)


def _rows_of(home: Home) -> sql.Composed:
    block = query("history", "applied" if home.has_details else "applied_by_yoyo")
    position = "m.position" if home.has_positions else "null::bigint"
    target = "m.target_schema" if home.has_targets else "null::text"
    schema = sql.Identifier(home.schema)
    return sql.SQL(block).format(schema=schema, position=sql.SQL(position), target=sql.SQL(target))
