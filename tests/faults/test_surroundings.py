"""memdb as a process in broken surroundings: streams that are closed or full, no directory, no encoding, few files.

There is never a traceback, and the exit code says what README says of it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import new_database
from tests.helpers import address

PYTHON = sys.executable


@pytest.fixture(scope="module")
def url(server: str, template: str) -> Iterator[str]:
    """A database with the schema and nothing in it."""
    with new_database(server, template=template) as conninfo:
        yield address(conninfo, "psycopg")


def run(script: str, url: str, folder: Path, **environment: str | None) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a shell script, in which `memdb` is memdb. None unsets a variable."""
    given = {"MEMDB_DATABASE_URL": url, "MEMDB_DATA_DIR": str(folder / "data")} | environment
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEMDB_", "PYTHON", "COV_"))}
    result = subprocess.run(
        ["bash", "-c", f'memdb() {{ "{PYTHON}" -m memdb "$@"; }}\n{script}'],
        cwd=folder,
        env={name: value for name, value in (kept | given).items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=120,
    )
    said = result.stdout + result.stderr
    for sign in ("Traceback", "Exception ignored", "memdb has a bug"):
        assert sign not in said, said
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("command", "where", "buffered"),
    [
        ("status", ">&-", ""),
        ("status -f json", ">/dev/full", ""),
        ("verify-schema -f junit", ">/dev/full", "1"),
        ("lint --help", ">/dev/full", ""),
    ],
)
def test_a_result_that_cannot_be_written_is_no_success(
    command: str, where: str, buffered: str, url: str, tmp_path: Path
) -> None:
    code, _, err = run(f"memdb {command} {where}", url, tmp_path, PYTHONUNBUFFERED=buffered)
    assert code == 3
    assert re.search("standard output cannot be written|No space left|Bad file descriptor", err)


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("command", "expected"), [("status", 0), ("status --schema nosuch", 3), ("nosuch", 2)])
def test_what_cannot_be_said_changes_nothing(command: str, expected: int, where: str, url: str, tmp_path: Path) -> None:
    code, out, _ = run(f"memdb {command} -f json {where}", url, tmp_path)
    assert code == expected
    assert expected == 2 or json.loads(out)


@pytest.mark.parametrize("command", ["status", "status -f json", "--help", "verify-schema -f junit"])
def test_a_reader_that_has_gone_is_no_failed_check(command: str, url: str, tmp_path: Path) -> None:
    code, _, err = run(f"memdb {command} | true; exit ${{PIPESTATUS[0]}}", url, tmp_path)
    assert code in (0, 141)  # it may have been quicker
    assert err == ""


def test_without_any_stream_a_command_works(url: str, tmp_path: Path) -> None:
    """And the connection does not get the number of a stream, into which others print."""
    assert run("memdb init . <&- >&- 2>&-", url, tmp_path)[0] == 3  # its result is lost
    assert (tmp_path / "sql" / "core").is_dir()
    assert run("memdb migrate --sql-dir sql <&- 2>&-", url, tmp_path)[0] == 0


@pytest.mark.parametrize("command", ["rollback --all", "db reset"])
def test_nobody_can_be_asked_where_there_is_no_stdin(command: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "postgresql-18").mkdir(parents=True)
    assert run(f"memdb {command} <&-", url, tmp_path)[0] in (0, 2, 3)


@pytest.mark.parametrize(
    ("command", "expected"),
    [("status", 3), ("migrate", 3), ("new x", 3), ("--help", 0), ("verify-models --offline", 3), ("init .", 3)],
)
def test_the_directory_that_is_gone_is_named(command: str, expected: int, url: str, tmp_path: Path) -> None:
    code, _, err = run(f'mkdir gone; cd gone; rmdir "$PWD"; memdb {command}', url, tmp_path, PYTHONPATH=_checkout())
    assert code == expected
    assert expected == 0 or "directory" in err


def _checkout() -> str:
    return str(Path(__file__).parents[2])


ASCII, C = {"PYTHONIOENCODING": "ascii:strict"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        ("benchmark-similarity --help", ASCII),
        ("status", C),
        ("rollback --dry-run", ASCII),
        ("init Grüße", C),
        ("init Grüße", ASCII),
        ("seed --tiers ü", C),
    ],
)
def test_text_that_the_encoding_lacks_is_told_in_other_letters(
    command: str, encoding: dict[str, str], url: str, tmp_path: Path
) -> None:
    assert run(f"memdb {command}", url, tmp_path, **encoding)[0] in (0, 2)


@pytest.mark.parametrize("name", ["HOME", "PATH", "TERM", "LOGNAME"])
def test_no_variable_has_to_be_set(name: str, url: str, tmp_path: Path) -> None:
    assert run("memdb migrate && memdb status", url, tmp_path, **{name: None})[0] == 0


@pytest.mark.parametrize("files", [6, 9, 14])
def test_few_open_files_are_told(files: int, url: str, tmp_path: Path) -> None:
    assert run(f"ulimit -n {files}; memdb status", url, tmp_path)[0] in (0, 3)


def test_arguments_that_are_not_utf8_are_refused(url: str, tmp_path: Path) -> None:
    code, _, err = run(r"memdb new $'caf\xe9'", url, tmp_path)
    assert code == 2
    assert "is not UTF-8 text" in err


def test_debugging_tells_where_and_no_values(url: str, tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise RuntimeError('the password is ' + 'hunter' + '2')")
    script = 'PYTHONPATH="$PWD" "$PYTHON" -m memdb status'
    command = ["bash", "-c", script]
    environment = os.environ | {"PYTHON": PYTHON, "MEMDB_DATABASE_URL": url}
    for debug in ("", "1"):
        told = subprocess.run(
            command, cwd=tmp_path, env=environment | {"MEMDB_DEBUG": debug}, capture_output=True, text=True
        )
        assert told.returncode == 3
        assert "memdb has a bug: RuntimeError" in told.stderr
        assert "Please report it" in told.stderr
        assert ("psycopg.py" in told.stderr) == bool(debug)
        assert "hunter2" not in told.stderr
