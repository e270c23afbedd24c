"""The one statement of a file outside of a transaction, which can be cut short and found half done later.

One about an index can be taken up, since the index says how far it came. Another one may be a block that commits by
itself, or a partition that is detached concurrently: what it has done cannot be told, so it never runs twice unasked.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

import psycopg

from memdb import statements
from memdb.database import Connection, query
from memdb.errors import HistoryError, StatementFailed
from memdb.ledger import history
from memdb.ledger.plan import Plan, Step
from memdb.migrations import concurrently
from memdb.migrations.concurrently import IndexStatement
from memdb.migrations.execution import execute_file, notices

_CHANGES_NO_VALUE = {"analyze", "cluster", "reindex", "vacuum"}
_NOTHING = re.compile(r"select\s+\d+", re.IGNORECASE)  # what preflight proposes where nothing is to be done
_OF_ONE_STATEMENT = 2  # its own transaction, and that in which they are counted afterwards
_STAYS = (
    "It ran outside of a transaction. What it committed by itself stays, and would be done again. So change the "
    "file to do only what is left."
)
_LEFT_BY_REINDEX = "It may have left an INVALID index, whose name ends in _ccnew: drop that."


def keeps_values(text: str, path: str) -> bool:
    """Whether the one statement of a file leaves all rows and values as they are, so that it may also run twice."""
    statement = statements.split(text)[0]
    if _NOTHING.fullmatch(statement.text) or not _CHANGES_NO_VALUE.isdisjoint(statement.words[:1]):
        return True
    return concurrently.index_statement(text, path) is not None


def require_decided(planned: Plan) -> None:
    """Raises HistoryError for a file that was begun and cut short, and might do twice what it had done by then.

    Or that was applied, by all but yoyo's table.
    """
    begun = {item.id: item.checksum for item in planned.history.unfinished}
    lost = {item.id for item in planned.history.unfinished if item.lost}
    for step in planned.steps:
        migration = step.migration
        if step.id in lost:
            raise history.lost(planned.history.home, step.id)
        if (
            step.direction == "migrate"
            and begun.get(step.id) == migration.checksum
            and not (migration.transactional or keeps_values(step.sql, str(step.path)))
        ):
            raise HistoryError(
                f"{step.path} was begun outside of a transaction and not finished; part of it may be done",
                hint="See in the database what it has done, and change the file to do only what is left. If it has "
                "done "
                f"everything: memdb repair --mark {step.id}. If it may run again from the beginning: memdb repair "
                f"--unmark {step.id}",
            )


class LoneStatement:
    """The one statement of a file outside of a transaction, which can be cut short and found half done later."""

    def __init__(self, connection: Connection, step: Step, on_advice: Callable[[str], None]) -> None:
        self._connection, self._on_advice = connection, on_advice
        self._sql, self._path = step.sql, str(step.path)
        self._index = concurrently.index_statement(self._sql, self._path)
        self._words = statements.split(self._sql)[0].words

    def is_intact(self) -> bool:
        """Whether a rollback that failed has left all as it was, and not an index that is dropped by halves."""
        if self._index is None or self._index.action == "create":
            return True
        return concurrently.is_valid(self._connection, self._index) is True

    def reach_goal(self, *, begun: bool) -> None:
        """Runs the statement, unless one that was begun before has reached the goal by itself."""
        if self._index is None:
            self._run_other()
        elif not concurrently.is_done(self._connection, self._index, begun=begun):
            try:
                with _without_lock_timeout(self._connection):
                    self._run_index_statement(self._index)
            except BaseException:
                self._clear_away(self._index)
                raise

    def clear_away(self, text: str) -> None:
        """Drops what an earlier form of this migration has begun."""
        self._clear_away(concurrently.index_statement(text, self._path))

    def _clear_away(self, index: IndexStatement | None) -> None:
        """Tries to drop what a failed build has left. What is held up here is left to the next run."""
        if index is not None:
            with suppress(psycopg.Error):
                concurrently.drop_if_invalid(self._connection, index)

    def _run_other(self) -> None:
        in_the_background = "concurrently" in self._words
        with _without_lock_timeout(self._connection) if in_the_background else nullcontext():
            before = _transactions(self._connection)
            try:
                execute_file(self._connection, self._sql, self._path)
            except StatementFailed as error:
                if _transactions(self._connection) > before + _OF_ONE_STATEMENT:
                    self._tell_what_stays(error)
                raise

    def _tell_what_stays(self, error: StatementFailed) -> None:
        """Of a statement that has ended transactions by itself before it failed."""
        error.half_done = not keeps_values(self._sql, self._path)
        if error.half_done:
            error.hint += " " + _STAYS
        elif "reindex" in self._words[:1] and "concurrently" in self._words:
            error.hint += " " + _LEFT_BY_REINDEX

    def _run_index_statement(self, index: IndexStatement) -> None:
        if index.action == "create":
            concurrently.drop_if_invalid(self._connection, index)
        elif self._connection.has_citus and concurrently.drop_if_invalid(self._connection, index):
            return  # the file itself would not drop what was dropped on some shards before
        advise = concurrently.memory_advice(self._connection, index)
        with notices(self._connection, lambda notice: self._on_advice(advise(notice))):
            execute_file(self._connection, self._sql, self._path)
        concurrently.require_valid(self._connection, index, self._path)


@contextmanager
def _without_lock_timeout(connection: Connection) -> Iterator[None]:
    """A concurrent build waits for old transactions to end, and nobody has to wait for it meanwhile."""
    before = connection.value("show lock_timeout")
    connection.execute("set lock_timeout = 0")
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute("select pg_catalog.set_config('lock_timeout', %s, false)", [before])


def _transactions(connection: Connection) -> int:
    """How many transactions this session has begun, those within a block or procedure, too."""
    return int(connection.value(query("session", "transactions")))
