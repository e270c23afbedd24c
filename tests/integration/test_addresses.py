"""Addresses against a real server: what arrives there, what results say of it, and what broken ones lead to."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text

from memdb import database
from memdb.cli import main
from memdb.store import create_engine

pytestmark = pytest.mark.once

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def memdb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in an empty directory: its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("MEMDB_DATABASE_URL", "DATABASE_URL", "MEMDB_MIGRATION_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def as_url(conninfo: str, driver: str = "", **more: str) -> str:
    """The address as a URL, percent-encoded as libpq reads it."""
    values = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()} | more
    return f"postgresql{driver}:///?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in values.items())


PARAMETERS = {"application_name": "a + b", "options": "-c search_path=pg_catalog -c statement_timeout=5s"}
ARRIVED = ["a + b", "pg_catalog", "5s"]
SETTINGS = (
    "select current_setting('application_name'), current_setting('search_path'), current_setting('statement_timeout')"
)


def test_parameters_arrive_as_they_are_meant(empty: str) -> None:
    address = database.conninfo(as_url(empty, **PARAMETERS))
    with database.connect(address, purpose="test") as connection:
        assert list(connection.execute(SETTINGS).fetchone() or ()) == ARRIVED
        with database.again(connection, purpose="test") as other:
            assert list(other.execute(SETTINGS).fetchone() or ()) == ARRIVED


@pytest.mark.parametrize("driver", ["+asyncpg", "+psycopg"])
def test_parameters_arrive_through_an_engine(empty: str, driver: str) -> None:
    async def settings() -> list[Any]:
        engine = create_engine(as_url(empty, driver, **PARAMETERS))
        async with engine.connect() as connection:
            row = (await connection.execute(text(SETTINGS))).one()
        await engine.dispose()
        return list(row)

    assert asyncio.run(settings()) == ARRIVED


def test_of_several_hosts_the_one_that_answers_is_taken_and_named(memdb: Run, empty: str) -> None:
    values = conninfo_to_dict(empty)
    several = make_conninfo(empty, host=f"/nowhere,{values['host']}", port=f"1,{values.get('port') or 5432}")
    code, out, _ = memdb("status", "--database-url", several)
    assert code == 0
    assert out.startswith(
        f"Database: {values['user']}@{values['host']}:{values.get('port') or 5432}/{values['dbname']}\n"
    )


def test_a_service_file_is_followed(memdb: Run, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{key}={value}" for key, value in conninfo_to_dict(empty).items()]
    (tmp_path / "services").write_text("\n".join(["[memories]", *lines, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for address in ("service=memories", "postgresql:///?service=memories"):
        code, out, _ = memdb("status", "--database-url", address)
        assert (code, f"/{conninfo_to_dict(empty)['dbname']}\n" in out) == (0, True)
    (tmp_path / "services").write_text("[memories]\npassword=Zq9secret\nZq9secret\n")
    code, _, err = memdb("status", "--database-url", "service=memories")
    assert (code, "Check the name of the service" in err, "Zq9" in err) == (3, True, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGSSLMODE", "zzz"),
        ("PGPORT", "zzz"),
        ("PGCONNECT_TIMEOUT", "zzz"),
        ("PGCHANNELBINDING", "zzz"),
        ("PGTARGETSESSIONATTRS", "zzz"),
        ("PGOPTIONS", "--zzz"),
        ("PGSERVICE", "zzz"),
    ],
)
def test_a_broken_environment_is_told(
    memdb: Run, empty: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    address = make_conninfo("", **{key: val for key, val in conninfo_to_dict(empty).items() if key != "port"})
    monkeypatch.setenv(name, value)
    code, _, err = memdb("status", "--database-url", make_conninfo(address, password="Zq9secret"))
    assert (code, "cannot connect to" in err, "hint:" in err, "Zq9" in err) == (3, True, True, False)


@pytest.mark.parametrize(
    "parameters",
    [
        {"connect_timeout": "zzz"},
        {"host": "a" * 300 + ".b"},
        {"host": "..b"},
        {"host": "/nowhere/" + "a" * 200},
        {"host": "one,two,three", "port": "1,2"},
        {"hostaddr": "zzz"},
        {"sslmode": "zzz", "host": "127.0.0.1"},
    ],
)
def test_absurd_parameters_are_told(memdb: Run, empty: str, parameters: dict[str, str]) -> None:
    code, _, err = memdb("status", "--database-url", make_conninfo(empty, password="Zq9secret", **parameters))
    assert (code, "cannot connect to" in err, "Zq9" in err) == (3, True, False)


def test_a_wrong_encoding_of_the_client_does_not_matter(
    memdb: Run, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "zzz")
    assert memdb("status", "--database-url", empty)[0] == 0
    assert memdb("status", "--database-url", make_conninfo(empty, client_encoding="zzz"))[0] == 0


def test_results_questions_and_errors_name_the_database(
    memdb: Run, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.connect(migrated, purpose="test") as connection:
        connection.execute("insert into users default values")
        place = database.describe(connection)
    address = ("--database-url", make_conninfo(migrated, password="Zq9secret"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = memdb("rollback", "--all", *address)
    assert (code, f"{place}: This" in err) == (2, True)
    for command in (
        ("migrate",),
        ("verify-schema",),
        ("seed", "--memories", "2"),
        ("seed", "--reset"),
        ("status",),
        ("repair",),
        ("baseline",),
        ("rollback", "--yes"),
    ):
        code, out, err = memdb(*command, *address)
        assert (code, out.startswith(f"Database: {place}\n")) == (0, True), command
        assert "Zq9" not in out + err
    assert memdb("rollback", "--dry-run", *address)[1].startswith(f"-- Database: {place}\n")
    assert f'"address": "{place}"' in memdb("status", "--format", "json", *address)[1]
    code, out, err = memdb("migrate", "--to", "9999", *address)
    assert (code != 0, f"Database: {place}" in err) == (True, True)


@pytest.mark.parametrize("command", [("rollback", "--all", "--yes"), ("seed", "--reset")])
def test_where_settings_name_different_databases_nothing_is_lost(
    memdb: Run, migrated: str, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    assert memdb("seed", "--memories", "10", "--database-url", migrated)[0] == 0
    monkeypatch.setenv("MEMDB_MIGRATION_URL" if command[0] == "rollback" else "DATABASE_URL", migrated)
    (tmp_path / ".env").write_text(f'MEMDB_DATABASE_URL="{empty}"\n')
    code, _, err = memdb(*command)
    assert (code, "two settings name different databases" in err) == (2, True)
    for url in (migrated, empty):
        assert f"/{conninfo_to_dict(url)['dbname']}" in err
    with database.connect(migrated, purpose="test") as connection:
        assert connection.execute("select count(*) from memories").fetchone() == (10,)
    (tmp_path / ".env").write_text(f'MEMDB_DATABASE_URL="{make_conninfo(migrated, application_name="pooled")}"\n')
    assert memdb(*command)[0] == 0


def test_a_name_with_control_characters_does_nothing_to_what_reads_the_output(memdb: Run, server: str) -> None:
    name = "odd\n::error::name\x1b[31m"
    with database.connect(server, purpose="test") as admin:
        admin.execute(f'create database "{name}"')
        try:
            address = ("--database-url", make_conninfo(server, dbname=name))
            for command in (("status",), ("verify-schema",), ("verify-schema", "--format", "github")):
                out, err = memdb(*command, *address)[1:]
                assert "::error::name" not in [line[:13] for line in (out + err).splitlines()]
                assert "\x1b[31m" not in out + err
        finally:
            admin.execute(f'drop database "{name}" with (force)')
