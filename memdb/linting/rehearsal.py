"""Migrations tried on an embedded database: what a file makes, and whether its rollback takes that back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg import sql

from memdb import catalog, database, embedded
from memdb.database import Connection
from memdb.errors import StatementFailed
from memdb.linting import naming, undoing
from memdb.linting.findings import Finding
from memdb.linting.state import Reader
from memdb.migrations.plan import Direction, Plan, Sets
from memdb.sqlfiles import CORE, Migration

RULES = frozenset({"not-applicable", "not-rehearsed", "rollback-fails", "rollback-incomplete"}) | naming.RULES

_NOT_OFFERED = "0A000"  # feature_not_supported: an extension that this server does not have
_UNLOGGED = "fsync = off\nfull_page_writes = off\nautovacuum = off\n"

_UNDO = "A rollback undoes exactly its own file."

Shown = Callable[[Migration, Direction], str]
"""The path of a migration's file, as findings name it."""


def rehearse(sets: Sets, wanted: set[str], shown: Shown) -> Iterator[Finding]:
    """Applies each set on top of core, and takes back each wanted migration in between.

    Raises EmbeddedError when the embedded database cannot be used.
    """
    with embedded.temporary(configuration=_UNLOGGED) as server:
        for name, migrations in sets.items():
            if any(migration.id in wanted for migration in migrations):
                below = [] if name == CORE else sets[CORE]
                reviewed = {migration.id for migration in migrations} & wanted
                with (
                    _new_database(server, f"lint_{name}") as connection,
                    database.again(connection, purpose="lint") as reading,
                ):
                    yield from _Rehearsal(connection, reading, reviewed, shown).run([*below, *migrations])


@contextmanager
def _new_database(server: embedded.Server, name: str) -> Iterator[Connection]:
    with database.connect(database.conninfo(server.url()), purpose="lint") as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    with database.connect(database.conninfo(server.url(name)), purpose="lint") as connection:
        yield connection


class _Rehearsal:
    """One run through core and a set."""

    def __init__(self, connection: Connection, reading: Connection, reviewed: set[str], shown: Shown) -> None:
        from memdb.migrations.runner import Runner  # which loads yoyo

        self._reading, self._reviewed, self._shown = reading, reviewed, shown
        self._runner = Runner(connection)
        self._state = Reader(reading)
        self._rolled_back: set[str] = set()
        self._schema = database.target_schema(connection)

    def run(self, migrations: list[Migration]) -> Iterator[Finding]:
        """Ends at the first migration that cannot be applied, since what comes after it may need it."""
        made: dict[str, Migration] = {}
        for migration in migrations:
            try:
                if migration.id in self._reviewed:
                    yield from self._there_and_back(migration, made)
                else:
                    self._go("migrate", migration)
            except StatementFailed as error:
                yield self._not_applicable(migration, error)
                return
        yield from naming.uncommented(self._read_catalog(), made, self._shown)

    def _there_and_back(self, migration: Migration, made: dict[str, Migration]) -> Iterator[Finding]:
        """Applies a migration, rolls it back and applies it again; adds to `made` what it makes."""
        before, there = self._state.read(), self._read_catalog()
        self._go("migrate", migration)
        new = self._read_catalog().keys() - there.keys()
        made |= dict.fromkeys(new, migration)
        yield from naming.unnamed(new, migration, self._shown)
        file = self._shown(migration, "rollback")
        try:
            self._go("rollback", migration)
        except StatementFailed as error:
            yield Finding(file, *_place(error), "rollback-fails", "error", error.message, error.hint)
            return  # which has left it applied
        self._rolled_back.add(migration.id)
        for message in undoing.differences(before, self._state.read()):
            yield Finding(file, 1, 1, "rollback-incomplete", "error", message, _UNDO)
        self._go("migrate", migration)

    def _read_catalog(self) -> catalog.Objects:
        return catalog.read(self._reading, self._schema).objects

    def _go(self, direction: Direction, migration: Migration) -> None:
        self._runner.run(Plan(direction, (migration,)), migration)

    def _not_applicable(self, migration: Migration, error: StatementFailed) -> Finding:
        if migration.id in self._rolled_back:
            message = f"It leaves what keeps {migration.id} from being applied again: {error.message}"
            return Finding(self._shown(migration, "rollback"), 1, 1, "rollback-incomplete", "error", message, _UNDO)
        file = self._shown(migration, "migrate")
        if error.sqlstate == _NOT_OFFERED:
            message = f"It was not tried, since the embedded PostgreSQL lacks what it needs: {error.message}"
            return Finding(file, *_place(error), "not-rehearsed", "warning", message, error.hint)
        message = f"It fails where only the migrations before it are applied: {error.message}"
        return Finding(file, *_place(error), "not-applicable", "error", message, error.hint)


def _place(error: StatementFailed) -> tuple[int, int]:
    """Line and column."""
    _, line, column = error.location.rsplit(":", 2)
    return int(line), int(column)
