"""Runs one migration and writes it into the history.

In a transaction of its own with its entry, so that it is there completely or not at all; or outside of one, written
down before it begins, so that what was cut short can be taken up.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import psycopg

from memdb.database import Connection
from memdb.errors import HistoryError, StatementFailed
from memdb.ledger import history
from memdb.ledger.homes import Home
from memdb.ledger.plan import Step
from memdb.ledger.sqlfiles import Migration
from memdb.migrations import alone, concurrently, counters, locking, losses, risks, session
from memdb.migrations.alone import LoneStatement
from memdb.migrations.execution import execute_deferred, execute_file, notices
from memdb.migrations.losses import Agreement, Loss, Measured, of_untried
from memdb.migrations.risks import Risk
from memdb.migrations.scribe import Scribe
from memdb.migrations.session import Limits

Notices = list[str]
_STILL_NEEDED = "2BP01"  # dependent_objects_still_exist
_WORKS_IN_SEVERAL = {"55P04", "53200"}  # transactions: unsafe_new_enum_value_usage, out_of_memory (of the lock table)


class Runner:
    """Applies migrations and takes them back on one open connection, which must hold the lock of migrations."""

    def __init__(self, connection: Connection, home: Home, limits: Limits = Limits()) -> None:
        self._connection, self._home, self._limits = connection, home, limits
        self.scribe = Scribe(connection, home)

    def run(
        self,
        step: Step,
        *,
        agreement: Agreement | None = None,
        on_advice: Callable[[str], None] = lambda _: None,
    ) -> tuple[float, Notices]:
        """How long it took in milliseconds, and what the server had to say.

        With an `agreement` it is measured first what would be lost. Raises WouldLose where that is more, HistoryError
        where names lead elsewhere than when it was applied, and StatementFailed when the server refuses a statement; in
        a transaction nothing stays then.
        """
        session.clean(self._connection, self._limits)
        self._require_same_target(step)
        started = time.perf_counter()
        if step.migration.transactional:
            return self._in_transaction(step, agreement, started)
        if agreement is not None:
            agreement.require(step, of_untried(step))
        return self._alone(step, on_advice, started)

    def foresee(self, steps: Sequence[Step], *, counting: bool) -> tuple[Loss, ...]:
        """What these rollbacks would lose one after the other, tried in one transaction that is taken back; that they
        can be done at all where nothing is counted.

        Raises StatementFailed for the first that the server refuses, unless that may be for want of what those before
        it do outside of a transaction, or commit: then nothing is known of it, and of those that follow.
        """
        session.clean(self._connection, self._limits)
        found: list[Loss] = []
        with (
            counters.kept(self._connection),
            self._connection.transaction(force_rollback=True),
            _closing_if_busy(self._connection),
        ):
            for position, step in enumerate(steps):
                # What one step does to all shards at once would keep the next from much.
                session.reach_workers(self._connection, self._limits, shard_by_shard=True)
                self._require_same_target(step)
                if step.migration.requires:  # it may move all rows to other servers, for which locks are held too long
                    return (*found, *chain.from_iterable(map(of_untried, steps[position:])))
                if not step.migration.transactional:
                    found += of_untried(step)
                    with session.names_of_the_target(self._connection):
                        concurrently.stand_in(self._connection, step.sql, str(step.path))
                    session.clean(self._connection, self._limits)
                    continue
                try:
                    found += self._try_after(steps[:position], step, counting=counting)
                except StatementFailed as error:
                    if not _may_work_after(steps[:position], error):
                        raise
                    return (*found, *chain.from_iterable(map(of_untried, steps[position:])))
                session.clean(self._connection, self._limits)
        return tuple(found)

    def _try_after(self, before: Sequence[Step], step: Step, *, counting: bool) -> tuple[Loss, ...]:
        """Takes a step of a trial; once more where an index was in its way that those before it drop by themselves.

        Not dropped sooner: that locks out everybody for as long as the trial takes.
        """
        try:
            with self._connection.transaction():
                losses = self._measure(step).losses if counting else ()
                self._execute(step)
                return losses
        except StatementFailed as error:
            if error.sqlstate != _STILL_NEEDED or not self._drop_indexes(before):
                raise
        return self._try_after((), step, counting=counting)

    def _drop_indexes(self, steps: Sequence[Step]) -> bool:
        """In a trial, those that these steps drop concurrently; False where none is there."""
        session.clean(self._connection, self._limits)
        lone = ((step.sql, str(step.path)) for step in steps if not step.migration.transactional)
        with session.names_of_the_target(self._connection):
            drops = [(concurrently.plain_drop(self._connection, text, path), path) for text, path in lone]
            for drop, path in drops:
                if drop:
                    execute_file(self._connection, drop, path)
        session.clean(self._connection, self._limits)
        return any(drop for drop, _ in drops)

    def risks(self, step: Step) -> tuple[Risk, ...]:
        """What a rollback in a transaction does to a temporary database, tried and taken back."""
        session.clean(self._connection, self._limits)
        counters.use(self._connection)
        with self._connection.transaction(force_rollback=True), _closing_if_busy(self._connection):
            return self._measure(step).risks

    def _require_same_target(self, step: Step) -> None:
        history.require_same_target(self._connection, self._home, step.id, step.target)

    def _measure(self, step: Step) -> Measured:
        return losses.measure(self._connection, self._home.schema, step.id, lambda: self._execute(step))

    def _in_transaction(self, step: Step, agreement: Agreement | None, started: float) -> tuple[float, Notices]:
        """Changes all shards at once, unless what follows in the file can then no longer be done."""
        try:
            return self._in_one_transaction(step, agreement, started, shard_by_shard=False)
        except StatementFailed as error:
            if not session.asks_for_shard_by_shard(error):
                raise
        session.clean(self._connection, self._limits)
        return self._in_one_transaction(step, agreement, started, shard_by_shard=True)

    def _in_one_transaction(
        self, step: Step, agreement: Agreement | None, started: float, *, shard_by_shard: bool
    ) -> tuple[float, Notices]:
        connection = self._connection
        with connection.transaction(), _closing_if_busy(connection):
            session.reach_workers(connection, self._limits, shard_by_shard=shard_by_shard)
            if agreement is not None and step.migration.requires:
                agreement.require(step, of_untried(step))
            if agreement is None or step.migration.requires:
                messages = self._execute(step)
            else:
                measured = self._measure(step)
                agreement.require(step, measured.losses)
                before = risks.tables(connection, self._home.schema)
                messages = self._execute(step)
                after = risks.tables(connection, self._home.schema)
                measured.require_no_more(risks.risks(step.id, before, after))
            return self._write_down(step, started), messages

    def _execute(self, step: Step) -> Notices:
        """The whole text, with what it has deferred, in the session in which it was written to run."""
        with session.names_of_the_target(self._connection), notices(self._connection) as messages:
            execute_file(self._connection, step.sql, str(step.path))
            execute_deferred(self._connection, str(step.path))
            session.take_time(self._connection)
        return messages

    def _alone(self, step: Step, on_advice: Callable[[str], None], started: float) -> tuple[float, Notices]:
        lone = LoneStatement(self._connection, step, on_advice)
        with notices(self._connection) as messages:
            if step.direction == "migrate":
                self._apply_alone(lone, step.migration)
            else:
                self._roll_back_alone(lone, step.migration)
            return self._write_down(step, started), messages

    def _apply_alone(self, lone: LoneStatement, migration: Migration) -> None:
        with self._writing():
            # What is begun is written down first, so that a later run knows whose index it finds.
            begun = self.scribe.begin(migration)
        try:
            with session.names_of_the_target(self._connection):
                if begun is not None and begun[0] != migration.checksum:
                    lone.clear_away(begun[1])
                lone.reach_goal(begun=begun is not None and begun[0] == migration.checksum)
        except StatementFailed as error:
            if not error.half_done:
                with self._writing():
                    self.scribe.forget(migration.id)
            raise

    def _roll_back_alone(self, lone: LoneStatement, migration: Migration) -> None:
        with self._writing():
            self.scribe.begin_rollback(migration)
        try:
            with session.names_of_the_target(self._connection):
                lone.reach_goal(begun=True)
        except StatementFailed as error:
            if lone.is_intact() and not error.half_done:
                with self._writing():
                    self.scribe.applied(migration, None, operation="mark")
            raise

    def _write_down(self, step: Step, started: float) -> float:
        """How long it took in milliseconds, which is also what is written."""
        duration_ms = (time.perf_counter() - started) * 1000
        with self._writing():
            if step.direction == "migrate":
                if step.migration.transactional:  # stock yoyo leaves its place when it takes it back
                    self.scribe.forget(step.id)
                try:
                    self.scribe.applied(step.migration, duration_ms)
                except psycopg.errors.UniqueViolation:
                    raise _done_by_others(step) from None
            elif not self.scribe.rolled_back(step.migration) and step.migration.transactional:
                raise _done_by_others(step)
        return duration_ms

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction for the history, in a session that is clean again, whatever the file has left in it."""
        session.clean(self._connection, self._limits)
        with self.scribe.writing(), _closing_if_busy(self._connection):
            yield


def _done_by_others(step: Step) -> HistoryError:
    done = "applied" if step.direction == "migrate" else "rolled back"
    return HistoryError(f"another program has {done} {step.id} meanwhile", hint="Look again: memdb status")


@contextmanager
def _closing_if_busy(connection: Connection) -> Iterator[None]:
    """A transaction around it is over when the block is, also where Ctrl-C came while the server was busy with it."""
    try:
        yield
    except BaseException:
        locking.close_if_busy(connection)
        raise


def _may_work_after(steps: Sequence[Step], error: StatementFailed) -> bool:
    """Whether what failed may not fail once these steps are done: a new value of an enum has to be committed, the locks
    of all may be too many for one transaction, and those outside of one, which make or drop what it names, have not
    been tried.
    """
    left_out = (step for step in steps if not step.migration.transactional)
    return error.sqlstate in _WORKS_IN_SEVERAL or (
        error.sqlstate.startswith(("42", "2B", "55000")) and any(_is_in_the_way(step, error) for step in left_out)
    )


def _is_in_the_way(step: Step, error: StatementFailed) -> bool:
    """An index that is still there is in the way of what fails over its name, and of nothing else."""
    lone = concurrently.index_statement(step.sql, str(step.path))
    if lone is None:
        return not alone.keeps_values(step.sql, str(step.path))
    if lone.action == "create":
        return True
    return lone.index.rpartition(".")[2].strip('"').lower() in error.message.lower()
