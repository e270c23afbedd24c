"""How far sequences are: one that is dropped after it was used, or set back, gives out the same values again."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from memdb import database, trust
from memdb.database import Connection, query
from memdb.migrations.risks import Risk, Table


@dataclass(frozen=True, slots=True)
class Counter:
    """A sequence, of a table's column (by its number), if any. `last` is None until it has given out a value, and where
    this role may not see it, which then is `hidden`.
    """

    oid: int
    name: str
    of_table: int | None
    of_column: str | None
    first: int
    step: int
    last: int | None
    hidden: bool

    @property
    def given_out(self) -> int | None:
        """How many values; None where that is not to be seen."""
        if self.last is None:
            return None if self.hidden else 0
        return max(1, (self.last - self.first) // self.step + 1)

    def goes_with(self, tables: dict[int, Table]) -> bool:
        """Whether its column is not among these, which says more than that its sequence is gone as well."""
        table = tables.get(self.of_table or 0)
        return self.of_table is not None and (table is None or self.of_column not in table.columns)


def read(connection: Connection) -> dict[int, Counter]:
    """The sequences as they are at this moment, by oid."""
    with database.own_names(connection), connection.cursor(row_factory=class_row(Counter)) as cursor:
        return {counter.oid: counter for counter in cursor.execute(query("losses", "counters")).fetchall()}


@contextmanager
def kept(connection: Connection) -> Iterator[dict[int, Counter]]:
    """Puts sequences forward again that what is tried has set back, which no transaction takes back."""
    before = read(connection)
    try:
        yield before
    finally:
        used = [counter for counter in before.values() if counter.last is not None]
        if used and not connection.closed:
            with suppress(psycopg.errors.InsufficientPrivilege), database.own_names(connection):
                values = {"names": [counter.name for counter in used], "values": [counter.last for counter in used]}
                with connection.transaction():
                    connection.execute(query("losses", "put_back"), values)


def risks(connection: Connection, step: str, before: dict[int, Counter], tables: dict[int, Table]) -> Iterator[Risk]:
    """What has become of the sequences that were used `before` a step, in the transaction in which it is tried.

    `tables` are those after it. What goes with its column is told by that.
    """
    after = read(connection)
    for counter in before.values():
        if counter.given_out == 0 or counter.goes_with(tables):
            continue
        if counter.oid not in after:
            yield Risk(step, "counter", counter.name)
        elif counter.last is not None and (behind := _behind(connection, counter, after[counter.oid])) > 0:
            yield Risk(step, "counter", counter.name, changed=behind)


def given_out(connection: Connection, name: str) -> int | None:
    """How many values; None where this role may not see that. Raises psycopg.errors.UndefinedTable."""
    with connection.transaction():
        oid = connection.value("select %s::pg_catalog.regclass::oid", [name])
    found = read(connection).get(oid)
    return None if found is None else found.given_out


def use(connection: Connection) -> None:
    """Has each sequence of a temporary database used, so that a step shows whether it sets one back."""
    with database.own_names(connection):
        connection.execute(query("losses", "use"))


def _behind(connection: Connection, before: Counter, now: Counter) -> int:
    """How many of the values that were given out would come again."""
    assert before.last is not None
    last = _before_next(connection, now) if now.last is None else now.last
    return (before.last - last) // before.step


def _before_next(connection: Connection, counter: Counter) -> int:
    """The value before the one that a sequence begins with, as setval(…, false) or restart has left it."""
    begins = counter.first
    if not trust.may_read(connection, [counter.oid]):  # its name may lead to a view by now
        return begins - counter.step
    with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
        begins = connection.value(sql.SQL("select last_value from {}").format(sql.SQL(counter.name)))
    return begins - counter.step
