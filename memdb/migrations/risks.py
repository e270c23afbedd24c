"""What a step was seen to do to tables, by the catalog and the server's counters before and after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from psycopg.rows import class_row

from memdb import database
from memdb.database import Connection, query

Kind = Literal["table", "column", "converted", "changed", "counter", "unknown"]


@dataclass(frozen=True, slots=True)
class Risk:
    """Rows or values that a step was seen to touch. `table` may be a sequence.

    `changed` counts rows where all that it did can be told by that, and the values by which a sequence was set back.
    """

    step: str
    kind: Kind
    table: str
    column: str | None = None
    changed: int | None = None
    partitioned: bool = False

    @property
    def object(self) -> str:
        return self.table if self.column is None else f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its state. `kind` is pg_class.relkind; `columns` are name, type and whether it is computed, by
    number.

    `changed` and `inserted` count rows of this transaction, if the server counts (`counted`); `written` says that it
    was about to write some. `file` is another one after a truncate or a rewrite.
    """

    oid: int
    name: str
    kind: str
    file: int | None
    parent: int | None
    columns: dict[str, list[Any]]
    changed: int
    inserted: int
    written: bool
    counted: bool


def tables(connection: Connection, home: str) -> dict[int, Table]:
    """The tables as they are at this moment of a transaction, by oid, without those of the history in schema `home`."""
    with database.own_names(connection), connection.cursor(row_factory=class_row(Table)) as cursor:
        return {table.oid: table for table in cursor.execute(query("losses", "tables"), {"home": home})}


def risks(step: str, before: dict[int, Table], after: dict[int, Table]) -> Iterator[Risk]:
    """What of the tables that were there `before` is not there, or as it was, `after` a step."""
    for table in before.values():
        if table.oid in after:
            yield from _of_kept_table(step, table, after, before.get(table.parent or 0))
        elif table.kind != "f" and (table.parent is None or table.parent in after):  # else they go with their table
            yield Risk(step, "table", table.name, partitioned=table.kind == "p")


def _of_kept_table(step: str, table: Table, after: dict[int, Table], parent: Table | None) -> Iterator[Risk]:
    now, partitioned = after[table.oid], table.kind == "p"
    uncounted = is_uncounted(table, after)
    if uncounted or now.changed != table.changed:
        yield Risk(step, "changed", table.name, None, None if uncounted else now.changed - table.changed, partitioned)
    inherited = {column[0] for column in parent.columns.values()} if parent else set()
    for number, (name, type, generated) in table.columns.items():
        if generated or name in inherited or table.kind == "f":  # what is computed can be computed again
            continue
        if number not in now.columns:
            yield Risk(step, "column", table.name, name, partitioned=partitioned)
        elif now.columns[number][1] != type:
            yield Risk(step, "converted", table.name, name, partitioned=partitioned)


def is_uncounted(table: Table, after: dict[int, Table]) -> bool:
    """Whether rows may have changed that the server does not count: in a new file, or while it was not counting."""
    now = after.get(table.oid)
    if now is None or table.kind == "p":
        return False
    uncounted = not now.counted or (now.changed, now.inserted) == (table.changed, table.inserted)
    return now.file != table.file or (now.written and not table.written and uncounted)


def shared(table: Table, now: Table) -> tuple[list[str], list[str]]:
    """The columns that are there before and after, by their names before and after."""
    numbers = [
        number
        for number, (_, type, generated) in table.columns.items()
        if not generated and number in now.columns and now.columns[number][1:] == [type, False]
    ]
    return [table.columns[number][0] for number in numbers], [now.columns[number][0] for number in numbers]
