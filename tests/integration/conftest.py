"""What only tests with a database use."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb import embedded
from tests.conftest import new_database


@pytest.fixture
def ready_server(server: str, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memdb starts a temporary server, it gets a database of the one that runs already, a second sooner."""
    if pytestconfig.getoption("--postgres") == "url":
        return  # it may be shared with others

    @contextlib.contextmanager
    def temporary(**_: object) -> Iterator[SimpleNamespace]:
        with new_database(server) as first:
            yield SimpleNamespace(url=lambda name=None: make_conninfo(server, dbname=name) if name else first)
        with psycopg.connect(server, autocommit=True) as admin:
            for (name,) in admin.execute("select datname from pg_database where datname like 'lint%'").fetchall():
                admin.execute(f"drop database {name} with (force)")

    monkeypatch.setattr(embedded, "temporary", temporary)
