"""Runs one migration through yoyo. The only importer of yoyo, which a run with nothing to do never loads.

yoyo keeps the history and knows how to mark it; memdb runs the SQL, so that a migration and its mark commit
together, the server sees the file whole, and an error can be traced to its line.
"""

import getpass
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.migrations import Migration as YoyoMigration
from yoyo.migrations import StepBase, default_migration_table

from memdb.database import Connection, query
from memdb.errors import StatementFailed
from memdb.migrations import concurrently, locking
from memdb.migrations.concurrently import IndexStatement
from memdb.migrations.execution import execute_file, notices
from memdb.migrations.plan import Plan
from memdb.sqlfiles import Migration


class Runner:
    """Applies and rolls back migrations on one open connection, which must hold the migration lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._backend = _Backend(connection)
        self._backend.ensure_internal_schema_updated()
        with self._backend.transaction():
            connection.execute(query("history", "create"))

    def run(
        self, planned: Plan, migration: Migration, *, on_advice: Callable[[str], None] = lambda _: None
    ) -> tuple[float, list[str]]:
        """How long it took in milliseconds, and what the server had to say.

        Raises StatementFailed when the server refuses a statement; then nothing of the migration stays.
        """
        sql, path = planned.sql_of(migration), str(planned.path_of(migration))
        step = _FileStep(sql, path) if migration.transactional else _LoneStep(migration, sql, path, on_advice)
        prepared = _FileMigration(migration, step)
        run_one = self._backend.apply_one if planned.direction == "migrate" else self._backend.rollback_one
        with notices(self._connection) as messages:
            started = time.perf_counter()
            run_one(prepared)
            return (time.perf_counter() - started) * 1000, messages

    def mark(self, migration: Migration, reason: str) -> None:
        """Takes a migration for applied as its file is now, without running it; the reason is logged."""
        with self._backend.transaction():
            self._backend.mark(migration, reason)

    def unmark(self, id: str, reason: str) -> None:
        """Forgets that a migration was applied, without rolling it back; the reason is logged."""
        with self._backend.transaction():
            self._backend.unmark(id, reason)


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's backend on our connection, with the mark inside the migration's own transaction."""

    def __init__(self, connection: Connection) -> None:
        self._ours = connection
        super().__init__(parse_uri("postgresql+psycopg:///"), default_migration_table)

    def connect(self, dburi: object) -> Connection:
        return self._ours

    def lock(self, timeout: float = 10) -> Any:
        return nullcontext()  # the advisory lock is held; a row would stay behind when the process is killed

    def disable_transactions(self) -> Any:
        return nullcontext()  # the connection commits by itself; yoyo would roll back what is not there

    def rollback(self) -> None:
        if self._can_roll_back():
            super().rollback()

    def savepoint_rollback(self, id: str) -> None:
        if self._can_roll_back():
            super().savepoint_rollback(id)

    def _can_roll_back(self) -> bool:
        """A connection that is lost has rolled back; to try it would hide what has happened to it."""
        locking.close_if_busy(self._ours)
        return not self._ours.closed

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
        if not migration.use_transactions:
            migration.process_steps(self, "apply")
        with self.transaction():
            if migration.use_transactions:
                migration.process_steps(self, "apply")
            self.log_migration(migration, "apply")
            self.mark_one(migration, log=False)
            duration_ms = (time.perf_counter() - started) * 1000
            self._finish(migration.file, duration_ms)

    def rollback_one(self, migration: "_FileMigration", force: bool = False) -> None:
        if not migration.use_transactions:
            self._begin_rollback(migration)
            migration.process_steps(self, "rollback")
        with self.transaction():
            if migration.use_transactions:
                migration.process_steps(self, "rollback")
                self.log_migration(migration, "rollback")
                self.unmark_one(migration, log=False)
            self._ours.execute(query("history", "forget"), [migration.id])

    def _begin_rollback(self, migration: "_FileMigration") -> None:
        """From here on it counts as begun, so that after a kill a migrate takes it up as well as a rollback."""
        file = migration.file
        with self.transaction():
            if self.is_applied(migration):
                self.log_migration(migration, "rollback")
                self.unmark_one(migration, log=False)
                self._ours.execute(query("history", "keep"), [file.id, file.checksum, file.sql])

    def mark(self, migration: Migration, reason: str) -> None:
        known = YoyoMigration(migration.id, str(migration.path), str(migration.path.parent))
        self.unmark_one(known, log=False)
        self.mark_one(known)
        self._finish(migration, None)
        self._ours.execute(query("history", "comment_on_last_log"), [reason, migration.id])

    def unmark(self, id: str, reason: str) -> None:
        self.unmark_one(YoyoMigration(id, "", ""))
        self._ours.execute(query("history", "forget"), [id])
        self._ours.execute(query("history", "comment_on_last_log"), [reason, id])

    def _finish(self, migration: Migration, duration_ms: float | None) -> None:
        values = [migration.id, migration.checksum, migration.sql, duration_ms]
        self._ours.execute(query("history", "finish"), values)


class _FileMigration(YoyoMigration):  # type: ignore[misc]
    """A migration for yoyo whose single step is the whole file."""

    def __init__(self, file: Migration, step: StepBase) -> None:
        super().__init__(file.id, str(file.path), str(file.path.parent))
        self.file = file
        self.steps = [step]
        self.use_transactions = file.transactional
        self._depends: set[YoyoMigration] = set()


class _FileStep(StepBase):  # type: ignore[misc]
    """All of a file, within the transaction that yoyo has begun."""

    def __init__(self, sql: str, path: str) -> None:
        self.id = 1
        self._sql, self._path = sql, path

    def apply(self, backend: _Backend, force: bool = False) -> None:
        execute_file(backend.connection, self._sql, self._path)

    rollback = apply


class _LoneStep(StepBase):  # type: ignore[misc]
    """The one statement of a file outside of a transaction, which can be cut short and found half done later."""

    def __init__(self, file: Migration, sql: str, path: str, on_advice: Callable[[str], None]) -> None:
        self.id = 1
        self._file, self._sql, self._path, self._on_advice = file, sql, path, on_advice
        self._index = concurrently.index_statement(sql, path)

    def apply(self, backend: _Backend, force: bool = False) -> None:
        connection, file = backend.connection, self._file
        begun = connection.execute(query("history", "begun"), [file.id]).fetchone()
        # What is begun is written down first, so that a later run knows whose index it finds.
        connection.execute(query("history", "begin"), [file.id, file.checksum, file.sql])
        try:
            if begun is not None and begun[0] != file.checksum:
                self._clear_away(connection, concurrently.index_statement(begun[1], self._path))
            self._reach_goal(connection, begun=begun is not None and begun[0] == file.checksum)
        except StatementFailed:
            connection.execute(query("history", "forget"), [file.id])
            raise

    def rollback(self, backend: _Backend, force: bool = False) -> None:
        try:
            self._reach_goal(backend.connection, begun=True)
        except StatementFailed:
            if self._is_intact(backend.connection):
                backend.mark_one(_FileMigration(self._file, self))
            raise

    def _is_intact(self, connection: Connection) -> bool:
        """Whether a rollback that failed has left all as it was, and not an index that is dropped by halves."""
        if self._index is None or self._index.action == "create":
            return True
        return concurrently.is_valid(connection, self._index) is True

    def _reach_goal(self, connection: Connection, *, begun: bool) -> None:
        if self._index is None:
            execute_file(connection, self._sql, self._path)
        elif not concurrently.is_done(connection, self._index, begun=begun):
            try:
                with _without_lock_timeout(connection):
                    self._run_index_statement(connection, self._index)
            except BaseException:
                self._clear_away(connection, self._index)
                raise

    def _clear_away(self, connection: Connection, index: IndexStatement | None) -> None:
        """Tries to drop what a failed build has left. What is held up here is left to the next run."""
        if index is not None:
            with suppress(psycopg.Error):
                concurrently.drop_if_invalid(connection, index)

    def _run_index_statement(self, connection: Connection, index: IndexStatement) -> None:
        if index.action == "create":
            concurrently.drop_if_invalid(connection, index)
        advise = concurrently.memory_advice(connection, index)
        with notices(connection, lambda notice: self._on_advice(advise(notice))):
            execute_file(connection, self._sql, self._path)
        concurrently.require_valid(connection, index, self._path)


@contextmanager
def _without_lock_timeout(connection: Connection) -> Iterator[None]:
    """A concurrent build waits for old transactions to end, and nobody has to wait for it meanwhile."""
    row = connection.execute(
        "select current_setting('lock_timeout'), set_config('lock_timeout', '0', false)"
    ).fetchone()
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute("select set_config('lock_timeout', %s, false)", [row[0] if row else "0"])


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
