"""Where settings come from, and that what is set and empty is an error instead of the way to another database."""

from pathlib import Path

import pytest

from memdb import settings
from memdb.errors import SettingsError

TEST, PRODUCTION = "postgresql:///test", "postgresql:///production"


def database(
    directory: Path, environment: dict[str, str] | None = None, url: str | None = None, *, migrating: bool = False
) -> settings.Database:
    return settings.database(url, migrating=migrating, directory=directory, environment=environment or {})


def load(directory: Path, environment: dict[str, str] | None = None, schema: str | None = None) -> settings.Settings:
    return settings.load(schema=schema, directory=directory, environment=environment or {})


def test_flag_then_environment_then_dotenv_then_project_file_then_embedded(tmp_path: Path) -> None:
    assert database(tmp_path).url is None
    (tmp_path / "memdb.toml").write_text('database_url = "postgresql:///toml"')
    assert database(tmp_path).source == "database_url in memdb.toml"
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql:///dotenv\n")
    assert database(tmp_path).url == "postgresql:///dotenv"
    environment = {"DATABASE_URL": "postgresql:///environment"}
    assert database(tmp_path, environment).url == "postgresql:///environment"
    environment["MEMDB_DATABASE_URL"] = "postgresql:///memdb"
    assert database(tmp_path, environment).url == "postgresql:///memdb"
    assert database(tmp_path, environment, "postgresql:///flag").url == "postgresql:///flag"


def test_the_address_for_migrations_is_for_migrations(tmp_path: Path) -> None:
    environment = {"MEMDB_DATABASE_URL": TEST, "MEMDB_MIGRATION_URL": PRODUCTION}
    assert database(tmp_path, environment, migrating=True).url == PRODUCTION
    assert database(tmp_path, environment).url == TEST


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
@pytest.mark.parametrize("name", ["MEMDB_DATABASE_URL", "DATABASE_URL", "MEMDB_MIGRATION_URL"])
def test_an_empty_address_is_an_error_wherever_it_counts(tmp_path: Path, name: str, empty: str) -> None:
    (tmp_path / "memdb.toml").write_text('database_url = "postgresql:///toml"')
    with pytest.raises(SettingsError, match=f"{name} is empty"):
        database(tmp_path, {name: empty}, migrating=True)
    (tmp_path / ".env").write_text(f'{name}="{empty.strip()}"\n')
    with pytest.raises(SettingsError, match=f"{name} in .env is empty"):
        database(tmp_path, migrating=True)


def test_an_empty_flag_is_not_the_same_as_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--database-url is empty"):
        database(tmp_path, {"MEMDB_DATABASE_URL": PRODUCTION}, "")
    with pytest.raises(SettingsError, match="--schema is empty"):
        load(tmp_path, {"MEMDB_SCHEMA": "app"}, " ")


@pytest.mark.parametrize("name", ["MEMDB_SCHEMA", "MEMDB_SQL_DIR"])
def test_an_empty_variable_is_no_default(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is empty"):
        load(tmp_path, {name: ""})


@pytest.mark.parametrize("key", ["schema", "sql_dir"])
def test_an_empty_value_in_the_project_file_is_no_default(tmp_path: Path, key: str) -> None:
    (tmp_path / "memdb.toml").write_text(f'{key} = ""')
    with pytest.raises(SettingsError, match=f"{key} in memdb.toml is empty"):
        load(tmp_path)
    (tmp_path / "memdb.toml").write_text('database_url = " "')
    with pytest.raises(SettingsError, match=r"database_url in memdb\.toml is empty"):
        database(tmp_path)


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_an_address_for_migrations_alone_does_not_send_other_commands_to_the_embedded_database(
    tmp_path: Path, place: str
) -> None:
    environment = {"MEMDB_MIGRATION_URL": PRODUCTION} if place == "environment" else {}
    if place == ".env":
        (tmp_path / ".env").write_text(f"MEMDB_MIGRATION_URL={PRODUCTION}\n")
    assert database(tmp_path, environment, migrating=True).url == PRODUCTION
    with pytest.raises(SettingsError, match="no database for commands that do not migrate"):
        database(tmp_path, environment)


@pytest.mark.parametrize(
    ("environment", "dotenv", "migrating", "rival"),
    [
        ({"MEMDB_MIGRATION_URL": PRODUCTION}, f"MEMDB_DATABASE_URL={TEST}", True, "MEMDB_DATABASE_URL in .env"),
        ({"MEMDB_MIGRATION_URL": PRODUCTION, "MEMDB_DATABASE_URL": TEST}, "", True, "MEMDB_DATABASE_URL"),
        ({"DATABASE_URL": PRODUCTION}, f"MEMDB_DATABASE_URL={TEST}", False, "MEMDB_DATABASE_URL in .env"),
        ({"DATABASE_URL": PRODUCTION}, 'MEMDB_DATABASE_URL="', False, None),
        ({"MEMDB_DATABASE_URL": PRODUCTION, "DATABASE_URL": TEST}, "", False, None),
    ],
)
def test_another_setting_that_could_be_taken_for_the_one_that_counts_is_known(
    tmp_path: Path, environment: dict[str, str], dotenv: str, migrating: bool, rival: str | None
) -> None:
    (tmp_path / ".env").write_text(dotenv)
    found = database(tmp_path, environment, migrating=migrating)
    assert found.url == PRODUCTION
    assert (found.rival.source if found.rival else None) == rival


def test_the_project_file_names_sql_directory_sets_and_schema(tmp_path: Path) -> None:
    (tmp_path / "memdb.toml").write_text(
        'sql_dir = "sql"\nsets = ["fast_search"]\nschema = "app"', encoding="utf-8-sig"
    )
    loaded = load(tmp_path)
    assert loaded.sql_dir == tmp_path / "sql"
    assert loaded.sets == ("fast_search",)
    assert (loaded.schema, load(tmp_path, {"MEMDB_SCHEMA": "other"}).schema) == ("app", "other")
    assert load(tmp_path, {"MEMDB_SQL_DIR": "elsewhere"}).sql_dir == Path("elsewhere")


@pytest.mark.parametrize("text", ["nonsense", "databse_url = 'x'", "sets = 'core'", "sql_dir = 3", "a = '\\udc00'"])
def test_a_project_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "memdb.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"memdb\.toml"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "database_url = postgresql://u:Zq9@h/d",
        'database_url = "postgresql://u:Zq9@h/d',
        '"postgresql://u:Zq9@h/d" = 1',
        'database_url = ["postgresql://u:Zq9@h/d"]',
        'database_url = "postgresql://u:Zq9@h/d"\ndatabase_url = "postgresql://u:Zq9@h/d"',
        'database_url = "postgresql://u:\\Zq9@h/d"',
        'database_url = "postgresql://u:\udcffZq9@h/d"',
    ],
)
def test_a_project_file_that_cannot_be_read_is_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "memdb.toml").write_text(text, errors="surrogateescape")
    with pytest.raises(SettingsError) as raised:
        load(tmp_path)
    assert "Zq9" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('MEMDB_DATABASE_URL "postgresql://u:Zq9@h/d"', 1),
        ("# Why.\n\nMEMDB_DATABASE_URL: postgresql://u:Zq9@h/d", 3),
        ('OTHER=1\n\nMEMDB_DATABASE_URL="postgresql://u:Zq9@h/d\n', 3),
        ("MEMDB_DATABASE_URL='postgresql://u:Zq9@h/d\nOTHER=1\n", 1),
        ("OTHER=1\nMEMDB_DATABASE_URL='postgresql://u:Zq9@h/d' Zq9", 2),
        ("OTHER=1\nMEMDB_DATABASE_URL", 2),
        ('"Zq9', 1),
        ("Zq9 and more words\nMEMDB_DATABASE_URL=postgresql:///db", 1),
    ],
)
def test_a_line_of_dotenv_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(SettingsError, match=rf"\.env, line {line} cannot be read") as raised:
        database(tmp_path)
    assert "Zq9" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize("written", ["postgresql://${SECRET}.host/db", "postgresql://${MY-SECRET}/db", "${INDIRECT}"])
def test_nothing_of_the_environment_is_filled_into_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """It could be a secret, and the file that of a pull request. Nor is a gap left: that led to another database."""
    for name in ("SECRET", "MY-SECRET", "NAME"):
        monkeypatch.setenv(name, "geheim")
    (tmp_path / ".env").write_text(f"INDIRECT=${{SECRET}}\nMEMDB_DATABASE_URL={written}\n")
    with pytest.raises(SettingsError, match="line 2 refers to a variable that is not set above it"):
        database(tmp_path)
    (tmp_path / ".env").write_text("NAME=db\nDATABASE_URL=postgresql://${HOST:-localhost}/${NAME}\n")
    assert database(tmp_path).url == "postgresql://localhost/db"


@pytest.mark.parametrize(
    "text",
    [
        "MEMDB_DATABASE_URL=postgresql:///db",
        "export MEMDB_DATABASE_URL = 'postgresql:///db'",
        "\ufeffMEMDB_DATABASE_URL=postgresql:///db\r\n",
        "# Why.\nPASSED_ON\nexport PATH\n\nMEMDB_DATABASE_URL=postgresql:///db # a comment",
    ],
)
def test_dotenv_as_editors_and_other_tools_write_it_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_bytes(text.encode())
    assert database(tmp_path).url == "postgresql:///db"


def test_a_directory_called_dotenv_is_no_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert database(tmp_path).url is None


def test_settings_do_not_show_a_password(tmp_path: Path) -> None:
    assert "secret" not in repr(database(tmp_path, url="postgresql://me:secret@host/db"))


@pytest.mark.parametrize("address", ["postgresql://me:Zq9@host/db", "mysql://me:Zq9@host/db", "host=h password=Zq9"])
def test_an_address_in_the_place_of_something_else_is_not_shown(tmp_path: Path, address: str) -> None:
    def refused(environment: dict[str, str], text: str = "") -> str:
        (tmp_path / "memdb.toml").write_text(text)
        with pytest.raises(SettingsError, match="is the address of a database") as told:
            load(tmp_path, environment)
        return told.value.message + told.value.hint

    shown = [refused({name: address}) for name in ("MEMDB_SCHEMA", "MEMDB_SQL_DIR")]
    shown += [refused({}, f'{key} = "{address}"') for key in ("schema", "sql_dir")]
    shown += [refused({}, f'{key} = ["{address}"]') for key in ("sets", "trusted_schemas")]
    assert not any("Zq9" in text for text in shown)
    with pytest.raises(SettingsError, match="MEMDB_SCRATCH_SETUP is the address of a database"):
        settings.scratch(directory=tmp_path, environment={"MEMDB_SCRATCH_SETUP": address})
    (tmp_path / "memdb.toml").write_text(f'scratch_url = "{address}"')
    assert settings.scratch(directory=tmp_path, environment={}).url == address


@pytest.mark.parametrize("written", ["../../elsewhere", "{above}/elsewhere", "linked"])
def test_a_project_does_not_lead_out_of_the_project_to_have_another_folder_written_to(
    tmp_path: Path, written: str
) -> None:
    service = tmp_path / "repository" / "service"
    service.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (service / "linked").symlink_to(tmp_path / "elsewhere")
    (service / "memdb.toml").write_text(f"sql_dir = '{written.format(above=tmp_path)}'")
    assert load(service).sql_dir.samefile(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="leads out of this project"):
        load(service).own_sql_dir  # noqa: B018 -- raises
    assert load(service, {"MEMDB_SQL_DIR": "/elsewhere"}).own_sql_dir == Path("/elsewhere")


def test_a_project_is_as_large_as_its_repository(tmp_path: Path) -> None:
    service = tmp_path / "repository" / "service"
    service.mkdir(parents=True)
    (service / "memdb.toml").write_text("sql_dir = '../sql'")
    with pytest.raises(SettingsError, match="leads out of this project"):
        load(service).own_sql_dir  # noqa: B018 -- raises
    (tmp_path / "repository" / ".git").mkdir()
    assert load(service).own_sql_dir == service / "../sql"
