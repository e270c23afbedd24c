"""Indexes that are built and dropped outside of a transaction, so that the application goes on writing.

Such a statement can be cut short, which leaves an INVALID index: one that costs every write and serves no
query. `if not exists` takes it for done. So the state of the index is looked at before and after.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from memdb import database, statements, trust
from memdb.database import Connection, query
from memdb.distribution import shards
from memdb.errors import MigrationError, StatementFailed

_NAME = r'(?P<name>(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)'
_CREATE = re.compile(
    rf"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?{_NAME}\s+on\s+(?:only\s+)?"
    + _NAME.replace("name", "table")
    + r"(?:\s+using\s+(?P<method>\w+))?",
    re.IGNORECASE,
)
_GRAPH_NOTICE = re.compile(r"hnsw graph no longer fits into maintenance_work_mem after (\d+) tuples")
_DROP = re.compile(rf"drop\s+index\s+concurrently\s+(?:if\s+exists\s+)?{_NAME}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IndexStatement:
    """A statement that creates or drops one index concurrently. Names are as written, quotes and all."""

    action: str
    index: str
    table: str | None = None
    method: str = ""


def index_statement(text: str, path: str) -> IndexStatement | None:
    """What the one statement of a file does to which index; None when it is another kind of statement.

    Raises MigrationError for an index whose name cannot be told: nobody could find it again if it became invalid.
    """
    statement = statements.split(text)[0]
    if match := _CREATE.match(statement.text):
        return IndexStatement("create", match["name"], match["table"], (match["method"] or "").lower())
    if match := _DROP.match(statement.text):
        return IndexStatement("drop", match["name"])
    if {"index", "concurrently"} <= set(statement.words[:4]) and statement.words[0] in ("create", "drop"):
        raise MigrationError(
            f"{path}: cannot tell which index this is about",
            hint="Give the index a name, name only one, and put no comment between the words before its name.",
        )
    return None


def is_done(connection: Connection, statement: IndexStatement, *, begun: bool) -> bool:
    """Whether a run that was cut short, and whose statement went on in the server, has reached the goal.

    An index that is there is taken for ours only if this migration was begun before.
    """
    valid = is_valid(connection, statement)
    return valid is None if statement.action == "drop" else begun and valid is True


def is_valid(connection: Connection, statement: IndexStatement) -> bool | None:
    """None when there is no such index."""
    found = _find(connection, statement)
    return None if found is None else found[1]


def _find(connection: Connection, statement: IndexStatement) -> tuple[str, bool] | None:
    """The name by which the index can be dropped, and whether it is valid. A new index is in its table's schema."""
    oid = connection.value(query("history", "resolve"), [statement.table or statement.index])
    with database.own_names(connection):
        if statement.table is not None:
            oid = connection.value(query("history", "index_of_table"), [statement.index, oid])
        found = connection.execute(query("history", "index_state"), [oid]).fetchone()
    if found is None:
        return None
    qualified, valid, name, table = found
    # A coordinator takes an index for valid before its workers have built theirs, and when they never do.
    return str(qualified), bool(valid) and shards.has_on_all_shards(connection, table, name)


def drop_if_invalid(connection: Connection, statement: IndexStatement) -> bool:
    """Clears away what a build has left that failed or was cut short, if there is such; says so."""
    found = _find(connection, statement)
    if found is None or found[1]:
        return False
    connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.SQL(found[0])))
    return True


def require_valid(connection: Connection, statement: IndexStatement, path: str) -> None:
    """Raises StatementFailed when a build has ended without an error and without an index that can be used."""
    if statement.action == "create" and is_valid(connection, statement) is not True:
        raise StatementFailed(
            f"the index {statement.index} is not valid after it was built",
            hint="Migrate again: it will be dropped and rebuilt.",
            location=path,
        )


def stand_in(connection: Connection, text: str, path: str) -> None:
    """For a trial that is taken back: an empty index by the name of one that a file builds, for what names it later."""
    statement = index_statement(text, path)
    if statement is not None and statement.action == "create" and is_valid(connection, statement) is None:
        schema, _, name = statement.index.rpartition(".")
        table = sql.SQL(f"{schema or (statement.table or '').rpartition('.')[0]}.memdb_trial".lstrip("."))
        make = sql.SQL("create table if not exists {0} (nothing boolean); create index {1} on {0} (nothing)")
        connection.execute(make.format(table, sql.SQL(name)))


def plain_drop(connection: Connection, text: str, path: str) -> str:
    """For the same: what drops the index that a file drops concurrently; empty where there is none."""
    statement = index_statement(text, path)
    found = _find(connection, statement) if statement is not None and statement.action == "drop" else None
    return "" if found is None else f"drop index {found[0]}"


def memory_advice(connection: Connection, statement: IndexStatement) -> Callable[[str], str]:
    """Turns pgvector's notice that the graph outgrows maintenance_work_mem into advice: the value that would hold it.

    The graph grows evenly with its rows, so what held n of them has to grow by the same factor. What is needed for
    that is asked now, since the connection is busy when the notice comes; counting rows is nothing beside a graph. For
    the sake of advice, a superuser runs nothing that somebody else may have planted.
    """
    if statement.method != "hnsw" or statement.table is None:
        return lambda _: ""
    oid = connection.value(query("history", "resolve"), [statement.table])
    with connection.transaction(), database.own_names(connection):
        table = connection.value(query("history", "table_name"), [oid])
        if table is None or not trust.may_read(connection, [oid]):
            return lambda _: ""
        build_memory = sql.SQL(query("history", "build_memory")).format(table=sql.SQL(table))
        megabytes, rows = connection.execute(build_memory).fetchone() or (0, 0)

    def advise(notice: str) -> str:
        needed = megabytes_for(notice, megabytes, rows)
        if needed is None:
            return ""
        return f"The build continues, but slowly. The graph would fit with --maintenance-work-mem {needed}MB."

    return advise


def megabytes_for(notice: str, megabytes: int, rows: int) -> int | None:
    """What would hold the graph of so many rows; None where the notice is not that it outgrows so many megabytes."""
    held = rows_held(notice)
    return None if held is None or not rows else round(1.1 * megabytes * rows / max(1, held))


def rows_held(notice: str) -> int | None:
    """After how many rows pgvector says that a graph outgrows maintenance_work_mem; None for another notice."""
    match = _GRAPH_NOTICE.search(notice)
    return int(match[1]) if match else None
