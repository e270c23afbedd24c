"""Taking a step on a temporary database, and seeing what each of its statements does."""

import re
from dataclasses import dataclass

from memdb import database, statements
from memdb.effects.measuring import NOTHING_NEW, UNKNOWN, Effects, Watch
from memdb.errors import StatementFailed
from memdb.ledger.plan import Step
from memdb.migrations import session
from memdb.migrations.execution import execute_statement
from memdb.scratch import Database
from memdb.statements import Statement

# active_sql_transaction, invalid_transaction_termination: what can be run outside of a transaction only.
_NOT_IN_TRANSACTION = {"25001", "2D000"}

# One more row for the same table does what the one before it did, and files may hold thousands of them.
_INSERT = re.compile(r"insert\s+into\s+[^\s(]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tried:
    """A statement of a file and what it did. `line` and `column` count from 1."""

    line: int
    column: int
    statement: str
    effects: Effects


def take(fresh: Database, step: Step) -> tuple[Tried, ...]:
    """Tries the statements one by one in a transaction that is taken back, and then takes the step as a run does.

    Raises StatementFailed.
    """
    if fresh.lacks(step.migration):
        return untried(step)
    try:
        tried = fresh.attempt(lambda: _in_transaction(fresh, step))
    except StatementFailed as error:
        if step.migration.transactional or error.sqlstate not in _NOT_IN_TRANSACTION:
            raise
        return _alone(fresh, step)
    fresh.run(step)
    return tried


def untried(step: Step) -> tuple[Tried, ...]:
    """The statements of a step of which nothing is known."""
    return tuple(_tried(step, statement, UNKNOWN) for statement in statements.split(step.sql))


def _in_transaction(fresh: Database, step: Step) -> tuple[Tried, ...]:
    connection, tried, written = fresh.connection, [], ""
    watch = Watch(connection, fresh.schema)
    with connection.transaction(force_rollback=True), session.names_of_the_target(connection):
        for statement in statements.split(step.sql):
            execute_statement(connection, statement, step.sql, str(step.path))
            insert = _INSERT.match(statement.text)
            if insert and insert[0] == written:
                tried.append(_tried(step, statement, NOTHING_NEW))
                continue
            written = insert[0] if insert else ""
            with database.own_names(connection):
                tried.append(_tried(step, statement, watch.after(statement)))
        connection.execute(database.OWN_NAMES)
    return tuple(tried)


def _alone(fresh: Database, step: Step) -> tuple[Tried, ...]:
    watch = Watch(fresh.connection, fresh.schema)
    fresh.run(step)
    (statement,) = statements.split(step.sql)
    return (_tried(step, statement, watch.after_lone(statement)),)


def _tried(step: Step, statement: Statement, effects: Effects) -> Tried:
    line, column = statements.line_and_column(step.sql, statement.start)
    return Tried(line, column, statements.cut(statement.text.splitlines()[0]), effects)
