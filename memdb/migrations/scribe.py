"""yoyo's history, written in its own tables and form, so that the stock yoyo command sees what memdb has applied.

The only importer of yoyo, which a run with nothing to do never loads. memdb runs the SQL itself, in the transaction in
which the scribe marks it: they commit together, the server sees files whole, and an error can be traced to its line.
"""

import getpass
import logging
import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.internalmigrations import mark_schema_version, needs_upgrading, schema_versions, upgrade
from yoyo.migrations import Migration as YoyoMigration
from yoyo.migrations import default_migration_table

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError, HistoryError
from memdb.ledger import homes
from memdb.ledger.homes import DETAILS, Home, IncompleteHistory
from memdb.ledger.sqlfiles import Migration

# memdb says itself what it applies; yoyo would say so of what is only tried on a temporary database, too.
logging.getLogger("yoyo.migrations").setLevel(logging.WARNING)

_WRITTEN = ("_yoyo_migration", "_yoyo_log", DETAILS)


class Scribe:
    """Writes the history that lies at `home`, within whatever transaction is open.

    Raises DatabaseError for a role that may not.
    """

    def __init__(self, connection: Connection, home: Home) -> None:
        database.require_writable(connection)
        homes.require_writable(home)
        self._connection, self._home = connection, home
        # Who may write to the table of an earlier memdb, and not alter it, goes on without.
        self._keeps_targets = home.has_targets or home.is_ours or not home.has_details
        self._yoyo = _Backend(connection, home.schema)
        try:
            with self.writing():
                self._make_tables()
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseError(
                f"this role is not allowed to keep a history of migrations in the schema {home.schema}: "
                f"{error.diag.message_primary}",
                hint="Connect as the owner of the schema, or have the owner grant this role usage and create on it; or "
                "work in a schema of its own: --schema NAME",
            ) from None

    def _make_tables(self) -> None:
        """What is not there yet, or of an earlier release."""
        self._yoyo.make_tables()
        if not self._home.has_details:
            self._run("create")
        if not self._home.has_positions:
            self._run("add_positions")
        if self._keeps_targets and not self._home.has_targets:
            self._run("add_targets")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction in which the history is, and stays, what memdb or yoyo made: nothing in it calls anything.

        Raises HistoryError where it has become something else since it was read, or is gone.
        """
        with self._connection.transaction():
            tables = [sql.Identifier(self._home.schema, name) for name in self._yoyo.list_tables() if name in _WRITTEN]
            if tables:  # adding a trigger waits for this lock
                statement = sql.SQL("lock table {} in row exclusive mode").format(sql.SQL(", ").join(tables))
                self._connection.execute(statement)
            try:
                homes.require_sound(self._connection, self._home.schema)
                yield
            except (psycopg.errors.UndefinedTable, IncompleteHistory) as error:
                if (
                    isinstance(error, psycopg.Error) and error.diag.context
                ):  # an event trigger misses a table of its own
                    raise
                raise HistoryError(
                    f"the migration itself has dropped the history of migrations, in the schema {self._home.schema}",
                    hint="Nothing was kept. Let the file drop objects by their names, not the schema.",
                ) from None

    def begin(self, migration: Migration) -> tuple[str, str] | None:
        """Writes down that a migration outside of a transaction is begun, before it is.

        Returns the checksum and the text of the one that was begun before and not finished.
        """
        begun: tuple[str, str] | None = self._run("begun", migration.id).fetchone()
        self._run("forget", migration.id)
        self._begin(migration)
        return begun

    def begin_rollback(self, migration: Migration) -> None:
        """From here on it counts as begun, so that after a kill a migrate takes it up as well as a rollback."""
        if self._unmark(migration.id, "rollback"):
            self._begin(migration)

    def applied(self, migration: Migration, duration_ms: float | None, *, operation: str = "apply") -> None:
        """Marks a migration as applied, as the newest unless it was begun before."""
        known = _known(migration.id)
        self._yoyo.mark_one(known, log=False)
        self._yoyo.log_migration(known, operation)
        self._run("finish", migration.id, migration.checksum, migration.sql, duration_ms)
        self._lead(migration)

    def rolled_back(self, migration: Migration) -> bool:
        """Takes the mark away. False where there was none: what was begun in a transaction of its own has lost it."""
        self.forget(migration.id)
        return self._unmark(migration.id, "rollback")

    def forget(self, id: str) -> None:
        """Takes away what memdb keeps of a migration, and not yoyo's mark."""
        self._run("forget", id)

    def mark(self, migration: Migration, reason: str, before: Sequence[str] = ()) -> None:
        """Takes a migration for applied as its file is now, without running it; the reason is logged.

        It comes last, but `before` those that were applied on top of it, by their ids.
        """
        self._begin(migration, before)
        self.applied(migration, None, operation="mark")
        self._comment(migration.id, reason)

    def accept(self, migration: Migration, applied_as: str, reason: str) -> None:
        """Takes what was applied for what its file says now, under the name that it has now, in its old place."""
        self._run("accept", migration.id, migration.checksum, migration.sql, applied_as)
        self._run("rename_mark", _known(migration.id).hash, migration.id, applied_as)
        if migration.id != applied_as:
            self._yoyo.log_migration(_known(applied_as), "unmark")
        self._yoyo.log_migration(_known(migration.id), "mark")
        self._comment(migration.id, reason)

    def unmark(self, id: str, reason: str) -> None:
        """Forgets that a migration was applied, without rolling it back; the reason is logged."""
        self._unmark(id, "unmark")
        self.forget(id)
        self._comment(id, reason)

    def _unmark(self, id: str, operation: str) -> bool:
        """Whether there was a mark; an unfinished migration that is forgotten has none."""
        was_marked = bool(self._run("unmark", _known(id).hash).rowcount)
        if was_marked or operation == "unmark":
            self._yoyo.log_migration(_known(id), operation)
        return was_marked

    def _begin(self, migration: Migration, before: Sequence[str] = ()) -> None:
        self._run("begin", migration.id, migration.checksum, migration.sql, list(before))
        self._lead(migration)

    def _lead(self, migration: Migration) -> None:
        if self._keeps_targets:
            self._run("lead", database.target_schema(self._connection), migration.id)

    def _comment(self, id: str, reason: str) -> None:
        self._run("comment_on_last_log", reason, id)

    def _run(self, block: str, *values: object) -> Any:
        statement = query("history", block, schema=[self._home.schema])
        return self._connection.execute(statement, values or None)


def _known(id: str) -> YoyoMigration:
    """As yoyo knows a migration: it tells them apart by a hash of the name."""
    return YoyoMigration(id, "", "")


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's backend on our connection, with its tables written out with their schema."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._ours, self._home = connection, schema
        super().__init__(parse_uri("postgresql+psycopg:///"), default_migration_table)

    def connect(self, dburi: object) -> Connection:
        return self._ours

    def quote_identifier(self, s: str) -> str:
        names = (self.migration_table, self.log_table, self.version_table)
        name = sql.Identifier(*([self._home] if s in names else []), s).as_string()
        return name.replace("%", "%%")  # yoyo has the driver look for parameters in all of its statements

    def list_tables(self, **kwargs: object) -> list[str]:
        return [name for (name,) in self._ours.execute(query("history", "tables"), [self._home])]

    def make_tables(self) -> None:
        """Makes yoyo's tables where they are not there, or of an older release of yoyo.

        Tables without rows, as a dump of the schema alone leaves them, are of the newest.
        """
        tables = self.list_tables()
        if self.version_table in tables:
            version = self.execute(f"select max(version) from {self.version_table_quoted}").fetchone()
            if version == (None,):
                mark_schema_version(self, max(schema_versions))
        if needs_upgrading(self):
            # Not ensure_internal_schema_updated(), which commits, and locks with a row that a killed process leaves.
            upgrade(self)
        self._internal_schema_updated = True

    def transaction(self, rollback_on_exit: bool = False) -> Any:
        return self._ours.transaction()

    def commit(self) -> None: ...

    def get_log_data(self, migration: YoyoMigration | None = None, operation: str = "apply") -> dict[str, Any]:
        # yoyo's own fails where the uid has no name, and waits for a name server to tell the host's.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": user_name(),
            "hostname": socket.gethostname(),
            "created_at_utc": self._next_log_time(),
            "operation": operation,
        }

    def _next_log_time(self) -> Any:
        cursor = self._ours.cursor(row_factory=scalar_row, binary=True)  # whatever the DateStyle
        return cursor.execute(query("history", "next_log_time", schema=[self._home])).fetchall()[0]


def user_name() -> str:
    """Who calls memdb, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
