"""Engines of memdb.store: which driver, what it is told, and what importing memdb does not load."""

import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from memdb.errors import SettingsError
from memdb.store import create_engine


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What create_async_engine is called with."""
    given: dict[str, Any] = {}

    def noting(url: str, **options: Any) -> AsyncEngine:
        given.update(url=url, **options)
        return create_async_engine(url, **options)

    monkeypatch.setattr("memdb.store.engines.create_async_engine", noting)
    return given


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql+asyncpg://u:p@host/db", "asyncpg"),
        ("postgresql+psycopg://u:p@host/db", "psycopg"),
        ("postgres://u:p@host/db", "asyncpg"),
        ("host=host dbname=db", "asyncpg"),
    ],
)
def test_the_driver_is_the_one_that_the_url_names_or_asyncpg(url: str, driver: str) -> None:
    assert create_engine(url).driver == driver


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (
            "postgresql://u:s%40f+e@host/db?sslmode=require&connect_timeout=3&keepalives=1&application_name=my%20app",
            {"user": "u", "password": "s@f+e", "host": ["host"], "database": "db", "ssl": "require", "timeout": 3.0}
            | {"server_settings": {"application_name": "my app"}},
        ),
        ("postgresql://one:1,two/db", {"host": ["one", "two"], "port": [1, 5432], "database": "db"}),
        ("postgresql://[::1]:5433/db", {"host": ["::1"], "port": [5433], "database": "db"}),
        ("postgresql:///db?host=/run/my%20sockets", {"host": ["/run/my sockets"], "database": "db"}),
        (
            "postgresql://host?options=-c%20search_path%3Da+b",
            {"host": ["host"], "server_settings": {"options": "-c search_path=a+b"}},
        ),
        ("service=memories", {"dsn": "postgresql://?service=memories"}),
        (
            "postgresql://host?sslrootcert=/my%20certs/c+a.pem",
            {"host": ["host"], "dsn": "postgresql://?sslrootcert=%2Fmy%20certs%2Fc%2Ba.pem"},
        ),
        ("postgresql://host?connect_timeout=0", {"host": ["host"], "timeout": None}),
    ],
)
def test_asyncpg_is_told_what_libpq_would_read(told: dict[str, Any], url: str, arguments: dict[str, Any]) -> None:
    create_engine(url)
    assert told["connect_args"] == arguments


def test_psycopg_is_told_what_libpq_would_read(told: dict[str, Any]) -> None:
    create_engine("postgresql+psycopg://u:a+b@one:1,two/db?options=-c%20search_path%3Da")
    assert told["connect_args"] == {
        "user": "u", "password": "a+b", "host": "one,two", "port": "1,", "dbname": "db",
        "options": "-c search_path=a", "client_encoding": "UTF8",
    }  # fmt: skip


def test_a_transaction_pooler_means_nothing_is_prepared(told: dict[str, Any]) -> None:
    create_engine("postgresql+psycopg://host/db", transaction_pooler=True, connect_args={"application_name": "app"})
    assert told["connect_args"] == {
        "host": "host",
        "dbname": "db",
        "client_encoding": "UTF8",
        "prepare_threshold": None,
        "application_name": "app",
    }
    create_engine("postgresql+asyncpg://host/db", transaction_pooler=True)
    assert told["connect_args"]["statement_cache_size"] == told["connect_args"]["prepared_statement_cache_size"] == 0
    assert told["connect_args"]["prepared_statement_name_func"]() == ""


def test_a_url_that_cannot_be_read_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError) as error:
        create_engine("mysql://u:secret@host/db")
    assert "secret" not in str(error.value)
    with pytest.raises(SettingsError) as error:
        create_engine("postgresql+asyncpg://host/db?connect_timeout=secret")
    assert "secret" not in str(error.value)
    assert "secret" not in repr(create_engine("postgresql://u:secret@host/db"))


def test_importing_memdb_and_its_command_line_loads_neither_sqlalchemy_nor_pydantic() -> None:
    code = (
        "import sys, memdb, memdb.cli, memdb.database, memdb.catalog, memdb.errors, memdb.migrations, "
        "memdb.output.verification, memdb.verification.verify, memdb.pytest_plugin; "
        "print([name for name in ('sqlalchemy', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("missing", ["sqlalchemy", "pgvector.sqlalchemy"])
def test_without_the_extra_verify_models_says_how_to_get_it(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from memdb.cli import main; sys.exit(main(['verify-models', '--offline']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, "pip install 'memdb-pg[orm]'" in result.stderr) == (3, True)
