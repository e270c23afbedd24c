"""What only tests with a database use."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database, embedded, recording
from memdb.database import Connection
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import Sets
from memdb.verification.snapshot import Patches
from tests.conftest import new_database
from tests.helpers import as_scratch

Folder = Callable[..., Sets]

ROWS_OF_EVERY_KIND = """
insert into device (label, name, json) values ('lamp', 'l', '{}'), ('door', 'd', null);
insert into device_log (id, label, extra) values (9, 'old', 1);
insert into audit.entry (lvl, note) values ('high', 'a'), ('low', 'b');
insert into metric values (1, '2025-02-01', 'on', 1), (2, '2025-03-01', 'off', 2);
insert into event values (1, '2025-02-01');
insert into remark values (1, 1, '2025-02-01', 1);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes migrations given as name=(sql, rollback) and reads them as a set directory."""

    def write(set_name: str = "core", **pairs: tuple[str, str]) -> Sets:
        directory = tmp_path / set_name
        directory.mkdir(exist_ok=True)
        for name, (forward, rollback) in pairs.items():
            (directory / f"{name}.sql".removeprefix("m")).write_text(forward)
            (directory / f"{name}.rollback.sql".removeprefix("m")).write_text(rollback)
        return sqlfiles.read_sets(tmp_path)

    return write


@pytest.fixture
def ready_server(server: str, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memdb starts a temporary server, it gets a database of the one that runs already, a second sooner."""
    if pytestconfig.getoption("--postgres") == "url":
        return  # it may be shared with others

    @contextlib.contextmanager
    def temporary(**_: object) -> Iterator[SimpleNamespace]:
        with new_database(server) as first:
            yield SimpleNamespace(url=lambda name=None: make_conninfo(server, dbname=name) if name else first)

    monkeypatch.setattr(embedded, "temporary", temporary)


class Made(NamedTuple):
    """The name of a database to be cloned, and what its migrations did to the catalog."""

    template: str
    patches: Patches


@pytest.fixture(scope="session")
def every_kind() -> Sets:
    """Migrations that make one of each kind of object."""
    return sqlfiles.read_sets(Path(__file__).with_name("every_kind"))


@pytest.fixture(scope="session")
def made(server: str, every_kind: Sets) -> Iterator[Made]:
    """A database with one of each kind of object, and rows."""
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            patches = recording.record_in(as_scratch(connection), every_kind.migrations)
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute(ROWS_OF_EVERY_KIND)
            name = connection.info.dbname
        yield Made(name, patches)


@pytest.fixture
def kinds(made: Made) -> Patches:
    """The snapshot of `every_kind`."""
    return made.patches


@pytest.fixture
def with_every_kind(server: str, made: Made) -> Iterator[Connection]:
    """A connection to a new database with one of each kind of object, and rows."""
    with (
        new_database(server, template=made.template) as conninfo,
        database.connect(conninfo, purpose="test") as connection,
    ):
        yield connection


@contextlib.contextmanager
def as_role(connection: Connection, name: str) -> Iterator[Connection]:
    """Another connection, whose role is a new one."""
    connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    try:
        with database.again(connection, purpose="test") as other:
            other.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
            yield other
    finally:
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)).as_string())
