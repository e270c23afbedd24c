"""Sending a file to the server in one piece, and finding the place of an error in it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import psycopg
from psycopg import generators, pq

from memdb import statements
from memdb.database import Connection
from memdb.errors import StatementFailed

_BLOCK_LINE = re.compile(r"inline_code_block line (\d+)")
_CONNECTION_GONE = ("57P01", "57P02", "57P03", None)


def execute_file(connection: Connection, sql: str, path: str) -> None:
    """Sends the whole text at once. Raises StatementFailed that points at the statement in the file."""
    connection.pgconn.send_query(sql.encode())
    results = connection.wait(generators.execute(connection.pgconn))
    if results[-1].status == pq.ExecStatus.FATAL_ERROR:
        _raise_located(psycopg.errors.error_from_result(results[-1], encoding="utf-8"), sql, path, len(results) - 1)


def _raise_located(error: psycopg.Error, sql: str, path: str, completed: int) -> NoReturn:
    if isinstance(error, psycopg.OperationalError) and error.sqlstate in _CONNECTION_GONE:
        raise error
    offset = _offset(error, sql, completed)
    line, column = statements.line_and_column(sql, offset)
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    raise StatementFailed(
        f"{error.diag.message_primary}{detail}",
        hint=error.diag.message_hint or "Correct the file and migrate again; nothing of this migration was kept.",
        location=f"{path}:{line}:{column}",
        excerpt=statements.excerpt(sql, offset),
        sqlstate=error.sqlstate or "",
    ) from error


def _offset(error: psycopg.Error, sql: str, completed: int) -> int:
    """The server's position, else the line in a DO block, else the statement after the last one that worked."""
    if error.diag.statement_position:
        return int(error.diag.statement_position) - 1
    found = statements.split(sql)
    start = found[min(completed, len(found) - 1)].start
    block_line = _BLOCK_LINE.search(error.diag.context or "")
    if block_line is None:
        return start
    body = sql.index("$", start)  # the line count of a DO block begins at its opening quote
    lines = sql[body:].split("\n")[: int(block_line[1]) - 1]
    offset = body + sum(len(line) + 1 for line in lines)
    return offset + len(sql[offset:]) - len(sql[offset:].lstrip())


@contextmanager
def notices(connection: Connection, on_notice: Callable[[str], None] = lambda _: None) -> Iterator[list[str]]:
    """What the server has to say meanwhile, as it comes and as a list."""
    messages: list[str] = []

    def handler(diagnostic: psycopg.errors.Diagnostic) -> None:
        messages.append(f"{diagnostic.severity}: {diagnostic.message_primary}")
        on_notice(messages[-1])

    connection.add_notice_handler(handler)
    try:
        yield messages
    finally:
        connection.remove_notice_handler(handler)
