"""Indexes that are built and dropped outside of a transaction, so that the application goes on writing.

Such a statement can be cut short, which leaves an INVALID index: one that costs every write and serves no
query. `if not exists` takes it for done. So the state of the index is looked at before and after.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from memdb.database import Connection, query
from memdb.errors import StatementFailed

_NAME = r'(?P<name>(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)'
_CREATE = re.compile(
    rf"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?{_NAME}\s+on\s+(?:only\s+)?"
    + _NAME.replace("name", "table"),
    re.IGNORECASE,
)
_GRAPH_NOTICE = re.compile(r"hnsw graph no longer fits into maintenance_work_mem after (\d+) tuples")
_DROP = re.compile(rf"drop\s+index\s+concurrently\s+(?:if\s+exists\s+)?{_NAME}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IndexStatement:
    """A statement that creates or drops one index concurrently. Names are as written, quotes and all."""

    action: str
    index: str
    table: str = ""


def index_statement(text: str) -> IndexStatement | None:
    """What the statement does to which index; None when it is another kind of statement."""
    if match := _CREATE.match(text):
        # The index comes into the schema of its table, and its own name is written without one.
        schema, dot, _ = match["table"].rpartition(".")
        return IndexStatement("create", schema + dot + match["name"], match["table"])
    if match := _DROP.match(text):
        return IndexStatement("drop", match["name"])
    return None


def is_done(connection: Connection, statement: IndexStatement, *, begun: bool) -> bool:
    """Whether a run that was cut short, and whose statement went on in the server, has reached the goal.

    An index that is there is taken for ours only if this migration was begun before.
    """
    valid = is_valid(connection, statement.index)
    return valid is None if statement.action == "drop" else begun and valid is True


def is_valid(connection: Connection, index: str) -> bool | None:
    """None when there is no such index."""
    row = connection.execute(query("history", "index_state"), [index]).fetchone()
    return None if row is None else bool(row[0])


def drop_if_invalid(connection: Connection, index: str) -> bool:
    """Clears away what a failed build has left."""
    if is_valid(connection, index) is not False:
        return False
    connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.SQL(index)))
    return True


def require_valid(connection: Connection, statement: IndexStatement, path: str) -> None:
    """Raises StatementFailed when a build has ended without an error and without an index that can be used."""
    if statement.action == "create" and is_valid(connection, statement.index) is not True:
        raise StatementFailed(
            f"the index {statement.index} is not valid after it was built",
            hint="Migrate again: it will be dropped and built anew.",
            location=path,
        )


def memory_advice(connection: Connection, table: str) -> Callable[[str], str]:
    """Turns pgvector's notice that the graph outgrows maintenance_work_mem into advice: the value that would hold it.

    The graph grows evenly with its rows, so what held n of them has to grow by the same factor. What is needed for
    that is asked now, since the connection is busy when the notice comes.
    """
    row = connection.execute(query("history", "build_memory"), [table]).fetchone()
    megabytes, rows = row or (0, 0)

    def advise(notice: str) -> str:
        match = _GRAPH_NOTICE.search(notice)
        if match is None or not rows:
            return ""
        needed = 1.1 * megabytes * rows / max(1, int(match[1]))
        return f"The build goes on, but slowly. The graph would fit with --maintenance-work-mem {needed:.0f}MB."

    return advise
