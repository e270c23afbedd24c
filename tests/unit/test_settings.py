"""Where settings come from, and that a password is never shown."""

from pathlib import Path

import pytest

from memdb import database, settings
from memdb.errors import SettingsError


def load(directory: Path, environment: dict[str, str] | None = None, url: str | None = None) -> settings.Settings:
    return settings.load(database_url=url, directory=directory, environment=environment or {})


def test_flag_then_environment_then_dotenv_then_project_file_then_embedded(tmp_path: Path) -> None:
    assert load(tmp_path).database_url is None
    (tmp_path / "memdb.toml").write_text('database_url = "postgresql:///toml"')
    assert load(tmp_path).database_url_source == "memdb.toml"
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql:///dotenv\n")
    assert load(tmp_path).database_url == "postgresql:///dotenv"
    environment = {"DATABASE_URL": "postgresql:///environment"}
    assert load(tmp_path, environment).database_url == "postgresql:///environment"
    environment["MEMDB_DATABASE_URL"] = "postgresql:///memdb"
    assert load(tmp_path, environment).database_url == "postgresql:///memdb"
    assert load(tmp_path, environment, "postgresql:///flag").database_url == "postgresql:///flag"


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load(tmp_path, {"MEMDB_DATABASE_URL": "", "DATABASE_URL": "postgresql:///x"}).database_url_source == (
        "DATABASE_URL"
    )


def test_the_project_file_names_sql_directory_and_sets(tmp_path: Path) -> None:
    (tmp_path / "memdb.toml").write_text('sql_dir = "sql"\nsets = ["fast_search"]')
    loaded = load(tmp_path)
    assert loaded.sql_dir == tmp_path / "sql"
    assert loaded.sets == ("fast_search",)


@pytest.mark.parametrize("text", ["nonsense", "databse_url = 'x'", "sets = 'core'", "sql_dir = 3", "a = '\\udc00'"])
def test_a_project_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "memdb.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"memdb\.toml"):
        load(tmp_path)


def test_settings_do_not_show_a_password(tmp_path: Path) -> None:
    assert "secret" not in repr(load(tmp_path, url="postgresql://me:secret@host/db"))


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me:se%40cret@host:5433/db",
        "postgresql://me:se%40cret@host:5433/db",
        "postgresql+psycopg://me:se%40cret@host:5433/db",
        "postgresql+asyncpg://me:se%40cret@host:5433/db?prepared_statement_cache_size=0",
        "PostgreSQL://me:se%40cret@host:5433/db?pgbouncer=true",
        "  host=host port=5433 dbname=db user=me password=se@cret ",
    ],
)
def test_every_usual_form_of_url_leads_to_the_same_place(url: str) -> None:
    conninfo = database.conninfo(url)
    assert database.describe(conninfo) == "me@host:5433/db"
    assert "se@cret" in conninfo


def test_the_ssl_parameter_of_asyncpg_becomes_sslmode() -> None:
    assert "sslmode=require" in database.conninfo("postgresql+asyncpg://host/db?ssl=require")
    assert "sslmode=require" in database.conninfo("postgresql+asyncpg://host/db?ssl=true")


def test_a_socket_directory_and_a_service_are_described() -> None:
    assert database.describe(database.conninfo("postgresql://me@/db?host=/run/pg")) == "me@/run/pg/db"
    assert database.describe(database.conninfo("service=memories")) == "service memories"


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@host/db", "postgresql://me:secret@ho st:port/db", "secret", "host=x secret", "secret=1"]
)
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        database.conninfo(url)
    assert "secret" not in f"{raised.value} {raised.value.hint}"
