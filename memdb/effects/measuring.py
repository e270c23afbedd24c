"""What each statement of a migration locks and works through, seen from the session that runs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from memdb.database import Connection, query
from memdb.effects import modes
from memdb.effects.modes import Lock
from memdb.statements import Statement

Kind = Literal["rewrites", "builds", "reads"]


@dataclass(frozen=True, slots=True)
class Index:
    """An index by name, and its method: `btree`, `hnsw`, …"""

    name: str
    method: str


@dataclass(frozen=True, slots=True)
class Work:
    """What goes over all rows of a table that was there before, while others cannot do what `blocks` says.

    It rewrites the table with its `indexes`, builds the indexes, or reads all rows, as for a constraint.
    """

    kind: Kind
    table: str
    indexes: tuple[Index, ...]
    blocks: str


@dataclass(frozen=True, slots=True)
class Effects:
    """The locks that a statement newly takes on what was there before its migration, to be held until that ends.

    `locks` is None where they are not known; `measured` is false where they are not seen but documented. `work` is what
    it does under locks to all rows of a table.
    """

    locks: tuple[Lock, ...] | None
    work: tuple[Work, ...] = ()
    measured: bool = True


UNKNOWN = Effects(None, measured=False)
NOTHING_NEW = Effects(())


_BESIDE_OTHERS = "SHARE UPDATE EXCLUSIVE"


class _Relation(NamedTuple):
    """A row of the query `relations`."""

    oid: int
    name: str
    table: int
    method: str
    file: int
    scans: int
    vacuums: int


_Relations = dict[int, _Relation]


class Watch:
    """Looks at what is there before a migration, and after each of its statements, in the session that runs them."""

    def __init__(self, connection: Connection, target: str) -> None:
        self._connection, self._target = connection, target
        self._before = self._last = self._relations()
        self._held: dict[int, str] = {}

    def after(self, statement: Statement) -> Effects:
        """What a statement has done that was run in the transaction that is open."""
        earlier, self._held = self._held, self._locks()
        last, self._last = self._last, self._relations()
        return Effects(self._new_locks(earlier), tuple(self._work(statement, last)))

    def after_lone(self, statement: Statement) -> Effects:
        """What a statement has done that was run outside of a transaction, so that its locks are gone.

        CONCURRENTLY means SHARE UPDATE EXCLUSIVE on the table, as VACUUM does; what replaces a table's file locks out
        everybody.
        """
        last, self._last = self._last, self._relations()
        concurrently = "concurrently" in statement.words
        replaced = dict.fromkeys(self._touched_tables(last), _BESIDE_OTHERS if concurrently else "ACCESS EXCLUSIVE")
        self._held = dict.fromkeys(self._vacuumed_tables(last), _BESIDE_OTHERS) | replaced
        work = () if concurrently else tuple(self._work(statement, last))
        locks = tuple(Lock.of(self._before[oid].name, mode) for oid, mode in sorted(self._held.items()))
        return Effects(locks, work, measured=False) if locks else UNKNOWN

    def _relations(self) -> _Relations:
        relations = self._connection.rows(_Relation, query("effects", "relations"), [self._target])
        return {relation.oid: relation for relation in relations}

    def _locks(self) -> dict[int, str]:
        """The strongest mode in which each relation is locked by this transaction."""
        held: dict[int, str] = {}
        for oid, name in self._connection.execute(query("effects", "held")).fetchall():
            held[oid] = modes.stronger(held.get(oid, modes.STRENGTH[0]), modes.mode(name))
        return held

    def _new_locks(self, earlier: dict[int, str]) -> tuple[Lock, ...]:
        """What was not locked before, or more weakly. An index is left out where its table is locked as strongly."""
        new = [
            Lock.of(self._before[oid].name, mode)
            for oid, mode in self._held.items()
            if oid in self._before and earlier.get(oid) != mode
            if not modes.includes(self._held.get(self._before[oid].table), mode)
        ]
        return tuple(sorted(new, key=lambda lock: lock.relation))

    def _touched_tables(self, last: _Relations) -> list[int]:
        """Tables that have another file than before, or indexes that are new, gone or have another file."""
        now = self._last
        changed = {oid for oid in last.keys() | now.keys() if _file(last, oid) != _file(now, oid)}
        tables = {(now.get(oid) or last[oid]).table or oid for oid in changed}
        return sorted(tables & self._before.keys())

    def _vacuumed_tables(self, last: _Relations) -> list[int]:
        """Nothing else can be seen of a vacuum."""
        known = self._before.keys() & last.keys() & self._last.keys()
        return [oid for oid in known if self._last[oid].vacuums > last[oid].vacuums]

    def _work(self, statement: Statement, last: _Relations) -> Iterator[Work]:
        if statement.words[:1] == ("truncate",):
            return  # which gives a table a new file, too, but an empty one
        for oid, table in self._before.items():
            mode = self._held.get(oid, modes.STRENGTH[0])
            if oid in self._last and not table.table and modes.stops_writers(mode):
                indexes = tuple(Index(index.name, index.method) for index in self._built(oid, last))
                if kind := self._kind(oid, last, indexes):
                    yield Work(kind, table.name, indexes, Lock.of(table.name, mode).blocks)

    def _kind(self, table: int, last: _Relations, indexes: tuple[Index, ...]) -> Kind | None:
        if _file(last, table) != _file(self._last, table):
            return "rewrites"
        if indexes:
            return "builds"
        return "reads" if self._last[table].scans > last[table].scans else None

    def _built(self, table: int, last: _Relations) -> list[_Relation]:
        """The indexes of a table that are new, or have another file than before."""
        indexes = [index for index in self._last.values() if index.table == table]
        return [index for index in indexes if _file(last, index.oid) != index.file]


def _file(relations: _Relations, oid: int) -> int | None:
    return relations[oid].file if oid in relations else None
