"""Which rows and values a rollback loses: found out by trying it in its own transaction, never guessed from its text.

The trial is taken back to a savepoint. What it would lose is counted then, under locks that keep it from changing, and
compared with what somebody has agreed to lose. Only after that the rollback is run for good.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql

from memdb import database, trust
from memdb.database import Connection, query
from memdb.errors import HistoryError, MigrationError, StatementFailed
from memdb.ledger.plan import Step
from memdb.migrations import alone, counters
from memdb.migrations.risks import Kind, Risk, Table, is_uncounted, risks, shared, tables
from memdb.words import count, printable

CHANGED = "40001"  # serialization_failure
_HOW = {
    "converted": ", converted to another type",
    "changed": ", deleted or overwritten",
    "counter": ", which it would give out again",
}
# Beside what this role may not see: a materialized view cannot be locked, a foreign table may lead to nowhere, some
# types have no binary form, and a function of an index may need names of another search_path.
_UNREADABLE = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.WrongObjectType,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.FdwError,
)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the rollback `step` loses of `object`, a table, column or sequence with its schema.

    table, column: it is dropped with its rows or values; converted: the values of a column get another type; changed:
    rows are deleted, overwritten or truncated; counter: a sequence that was used is dropped or set back; unknown: it
    could not be tried.
    `count` is of rows, of values that are not null, or of those that the sequence would give out again; None where they
    cannot be counted.
    """

    step: str
    kind: Kind
    object: str
    count: int | None

    def in_words(self) -> str:
        """`app.memories (300 rows)`"""
        name = printable(self.object)
        if self.kind == "unknown":
            return f"what {name} changes, which cannot be tried"
        noun = "row" if self.kind in ("table", "changed") else "value"
        how = _HOW.get(self.kind, "")
        if self.count is None:
            return f"{name} ({noun}s that cannot be counted{how})"
        return f"{name} ({count(self.count, noun)}{how})"


class WouldLose(MigrationError):
    """A rollback would lose what nobody has agreed to; it was not done. `losses` are those of all of `steps`."""

    def __init__(self, message: str, steps: Iterable[Step], losses: tuple[Loss, ...], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.steps, self.losses = tuple(step.id for step in steps), losses

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        return [*(loss.in_words() for loss in self.losses), self.hint]

    def widen(self, steps: Iterable[Step], losses: Iterable[Loss]) -> None:
        """Asks about all `steps` that are left, so that who agrees to it agrees to a plan; `losses` are of any step."""
        others = [loss for loss in losses if loss.step not in self.steps]
        self.steps = tuple(step.id for step in steps)
        found = (*self.losses, *(loss for loss in others if loss.step in self.steps))
        self.losses = tuple(sorted(found, key=lambda loss: self.steps.index(loss.step)))


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
                    hint="Nothing was done. Look again, and decide again: memdb rollback",
                )

    def require_same(self, steps: tuple[Step, ...]) -> None:
        """Raises HistoryError where the plan is no longer the one that was shown."""
        ids = tuple(step.id for step in steps)
        if self.steps not in ((), ids):
            raise HistoryError(
                f"what would be rolled back has changed since it was shown: {', '.join(ids) or 'nothing'} now, "
                f"{', '.join(self.steps)} then",
                hint="Someone else has changed this database meanwhile. Look again: memdb status",
            )


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step would lose, and the risks that were looked at for that; their tables are locked."""

    losses: tuple[Loss, ...]
    risks: tuple[Risk, ...]

    def require_no_more(self, risks: Iterable[Risk]) -> None:
        """Raises StatementFailed, which is worth another try, where the step itself did more than its trial.

        It may have found other rows: what it changes is locked only after the trial has shown what that is.
        """
        seen = {(risk.kind, risk.object): risk.changed for risk in self.risks}
        for risk in risks:
            if (risk.kind, risk.object) not in seen or _is_more(risk.changed, seen[risk.kind, risk.object]):
                raise StatementFailed(f"others have changed {risk.table} while it was looked at", sqlstate=CHANGED)


def of_untried(step: Step) -> tuple[Loss, ...]:
    """Of a lone statement, which has no transaction to be tried in, or where a trial has failed.

    Of some it is known that they keep all values: those about an index, VACUUM and its like, and `select 1`.
    """
    if not step.migration.transactional and alone.keeps_values(step.sql, str(step.path)):
        return ()
    return (Loss(step.id, "unknown", step.path.name, None),)


def measure(connection: Connection, home: str, step: str, run: Callable[[], object]) -> Measured:
    """What `run` would lose beside the history in the schema `home`.

    It is counted in the open transaction, in which `run` then has left nothing but locks.
    """
    before = tables(connection, home)
    with counters.kept(connection) as used, connection.transaction(force_rollback=True):
        run()
        database.keep_to_own_names(connection)
        after = tables(connection, home)
        of_counters = tuple(counters.risks(connection, step, used, after))
        uncounted = [(table, after[table.oid]) for table in before.values() if is_uncounted(table, after)]
        contents = {table.name: _contents(connection, now.name, shared(table, now)[1]) for table, now in uncounted}
    of_tables = tuple(risks(step, before, after))
    found = of_tables + of_counters
    _lock(connection, {risk.table for risk in of_tables})
    kept = {table.name for table, now in uncounted if _is_kept(connection, table, now, contents[table.name])}
    measured = (
        _corrected(counted(connection, risk), risk)
        for risk in found
        if not (risk.kind == "changed" and risk.table in kept)
    )
    return Measured(tuple(loss for loss in measured if loss.count != 0), found)


def counted(connection: Connection, risk: Risk) -> Loss:
    """How much there is to be lost, at most."""
    count = counters.given_out(connection, risk.table) if risk.kind == "counter" else _count(connection, risk)
    return Loss(risk.step, risk.kind, risk.object, count)


def foreseen(
    connection: Connection, steps: Iterable[Step], risks: Iterable[Risk], measured: Collection[str]
) -> tuple[Loss, ...]:
    """What these steps may lose by the risks that were seen elsewhere, with as much as this role can count. Reads only.

    The run itself tries each step on the real rows and counts again; a file may decide by rows what it does. What a
    step changes that was not `measured`, or on tables which are not there, or not like that, is not known.
    """
    found: list[Loss] = []
    known = set(measured)
    with database.own_names(connection):
        for risk in dict.fromkeys(risks):
            try:
                found.append(counted(connection, risk))
            except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
                known.discard(risk.step)
    untried = (of_untried(step) for step in steps if step.id not in known)
    return (*(loss for loss in found if loss.count != 0), *chain.from_iterable(untried))


def _corrected(loss: Loss, risk: Risk) -> Loss:
    """As much as really changed, where that is known."""
    if risk.changed is None:
        return loss
    return replace(loss, count=risk.changed if loss.count is None else min(risk.changed, loss.count))


def _lock(connection: Connection, names: set[str]) -> None:
    """Keeps rows from coming and going until the rollback is through: it needs these locks, too."""
    try:
        for name in sorted(names):
            _attempt(connection, sql.SQL("lock table {} in access exclusive mode").format(sql.SQL(name)))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise StatementFailed(str(error.diag.message_primary), sqlstate=error.sqlstate or "") from error


def _count(connection: Connection, risk: Risk) -> int | None:
    """Rows of a table, or the values of a column; None where this role may not see all of them.

    Those of tables that inherit from it are their own.
    """
    what = sql.SQL("*" if risk.column is None else risk.column)
    only = sql.SQL("" if risk.partitioned else "only")
    statement = sql.SQL("select count({}) from {} {}").format(what, only, sql.SQL(risk.table))
    found = _read(connection, risk.table, statement)
    return None if found is None else int(found[0])


def _contents(connection: Connection, table: str, columns: list[str]) -> Any:
    """What tells the rows of a table from any others, in whichever order; None where that cannot be told."""
    row = sql.SQL(", ").join(map(sql.SQL, columns))
    statement = sql.SQL(query("losses", "contents")).format(row=row, table=sql.SQL(table))
    return _read(connection, table, statement)


def _is_kept(connection: Connection, table: Table, now: Table, contents: Any) -> bool:
    """Whether a table has the rows and values after a step that it has before."""
    return contents is not None and contents == _contents(connection, table.name, shared(table, now)[0])


def _read(connection: Connection, table: str, statement: sql.Composed) -> Any:
    """None where this role may not read the table, or as a superuser had better not. Raises UndefinedTable."""
    found = _attempt(connection, sql.SQL("select pg_catalog.to_regclass({})::oid").format(sql.Literal(table)))
    if found == (None,):  # nobody knows whose it is when it is there again
        raise psycopg.errors.UndefinedTable(f"there is no table {table}")
    if found is None or not trust.may_read(connection, found):
        return None
    with connection.transaction(force_rollback=True):  # the setting is for this reading, not for the step itself
        connection.execute("set local row_security = off")
        return _attempt(connection, statement)


def _attempt(connection: Connection, statement: sql.Composed) -> Any:
    try:
        with connection.transaction():
            cursor = connection.execute(statement)
            return cursor.fetchone() if cursor.description else None
    except _UNREADABLE:
        return None


def _is_more(count: int | None, than: int | None) -> bool:
    """Whether more is lost than was agreed to. What could not be counted for the question covers any number."""
    return than is not None and (count is None or count > than)
