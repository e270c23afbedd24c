"""Runs one migration through yoyo. The only importer of yoyo, which a run with nothing to do never loads.

yoyo keeps the history and knows how to mark it; memdb runs the SQL, so that a migration and its mark commit
together, the server sees the file whole, and an error can be traced to its line.
"""

import getpass
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, NoReturn

import psycopg
from psycopg import generators, pq
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.migrations import Migration as YoyoMigration
from yoyo.migrations import StepBase, default_migration_table

from memdb import statements
from memdb.database import Connection, query
from memdb.errors import StatementFailed
from memdb.migrations.plan import Plan
from memdb.sqlfiles import Migration

_BLOCK_LINE = re.compile(r"inline_code_block line (\d+)")


class Runner:
    """Applies and rolls back migrations on one open connection, which must hold the migration lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._backend = _Backend(connection)
        self._backend.ensure_internal_schema_updated()
        with self._backend.transaction():
            connection.execute(query("history", "create"))

    def run(self, planned: Plan, migration: Migration) -> tuple[float, list[str]]:
        """How long it took in milliseconds, and what the server had to say.

        Raises StatementFailed when the server refuses a statement; then nothing of the migration stays.
        """
        prepared = _FileMigration(migration, _FileStep(planned.sql_of(migration), str(planned.path_of(migration))))
        run_one = self._backend.apply_one if planned.direction == "migrate" else self._backend.rollback_one
        with _notices(self._connection) as notices:
            started = time.perf_counter()
            run_one(prepared)
            return (time.perf_counter() - started) * 1000, notices


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's backend on our connection, with the mark inside the migration's own transaction."""

    def __init__(self, connection: Connection) -> None:
        self._ours = connection
        super().__init__(parse_uri("postgresql+psycopg:///"), default_migration_table)

    def connect(self, dburi: object) -> Connection:
        return self._ours

    def lock(self, timeout: float = 10) -> Any:
        return nullcontext()  # the advisory lock is held; a row would stay behind when the process is killed

    def ensure_internal_schema_updated(self) -> None:
        super().ensure_internal_schema_updated()
        self._internal_schema_updated = True

    def get_log_data(self, migration: YoyoMigration | None = None, operation: str = "apply") -> dict[str, Any]:
        # yoyo's own fails where the uid has no name, and waits for a name server to tell the host's.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": _user_name(),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def apply_one(self, migration: "_FileMigration", force: bool = False, mark: bool = True) -> None:
        started = time.perf_counter()
        with self._run(migration, "apply"):
            self.mark_one(migration, log=False)
            duration_ms = (time.perf_counter() - started) * 1000
            self._ours.execute(query("history", "record"), [migration.id, migration.file.checksum, duration_ms])

    def rollback_one(self, migration: "_FileMigration", force: bool = False) -> None:
        with self._run(migration, "rollback"):
            self.unmark_one(migration, log=False)
            self._ours.execute(query("history", "forget"), [migration.id])

    @contextmanager
    def _run(self, migration: "_FileMigration", operation: str) -> Iterator[None]:
        """Runs the migration; the block that follows is committed together with it."""
        if not migration.use_transactions:
            migration.process_steps(self, operation)
        with self.transaction():
            if migration.use_transactions:
                migration.process_steps(self, operation)
            self.log_migration(migration, operation)
            yield


class _FileMigration(YoyoMigration):  # type: ignore[misc]
    """A migration for yoyo whose single step is the whole file."""

    def __init__(self, file: Migration, step: "_FileStep") -> None:
        super().__init__(file.id, str(file.path), str(file.path.parent))
        self.file = file
        self.steps = [step]
        self.use_transactions = file.transactional
        self._depends: set[YoyoMigration] = set()


class _FileStep(StepBase):  # type: ignore[misc]
    def __init__(self, sql: str, path: str) -> None:
        self.id = 1
        self._sql, self._path = sql, path

    def apply(self, backend: _Backend, force: bool = False) -> None:
        execute_file(backend.connection, self._sql, self._path)

    rollback = apply


def execute_file(connection: Connection, sql: str, path: str) -> None:
    """Sends the whole text at once. Raises StatementFailed that points at the statement in the file."""
    connection.pgconn.send_query(sql.encode())
    results = connection.wait(generators.execute(connection.pgconn))
    if results[-1].status == pq.ExecStatus.FATAL_ERROR:
        _raise_located(psycopg.errors.error_from_result(results[-1], encoding="utf-8"), sql, path, len(results) - 1)


def _raise_located(error: psycopg.Error, sql: str, path: str, completed: int) -> NoReturn:
    if isinstance(error, psycopg.OperationalError) and error.sqlstate in ("57P01", "57P02", "57P03", None):
        raise error
    offset = _offset(error, sql, completed)
    line, column = statements.line_and_column(sql, offset)
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    raise StatementFailed(
        f"{error.diag.message_primary}{detail}",
        hint=error.diag.message_hint or "Correct the file and migrate again; nothing of this migration was kept.",
        location=f"{path}:{line}:{column}",
        excerpt=statements.excerpt(sql, offset),
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
def _notices(connection: Connection) -> Iterator[list[str]]:
    messages: list[str] = []

    def handler(diagnostic: psycopg.errors.Diagnostic) -> None:
        messages.append(f"{diagnostic.severity}: {diagnostic.message_primary}")

    connection.add_notice_handler(handler)
    try:
        yield messages
    finally:
        connection.remove_notice_handler(handler)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
