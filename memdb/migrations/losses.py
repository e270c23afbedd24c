"""Which rows and values a rollback loses: found out by trying it in its own transaction, never guessed from its text.

The trial is taken back to a savepoint. What it would lose is counted then, under locks that keep it from changing, and
compared with what somebody has agreed to lose. Only after that the rollback is run for good.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from memdb.database import Connection, keep_to_own_names, query
from memdb.errors import HistoryError, MigrationError, StatementFailed
from memdb.ledger.plan import Step
from memdb.words import count

Kind = Literal["table", "column", "converted", "changed", "unknown"]


@dataclass(frozen=True, slots=True)
class Loss:
    """What the rollback `step` loses of `object`, a table or a column with its schema.

    table, column: it is dropped with its rows or values; converted: the values of a column get another type; changed:
    rows are deleted, overwritten or truncated; unknown: it runs outside of a transaction and cannot be tried.
    `count` is of rows, or of values that are not null; None where they cannot be counted.
    """

    step: str
    kind: Kind
    object: str
    count: int | None

    def in_words(self) -> str:
        """`app.memories (300 rows)`"""
        if self.kind == "unknown":
            return f"what {self.object} changes, which cannot be tried, since it runs outside of a transaction"
        noun = "value" if self.kind in ("column", "converted") else "row"
        how = {"converted": ", converted to another type", "changed": ", deleted or overwritten"}.get(self.kind, "")
        if self.count is None:
            return f"{self.object} ({noun}s that this role cannot count{how})"
        return f"{self.object} ({count(self.count, noun)}{how})"


class WouldLose(MigrationError):
    """A rollback would lose what nobody has agreed to; it was not done. `losses` are those of all of `steps`."""

    def __init__(self, message: str, steps: Iterable[Step], losses: tuple[Loss, ...], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.steps, self.losses = tuple(step.id for step in steps), losses


@dataclass(frozen=True, slots=True)
class Agreement:
    """What somebody has agreed to lose when they were asked about `steps`. The empty one is to lose nothing."""

    steps: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()

    def require(self, step: Step, losses: tuple[Loss, ...]) -> None:
        """Raises WouldLose where something else, or more, would be lost."""
        agreed = {(loss.step, loss.kind, loss.object): loss.count for loss in self.losses}
        for loss in losses:
            key = (loss.step, loss.kind, loss.object)
            if key not in agreed or _is_more(loss.count, agreed[key]):
                raise WouldLose(
                    f"rolling back {step.id} would lose more than was agreed to: {loss.in_words()}",
                    [step],
                    losses,
                    hint="Nothing of it was done. Look again, and decide again: memdb rollback",
                )

    def require_same(self, steps: tuple[Step, ...]) -> None:
        """Raises HistoryError where the plan is no longer the one that was shown."""
        ids = tuple(step.id for step in steps)
        if self.steps not in ((), ids):
            raise HistoryError(
                f"what would be rolled back has changed since it was shown: {', '.join(ids) or 'nothing'} now, "
                f"{', '.join(self.steps)} then",
                hint="Somebody else has changed this database meanwhile. Look again: memdb status",
            )


@dataclass(frozen=True, slots=True)
class Risk:
    """Rows or values that a step was seen to touch. `changed` counts rows where all that it did can be told by that."""

    step: str
    kind: Kind
    table: str
    column: str | None = None
    changed: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its state. `columns` are name, type and whether it is computed, by number.

    `changed` and `inserted` count rows of this transaction, if the server counts (`counted`); `written` says that it
    was about to write some. `file` is another one after a truncate or a rewrite.
    """

    oid: int
    name: str
    file: int | None
    parent: int | None
    columns: dict[str, list[Any]]
    changed: int
    inserted: int
    written: bool
    counted: bool


def measure(connection: Connection, step: str, run: Callable[[], None]) -> tuple[Loss, ...]:
    """What `run` would lose, counted in the open transaction, in which it then has left nothing but locks."""
    before = tables(connection)
    rows: dict[str, int | None] = {}
    with connection.transaction(force_rollback=True):
        run()
        keep_to_own_names(connection)
        after = tables(connection)
        for table in before.values():
            if _is_new_file(table, after):
                rows[table.name] = _count(connection, after[table.oid].name)
    found = list(risks(step, before, after))
    _lock(connection, {risk.table for risk in found})
    counted_ones = (_corrected(counted(connection, risk), risk, rows) for risk in found)
    return tuple(loss for loss in counted_ones if loss.count != 0)


def tables(connection: Connection) -> dict[int, Table]:
    """The tables as they are at this moment of a transaction, by oid."""
    with connection.cursor(row_factory=class_row(Table)) as cursor:
        return {table.oid: table for table in cursor.execute(query("losses", "tables")).fetchall()}


def risks(step: str, before: dict[int, Table], after: dict[int, Table]) -> Iterator[Risk]:
    """What of the tables that were there `before` is not there, or as it was, `after` a step."""
    for table in before.values():
        if table.oid in after:
            yield from _of_kept_table(step, table, after[table.oid], before.get(table.parent or 0))
        elif table.parent is None or table.parent in after:  # rows of partitions are those of their table
            yield Risk(step, "table", table.name)


def counted(connection: Connection, risk: Risk) -> Loss:
    """How much there is to be lost, at most."""
    name = risk.table if risk.column is None else f"{risk.table}.{risk.column}"
    return Loss(risk.step, risk.kind, name, _count(connection, risk.table, risk.column))


def _of_kept_table(step: str, table: Table, now: Table, parent: Table | None) -> Iterator[Risk]:
    changed = now.changed - table.changed
    new_file = now.file != table.file
    if changed or new_file or (now.written and not table.written and now.inserted == table.inserted):
        replaced = new_file and now.inserted > table.inserted
        yield Risk(step, "changed", table.name, None, None if replaced or not now.counted else changed)
    inherited = {column[0] for column in parent.columns.values()} if parent else set()
    for number, (name, type, generated) in table.columns.items():
        if generated or name in inherited:  # what is computed can be computed again
            continue
        if number not in now.columns:
            yield Risk(step, "column", table.name, name)
        elif now.columns[number][1] != type:
            yield Risk(step, "converted", table.name, name)


def _is_new_file(table: Table, after: dict[int, Table]) -> bool:
    return table.oid in after and table.file != after[table.oid].file


def _corrected(loss: Loss, risk: Risk, rows_after: dict[str, int | None]) -> Loss:
    """As much as really changed. A table in a new file was emptied, or only rewritten with all of its rows."""
    if risk.kind != "changed" or risk.changed is None:
        return loss
    if risk.table in rows_after and rows_after[risk.table] != loss.count:
        return loss
    return replace(loss, count=risk.changed if loss.count is None else min(risk.changed, loss.count))


def _lock(connection: Connection, names: set[str]) -> None:
    """Keeps rows from coming and going until the rollback is through: it needs these locks, too."""
    try:
        for name in sorted(names):
            _attempt(connection, sql.SQL("lock table {} in access exclusive mode").format(sql.SQL(name)))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise StatementFailed(str(error.diag.message_primary), sqlstate=error.sqlstate or "") from error


def _count(connection: Connection, table: str, column: str | None = None) -> int | None:
    """Rows of a table, or the values of a column; None where this role may not see all of them."""
    what = "*" if column is None else column
    _attempt(connection, sql.SQL("set local row_security = off").format())
    found = _attempt(connection, sql.SQL("select count({}) from {}").format(sql.SQL(what), sql.SQL(table)))
    return None if found is None else int(found[0])


def _attempt(connection: Connection, statement: sql.Composed) -> Any:
    try:
        with connection.transaction():
            cursor = connection.execute(statement)
            return cursor.fetchone() if cursor.description else None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
        return None


def _is_more(count: int | None, than: int | None) -> bool:
    """Whether more is lost than was agreed to. What could not be counted for the question covers any number."""
    return than is not None and (count is None or count > than)
