"""What can be told of a migration before it runs, so that a run does not stop half-way for it."""

from memdb import statements
from memdb.errors import MigrationError
from memdb.statements import Statement

_TRANSACTION_CONTROL = {"begin", "commit", "end", "abort", "rollback", "start", "prepare"}
_SUSPECTS = (*_TRANSACTION_CONTROL, "copy")


def check(sql: str, path: str, *, transactional: bool) -> None:
    """Raises MigrationError for what would break the promise that all of a migration stays or nothing."""
    found = statements.split(sql)
    if not found:
        raise MigrationError(
            f"{path} has no statement", hint="Fill it in; where nothing is to be done, say so with: select 1;"
        )
    for statement in found:
        if statement.text.lower().startswith(_SUSPECTS):
            _check_statement(statement, f"{path}:{statements.line_and_column(sql, statement.start)[0]}")
    if not transactional and len(found) > 1:
        raise MigrationError(
            f"{path}: {len(found)} statements in a file that says transactional: false",
            hint="Without a transaction a failure could leave half of them done: put each into a file of its own.",
        )


def _check_statement(statement: Statement, where: str) -> None:
    first, *rest = statement.words
    if _controls_transaction(first, rest):
        raise MigrationError(
            f'{where}: "{first}" would end the transaction in which memdb runs the file',
            hint="Remove it: a migration and its entry in the history are committed together.",
        )
    if first == "copy" and "stdin" in rest:
        raise MigrationError(
            f"{where}: COPY FROM STDIN has no input here",
            hint="Use INSERT, or load the rows outside of migrations.",
        )


def _controls_transaction(first: str, rest: list[str]) -> bool:
    if first == "rollback":
        return "to" not in rest[:2]
    if first == "prepare":
        return rest[:1] == ["transaction"]
    return first in _TRANSACTION_CONTROL
