"""How many memories there are, whose, how old, and what they take on disk."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg

from memdb import database, distribution, target
from memdb.addresses.refusals import worker_lost
from memdb.addresses.workers import Unreachable
from memdb.database import Connection, query
from memdb.distribution import shards
from memdb.doctor.patient import begin, percent, require_readable
from memdb.target import Target
from memdb.words import printable

_COUNTED = 10_000  # rows that are counted, whatever that takes
_COUNTED_BY_INDEX, _VISIBLE = 2_000_000, 0.9  # rows that an index counts, where it need not ask the table
_SHOWN, _LONGEST = 5, 58
_SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
_DAYS = (1, 7, 30, 90, 365)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the memories: a tier, or those of an age; `memories` may be estimated."""

    name: str
    memories: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many users have `least` to `most` memories; None: or more."""

    least: int
    most: int | None
    users: int


@dataclass(frozen=True, slots=True)
class Users:
    """How many have memories, and how many each has."""

    users: int
    median: int
    p95: int
    largest: int
    sizes: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """`kind` is table (with what is stored beside it) or the method of an index; `name` as SQL writes it."""

    name: str
    kind: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A memory as it is shown to people: the beginning of its text, on one line."""

    memory_type: str
    created_at: datetime
    content: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """`estimated` says that memories, tiers and ages are not counted. `users` is None where that cannot be told."""

    schema: str
    memories: int
    estimated: bool
    tiers: tuple[Share, ...]
    users: Users | None
    ages: tuple[Share, ...]
    oldest: datetime | None
    newest: datetime | None
    sizes: tuple[Size, ...]
    shown: tuple[Shown, ...] | None = None
    notes: tuple[str, ...] = ()


def inspect(connection: Connection, *, show_content: bool = False) -> Inspection:
    """Reads only. Raises DatabaseError where there is no such table, or this role may not read it."""
    with connection.transaction(force_rollback=True):
        found = _enter(connection)
        inside = _Inside(connection, found)
        tiers, ages, is_counted = inside.shares()
        oldest, newest = inside.ends()
        return Inspection(
            schema=found.schema,
            memories=sum(share.memories for share in tiers) if is_counted else round(inside.rows),
            estimated=not is_counted,
            tiers=tiers,
            users=inside.users() if is_counted else None,
            ages=ages,
            oldest=oldest,
            newest=newest,
            sizes=inside.sizes(),
            shown=inside.shown() if show_content else None,
            notes=tuple(inside.notes),
        )


def _enter(connection: Connection) -> Target:
    names = database.names(connection)
    begin(connection)
    found = target.find(connection, names)
    if found is None:
        raise target.absent(connection)
    target.require_own(found)
    require_readable(connection, found)
    _require_workers(connection, found)
    return found


def _require_workers(connection: Connection, found: Target) -> None:
    """Raises WorkerLost where memories are spread over workers of which one does not answer: it would look as if the
    server ended a question that takes too long."""
    if not distribution.is_spread(connection, found.memories):
        return
    cluster = distribution.read(connection)
    for node in distribution.silent(connection, cluster.workers if cluster else ()):
        raise worker_lost(Unreachable(node.address, "it does not answer"))


class _Inside:
    """The questions that are asked of memories, in the order in which they are shown."""

    def __init__(self, connection: Connection, found: Target) -> None:
        self._connection, self._found = connection, found
        self.notes: list[str] = []
        ((rows, pages, visible),) = self._connection.execute(query("doctor_rows", "extent"), [found.memories])
        self._parts = {found.memories: shards.parts(connection, found.memories)}
        if (parts := self._parts[found.memories]) is not None:
            rows, pages, visible = (parts.sum(figure) for figure in ("rows", "pages", "visible_pages"))
        self.rows = rows if rows >= 0 else 2 * pages
        is_visible = rows >= 0 and visible >= _VISIBLE * pages
        self._is_counted = self.rows <= _COUNTED or (self.rows <= _COUNTED_BY_INDEX and is_visible)

    def shares(self) -> tuple[tuple[Share, ...], tuple[Share, ...], bool]:
        """How many memories each tier has, and how many were made when; and whether they are counted."""
        tiers = self._asked("tiers") if self._is_counted else None
        ages = None if tiers is None else self._asked("ages", moments=_moments())
        if tiers is None or ages is None:
            self.notes.append(
                "This is an estimate from a sample. Once vacuum is up to date, indexes count up to two million."
            )
            return self._estimated()
        return tuple(Share(*row) for row in tiers), _by_age(dict(ages)), True

    def _estimated(self) -> tuple[tuple[Share, ...], tuple[Share, ...], bool]:
        rows = self._asked("sampled", moments=_moments(), percent=percent(self.rows)) or []
        factor = self.rows / max(1, sum(number for *_, number in rows))
        tiers: Counter[str] = Counter()
        ages: Counter[int] = Counter()
        for tier, age, number in rows:
            tiers[tier] += number
            ages[age] += number
        shares = tuple(Share(tier, round(number * factor)) for tier, number in tiers.items())
        return shares, _by_age({age: round(number * factor) for age, number in ages.items()}), False

    def ends(self) -> tuple[datetime | None, datetime | None]:
        """When the first and the last memory was made."""
        ((oldest, newest),) = self._asked("ends") or [(None, None)]
        return oldest, newest

    def users(self) -> Users | None:
        """How many users have memories, and how many each of them has."""
        found = self._asked("users", bounds=list(_SIZES))
        if found is None:
            self.notes.append("Users were not counted: it takes too long.")
            return None
        ((users, median, p95, largest, numbers),) = found
        most = [*(bound - 1 for bound in _SIZES[1:]), None]
        buckets = tuple(Bucket(*bucket) for bucket in zip(_SIZES, most, numbers, strict=True))
        return Users(users, median or 0, p95 or 0, largest or 0, buckets)

    def sizes(self) -> tuple[Size, ...]:
        """What the tables and indexes take."""
        given = {"memories": self._found.memories, "schema": self._found.schema}
        rows = self._connection.execute(query("doctor_rows", "sizes"), given).fetchall()
        found = [Size(name, kind, self._over_shards(kind, own, table, bare)) for name, kind, own, table, bare in rows]
        return tuple(sorted(found, key=lambda size: (-size.bytes, size.name)))

    def _over_shards(self, kind: str, own: int, table: int, name: str) -> int:
        if table not in self._parts:
            self._parts[table] = shards.parts(self._connection, table)
        parts = self._parts[table]
        if parts is None:
            return own
        return int(parts.sum("bytes") if kind == "table" else parts.sum_of_index(name, "bytes"))

    def shown(self) -> tuple[Shown, ...]:
        """The newest memories."""
        rows = self._asked("newest", most=_SHOWN, longest=_LONGEST) or []
        return tuple(Shown(tier, made, printable(content)) for tier, made, content in rows)

    def _asked(self, block: str, **given: Any) -> list[tuple[Any, ...]] | None:
        """The rows; None where the answer took too long."""
        statement = self._found.query("doctor_rows", block)
        try:
            with self._connection.transaction():
                return self._connection.execute(statement.encode(), given or None).fetchall()
        except psycopg.errors.QueryCanceled:
            return None


def _by_age(numbers: Mapping[int, int]) -> tuple[Share, ...]:
    names = ["today", *(f"{before} to {days} days" for before, days in pairwise(_DAYS)), f"over {_DAYS[-1]} days"]
    return tuple(Share(name, numbers.get(len(_DAYS) - place, 0)) for place, name in enumerate(names))


def _moments() -> list[datetime]:
    """When each of the ages began, the oldest first."""
    now = datetime.now(UTC)
    return [now - timedelta(days=days) for days in reversed(_DAYS)]
