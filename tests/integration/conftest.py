"""What only tests with a database use."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg.conninfo import make_conninfo

from memdb import embedded
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import Sets
from tests.conftest import new_database

Folder = Callable[..., Sets]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes migrations given as name=(sql, rollback) and reads them as a set directory."""

    def write(set_name: str = "core", **pairs: tuple[str, str]) -> Sets:
        directory = tmp_path / set_name
        directory.mkdir(exist_ok=True)
        for name, (sql, rollback) in pairs.items():
            (directory / f"{name}.sql".removeprefix("m")).write_text(sql)
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
