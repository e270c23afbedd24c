"""What is only tried reaches nothing beyond its temporary database, whatever the files say, and whatever they hide."""

import socket
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb import recording, scratch
from memdb.catalog import Key
from memdb.cli import main
from memdb.cli.options import Trial
from memdb.errors import SettingsError, StatementFailed
from tests.integration.conftest import Folder

ATTEMPTS = {
    "run a program": "copy (select 1) to program 'touch {file}'",
    "read a program": "copy loot from program 'id'",
    "write a file": "copy (select 1) to '{file}'",
    "read a file": "copy loot from '{file}'",
    "read a file by a function": "select pg_read_file('{file}')",
    "read a binary file": "select pg_read_binary_file('{file}')",
    "list a folder": "select pg_ls_dir('/')",
    "see a file": "select pg_stat_file('{file}')",
    "import a file": "select lo_import('{file}')",
    "export a file": "select lo_export(1, '{file}')",
    "load a library": "load '{file}'",
    "load one in each session": "set session_preload_libraries = '{file}'",
    "load a plugin": "select pg_create_logical_replication_slot('a', '{file}')",
    "call a library": "create function f() returns int language c as '{file}', 'f'",
    "an untrusted language": "create extension plpython3u",
    "another extension": "create extension memdb_other",
    "a foreign server": "create foreign data wrapper w",
    "become a superuser": "alter role current_user superuser",
    "make a superuser": "create role made_on_the_spot superuser",
    "take another's session": "set session authorization {admin}",
    "take another's role": "set role {admin}",
    "the right to run programs": "grant pg_execute_server_program to current_user",
    "read passwords": "table pg_authid",
    "change the server": "select pg_reload_conf()",
    "code for everybody": "create event trigger e on ddl_command_end execute function memdb_own.before_extension()",
    "more for an extension": "alter event trigger memdb_after_extension disable",
    "other code for an extension": "create or replace function memdb_own.after_extension() returns event_trigger "
    "language plpgsql as 'begin end'",
    "no triggers": "set session_replication_role = replica",
}
ALONE = [  # outside of a transaction only
    "alter system set shared_preload_libraries = '/tmp/x'",
    "create tablespace t location '/tmp'",
    "create subscription s connection 'host=127.0.0.1 port=1' publication p",
]
REFUSED = {"42501", "0A000", "55P02", "22023", "42704"}


def test_nothing_beyond_the_database_can_be_reached(
    folder: Folder, server: str, tmp_path: Path, ready_server: None
) -> None:
    """Each attempt is made where its refusal does not end the file; a comment keeps what came of them."""
    shown = tmp_path / "shown"
    with psycopg.connect(server) as admin:
        user = admin.info.user
    text = "create table loot (line text);\ncreate table came (attempt text, state text);\n"
    for name, attempt in ATTEMPTS.items():
        statement = attempt.format(file=shown, admin=user).replace("'", "''")
        text += (
            f"do $a$ begin execute '{statement}'; insert into came values ($n${name}$n$, 'done');\n"
            f"exception when others then insert into came values ($n${name}$n$, sqlstate); end $a$;\n"
        )
    text += (
        "do $a$ begin execute format('comment on table came is %L',\n"
        "(select string_agg(attempt || '=' || state, ';') from came)); end $a$;\n"
    )
    patches = recording.record(folder(m0001_a=(text, "drop table came; drop table loot;")))
    came = dict(part.split("=") for part in str((patches["0001_a"][Key("table", "came")] or {})["comment"]).split(";"))
    assert came.keys() == ATTEMPTS.keys()
    assert {name: state for name, state in came.items() if state not in REFUSED} == {}
    assert not shown.exists()


@pytest.mark.parametrize("statement", ALONE)
def test_nor_by_a_statement_outside_of_a_transaction(folder: Folder, ready_server: None, statement: str) -> None:
    sets = folder(m0001_a=(f"-- transactional: false\n{statement};", "-- transactional: false\nselect 1;"))
    with pytest.raises(StatementFailed, match="permission denied") as raised:
        recording.record(sets)
    assert "a role that owns the database and is no superuser" in raised.value.hint


def test_an_extension_is_made_by_who_may_not_make_another(folder: Folder, ready_server: None) -> None:
    """For pgvector the role is a superuser while the one statement runs, also where it fails or is taken back."""
    lesser = "do $a$ begin assert not (select rolsuper from pg_roles where rolname = current_user); end $a$;"
    fails = "do $a$ begin create extension {}; raise 'no'; exception when others then null; end $a$;"
    steps = [fails.format("vector"), fails.format("nope"), *2 * ["create extension if not exists vector;"]]
    text = "".join(f"{step} {lesser}\n" for step in steps)
    sets = folder(m0001_a=(f"{text} create table a (e vector(3));", "drop table a; drop extension vector;"))
    assert recording.record(sets)["0001_a"]
    with pytest.raises(StatementFailed, match="permission denied to COPY"):
        recording.record(folder(m0001_a=("create extension vector; copy (select 1) to program 'id';", "select 1;")))


def test_a_project_does_not_choose_to_be_tried_by_a_superuser(
    folder: Folder, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(m0001_a=("create table a ();", "drop table a;"))
    (tmp_path / "memdb.toml").write_text(f'sql_dir = "."\nscratch_url = "{server}"\n')
    monkeypatch.chdir(tmp_path)
    assert main(["snapshot"]) == 3
    assert "names a superuser" in capsys.readouterr().err
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("create role made_on_the_spot login createdb")
        try:
            for disguised in ("role", "session_authorization"):
                address = make_conninfo(server, options=f"-c{disguised}=made_on_the_spot")
                (tmp_path / "memdb.toml").write_text(f'sql_dir = "."\nscratch_url = "{address}"\n')
                assert main(["snapshot"]) == 3
                assert "names a superuser" in capsys.readouterr().err
            lesser = make_conninfo(server, user="made_on_the_spot")
            (tmp_path / "memdb.toml").write_text(f'sql_dir = "."\nscratch_url = "{lesser}"\n')
            for more in (admin.info.user, "pg_execute_server_program"):
                admin.execute(f"grant {more} to made_on_the_spot")
                assert main(["snapshot"]) == 3
                assert "names a superuser" in capsys.readouterr().err
                admin.execute(f"revoke {more} from made_on_the_spot")
        finally:
            admin.execute("drop role made_on_the_spot")
    assert main(["snapshot", "--scratch-url", server]) == 0


@pytest.mark.parametrize(
    ("command", "file", "setting"),
    [
        ("lint", "memdb.toml", 'scratch_url = "{}"'),
        ("status", "memdb.toml", 'database_url = "{}"'),
        ("status", ".env", "DATABASE_URL={}"),
        ("status", ".env", "DATABASE_URL=postgresql:///a?port=1"),
    ],
)
def test_a_server_that_a_project_names_is_sent_no_password_of_another(
    folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    file: str,
    setting: str,
) -> None:
    folder(m0001_a=("create table a ();", "drop table a;"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "services").write_text("[geheim]\n")
    monkeypatch.setenv("MEMDB_SQL_DIR", str(tmp_path))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"postgresql://a@127.0.0.1:{listening.getsockname()[1]}/postgres"
        for more, of_ours in (("", "PGPASSWORD"), ("", "PGSERVICE"), ("?passfile=/x", ""), ("?hostaddr=127.0.0.1", "")):
            monkeypatch.setenv(of_ours or "PGPASSWORD", "geheim")
            (tmp_path / file).write_text(setting.format(url + more))
            assert main([command]) == 3
            assert "If you trust that server, name it yourself" in capsys.readouterr().err
            monkeypatch.delenv(of_ours or "PGPASSWORD")
        with pytest.raises(BlockingIOError):  # nobody has connected
            listening.accept()


def test_whoever_upgrades_a_project_knows_whose_server_it_is_tried_on(tmp_path: Path) -> None:
    assert not Trial().options(tmp_path).of_project
    (tmp_path / "memdb.toml").write_text('scratch_url = "postgresql:///postgres"')
    assert Trial().options(tmp_path).of_project


def test_each_connection_of_a_projects_server_is_looked_at(
    folder: Folder, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address of several hosts may lead to a harmless server first, and to a superuser's afterwards."""
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    options = scratch.Options(server, of_project=True)
    with psycopg.connect(server, autocommit=True) as admin, scratch.server(options) as found:
        with pytest.raises(SettingsError, match="names a superuser"), found.database("test"):
            pass
        databases = admin.execute("select from pg_database where datname like 'memdb_scratch_%'").fetchall()
        assert not databases
    assert recording.record(sets, options=scratch.Options(server))["0001_a"]


@pytest.mark.parametrize("name", ["pg_made_up", "postgres"])
def test_a_role_that_cannot_be_made_is_the_migrations_fault(folder: Folder, ready_server: None, name: str) -> None:
    """Such as a predefined one of a later version: what is told is the file and line, and the server's own words."""
    said = f"raise undefined_object using message = 'role \"{name}\" does not exist'"
    sets = folder(m0001_a=(f"do $$ begin {said}; end $$;", "select 1;"))
    with pytest.raises(StatementFailed, match=f'role "{name}" does not exist') as raised:
        recording.record(sets)
    assert "0001_a.sql" in raised.value.location
