"""What the statements of a plan lock and work through, and the rows in the tables they touch.

Which locks are taken does not depend on how many rows there are, so that is seen on a temporary database; how long they
are held does, and is estimated from the real rows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg import sql

from memdb import database, shape, trust
from memdb.database import Connection, query
from memdb.distribution import shards
from memdb.effects import costs
from memdb.effects.costs import Size
from memdb.effects.measuring import Index, Work
from memdb.effects.modes import Lock
from memdb.effects.trying import Tried
from memdb.words import count

COUNTED_BYTES = 64 * 1024 * 1024  # a table of this size is counted in some 50 ms
_NAME = rf"{shape.IDENTIFIER}(?:\s*\.\s*{shape.IDENTIFIER})*"
_DROP_INDEX = re.compile(
    rf"drop\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?(?P<names>{_NAME}(?:\s*,\s*{_NAME})*)", re.IGNORECASE
)
_LAST_PART = re.compile(rf"(?P<name>{shape.IDENTIFIER})\s*(?:,|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Job:
    """Work on a real table: its rows (None where nobody has counted them) and bytes without indexes, and the time."""

    work: Work
    rows: int | None
    bytes: int
    seconds: float | None

    def in_words(self) -> str:
        """`rewrites memories, with 2 indexes (9 rows, 8 kB): about 9 s, nobody can read or write it meanwhile`"""
        rows = "an unknown number of rows" if self.rows is None else count(self.rows, "row")
        time = "an unknown time" if self.seconds is None else costs.duration(self.seconds)
        shorter = "" if self.rows is None else costs.shorter(self.work, Size(self.rows, self.bytes))
        size = f"{self.bytes / 1e6:,.0f} MB" if self.bytes >= 1e6 else f"{self.bytes / 1e3:,.0f} kB"
        told = f"{costs.in_words(self.work)} ({rows}, {size}): {time}, {costs.who_waits(self.work, 'it')}"
        return f"{told}; {shorter}" if shorter else told


@dataclass(frozen=True, slots=True)
class StatementLocks:
    """The locks that a statement newly takes on what was there before its migration, to be held until that ends.

    None where that is not known. `jobs` are what it does under them that takes long where there are many rows.
    """

    line: int
    statement: str
    locks: tuple[Lock, ...] | None
    measured: bool
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table: counted, or estimated from its statistics; None where neither could be read."""

    table: str
    rows: int | None
    exact: bool


@dataclass(frozen=True, slots=True)
class _Table:
    rows: Rows
    bytes: int
    indexes: tuple[Index, ...]


def described(
    connection: Connection, tried: Mapping[str, tuple[Tried, ...]]
) -> tuple[dict[str, tuple[StatementLocks, ...]], tuple[Rows, ...]]:
    """The statements of each step, and the rows in the real tables that they touch."""
    tables = _tables(connection, [item for found in tried.values() for item in found])
    dropped: set[str] = set()
    statements: dict[str, tuple[StatementLocks, ...]] = {}
    for id, found in tried.items():
        statements[id] = tuple(_described(item, tables, dropped) for item in found)
    return statements, tuple(table.rows for table in tables.values())


def _described(tried: Tried, tables: dict[str, _Table], dropped: set[str]) -> StatementLocks:
    """Adds to `dropped` the indexes that are gone for what comes after this."""
    effects = tried.effects
    there = ((work, tables[work.table]) for work in effects.work if work.table in tables)
    jobs = tuple(_job(work, table, dropped) for work, table in there if table.rows.rows != 0)
    if drop := _DROP_INDEX.match(tried.statement):
        dropped |= {_name(part["name"]) for part in _LAST_PART.finditer(drop["names"])}
    return StatementLocks(tried.line, tried.statement, effects.locks, effects.measured, jobs)


def _name(written: str) -> str:
    return shape.unquoted(written) if written.startswith('"') else written.lower()


def _job(work: Work, table: _Table, dropped: set[str]) -> Job:
    """What is rewritten takes all indexes of the real table with it that the plan has not dropped by then."""
    if work.kind == "rewrites":
        work = replace(work, indexes=tuple(index for index in table.indexes if index.name not in dropped))
    rows = table.rows.rows
    return Job(work, rows, table.bytes, None if rows is None else costs.seconds(work, Size(rows, table.bytes)))


def _tables(connection: Connection, tried: list[Tried]) -> dict[str, _Table]:
    """The real tables that are locked or worked on. A table that an earlier step of the plan makes is not there."""
    touched = dict.fromkeys(lock.relation for item in tried for lock in item.effects.locks or ())
    touched |= dict.fromkeys(work.table for item in tried for work in item.effects.work)
    target = database.target_schema(connection)
    with connection.transaction(), database.own_names(connection):
        found = connection.execute(query("locks", "rows"), [list(touched), target]).fetchall()
        return {name: _table(connection, name, *row) for name, *row in found}


def _table(
    connection: Connection,
    name: str,
    oid: int,
    full_name: str,
    size: int,
    readable: bool,
    estimate: int | None,
    bytes: int,
    indexes: list[list[str]],
) -> _Table:
    if (parts := shards.parts(connection, oid)) is not None:
        rows, bytes = parts.sum("rows"), parts.sum("bytes")
        size, estimate = bytes - parts.sum("toast"), None if rows < 0 else round(rows)
    is_counted = readable and size <= COUNTED_BYTES and trust.may_read(connection, [oid])
    rows_of = Rows(name, _count(connection, full_name) if is_counted else estimate, exact=is_counted)
    return _Table(rows_of, bytes, tuple(Index(*index) for index in indexes))


def _count(connection: Connection, table: str) -> int:
    return int(connection.value(sql.SQL("select count(*) from {}").format(sql.SQL(table))))
