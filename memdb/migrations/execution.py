"""Sending a file to the server in one piece, and finding the place of an error in it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import psycopg
from psycopg import generators, pq

from memdb import statements
from memdb.addresses import refusals, workers
from memdb.database import Connection
from memdb.errors import ConnectionFailed, StatementFailed
from memdb.migrations import hints
from memdb.statements import Statement
from memdb.words import shortened

_BLOCK_LINE = re.compile(r"inline_code_block\D+(\d+)")
_QUOTE = re.compile(r"\$\w*\$|'")
_NOT_BLANK = re.compile(r"\S|\Z")
_GONE = ("FATAL", "PANIC")  # after these the server closes the connection
_SHOWN_CALLS = 10
_CALLED = re.compile(r"(SQL|PL/\w+) ")  # and not what a statement of several lines goes on with


def execute_file(connection: Connection, sql: str, path: str) -> None:
    """Sends the whole text at once; where Citus is, which sends workers the text of a statement with all around it, one
    statement after another.

    Raises StatementFailed that points at the statement in the file, ConnectionFailed when the server is gone, or a
    worker.
    """
    if connection.has_citus:
        for statement in statements.split(sql):
            execute_statement(connection, statement, sql, path)
        return
    completed, refusal = _send(connection, sql, path)
    if refusal:
        raise _located(connection, refusal, sql, _offset(refusal, sql, completed), path) from refusal


def execute_statement(connection: Connection, statement: Statement, sql: str, path: str) -> None:
    """Sends one statement of `sql`, the text of a file. Raises like execute_file."""
    _, refusal = _send(connection, statement.text, path)
    if refusal:
        offset = statement.start + _offset(refusal, statement.text, 0)
        raise _located(connection, refusal, sql, offset, path) from refusal


def execute_deferred(connection: Connection, path: str) -> None:
    """Checks what waits for the end of the transaction, while it can still be said which file it is of.

    Raises StatementFailed that names the file, since the server does not say which statement it was.
    """
    _, refusal = _send(connection, "set constraints all immediate", path)
    if refusal:
        raise _failed(connection, refusal, location=path) from refusal


def _located(connection: Connection, refusal: psycopg.Error, sql: str, offset: int, path: str) -> StatementFailed:
    line, column = statements.line_and_column(sql, offset)
    excerpt = statements.excerpt(sql, offset)
    return _failed(connection, refusal, location=f"{path}:{line}:{column}", excerpt=excerpt)


def _failed(connection: Connection, refusal: psycopg.Error, *, location: str, excerpt: str = "") -> StatementFailed:
    detail = f" ({shortened(refusal.diag.message_detail)})" if refusal.diag.message_detail else ""
    taken_back = connection.info.transaction_status == pq.TransactionStatus.INERROR
    failed = StatementFailed(
        f"{shortened(refusal.diag.message_primary or '')}{detail}",
        hint=hints.advise(refusal) + (" Nothing of this file was kept." if taken_back else ""),
        location=location,
        excerpt="\n".join(filter(None, (excerpt, *_context(refusal)))),
        sqlstate=refusal.sqlstate or "",
    )
    failed.said = hints.said(refusal)
    return failed


def _send(connection: Connection, sql: str, path: str) -> tuple[int, psycopg.Error | None]:
    """How many statements were completed, and the error that stopped the next one."""
    try:
        connection.pgconn.send_query(sql.encode())
        results = connection.wait(generators.execute(connection.pgconn))
    except psycopg.OperationalError as error:
        raise _lost(error, path) from error
    if results[-1].status != pq.ExecStatus.FATAL_ERROR:
        return len(results), None
    refusal = workers.as_on_one_server(psycopg.errors.error_from_result(results[-1], encoding="utf-8"))
    if refusal.diag.severity_nonlocalized in _GONE:
        raise _lost(refusal, path) from refusal
    if worker := workers.unreachable(refusal):
        raise refusals.worker_lost(worker) from refusal
    return len(results) - 1, refusal


def _lost(error: psycopg.Error, path: str) -> ConnectionFailed:
    return ConnectionFailed(
        f"the connection was lost while {path} ran: {error.diag.message_primary or str(error).strip()}",
        hint="The file is not at fault. Run the command again when the server is back; what was committed stays.",
    )


def _context(error: psycopg.Error) -> Iterator[str]:
    """In which functions it happened, the innermost first. A block of the file itself is in the excerpt."""
    called = (line for line in (error.diag.context or "").splitlines() if _CALLED.match(line))
    for line in islice((line for line in called if "inline_code_block" not in line), _SHOWN_CALLS):
        yield f"      | in {statements.cut(line)}"


def _offset(error: psycopg.Error, sql: str, completed: int) -> int:
    """The server's position, else the line in a DO block, else the statement after the last one that worked."""
    if error.diag.statement_position:
        return int(error.diag.statement_position) - 1
    found = statements.split(sql)
    start = found[min(completed, len(found) - 1)].start
    block_line = _BLOCK_LINE.search(error.diag.context or "")
    body = _QUOTE.search(sql, start)
    if block_line is None or body is None:
        return start
    offset = body.start()  # the line count of a DO block begins at its opening quote, and counts line feeds
    for _ in range(int(block_line[1]) - 1):
        offset = sql.find("\n", offset) + 1 or offset
    blank = _NOT_BLANK.search(sql, offset)
    return blank.start() if blank else offset


@contextmanager
def notices(connection: Connection, on_notice: Callable[[str], None] = lambda _: None) -> Iterator[list[str]]:
    """What the server has to say meanwhile, as it comes and as a list."""
    messages: list[str] = []

    def handler(diagnostic: psycopg.errors.Diagnostic) -> None:
        messages.append(f"{diagnostic.severity}: {diagnostic.message_primary}")
        on_notice(messages[-1])

    with connection.hearing(handler):
        yield messages
