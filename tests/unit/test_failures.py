"""Whatever is raised, and wherever: a line, an exit code that README explains, and JSON where that was asked for."""

import errno
import io
import json
import os
from pathlib import Path

import pytest

from memdb import __main__, cli, settings
from memdb.cli import main
from memdb.errors import SettingsError, StatementFailed
from tests.unit.test_files import odd

RAISED = [
    (ZeroDivisionError("secret"), 3, "memdb has a bug: ZeroDivisionError in memdb/cli/__init__.py, line "),
    (RecursionError("secret"), 3, "memdb has a bug: RecursionError"),
    (UnicodeEncodeError("ascii", "secret", 0, 1, "secret"), 3, "memdb has a bug: UnicodeEncodeError"),
    (MemoryError(), 3, "there is not enough memory"),
    (OSError(errno.EMFILE, "Too many open files"), 3, "Too many open files"),
    (OSError(errno.ENOSPC, "No space left", "/a/file"), 3, "/a/file: No space left"),
    (ImportError("no module"), 3, "cannot be loaded: no module"),
    (StatementFailed("it failed"), 4, "it failed"),
    (KeyboardInterrupt(), 130, "Interrupted"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
]


@pytest.mark.parametrize(("error", "code", "told"), RAISED, ids=lambda value: type(value).__name__)
def test_whatever_is_raised_is_told(
    error: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_run", fail)
    assert main(["status", "--format", "json"]) == code
    out, err = capsys.readouterr()
    assert told in err
    assert "Traceback" not in err
    assert "secret" not in out + err
    if code in (3, 4):
        assert json.loads(out)["error"]["exit_code"] == code


class Full(io.StringIO):
    """A pipe or device that takes nothing more."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def fileno(self) -> int:
        raise OSError


def test_help_that_cannot_be_written_is_no_full_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", Full())
    assert main(["--help"]) == 3
    assert capsys.readouterr().err.startswith("error: standard output cannot be written: No space left on device\n")


def test_ctrl_c_while_the_program_is_loaded_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.__import__", interrupt)
    assert __main__.start() == 130


@pytest.mark.parametrize("option", ["--wait", "--lock-timeout"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "9" * 5000])
def test_what_is_no_finite_number_is_wrong_usage(
    option: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMDB_DATABASE_URL", "postgresql://127.0.0.1:1/nothing")
    assert main(["migrate", option, value]) == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "circle", "folder"])
@pytest.mark.parametrize("name", ["memdb.toml", ".env"])
def test_settings_are_read_from_plain_files_only(name: str, kind: str, tmp_path: Path) -> None:
    odd(kind, tmp_path / name)
    if (name, kind) == (".env", "folder"):  # a virtual environment
        assert settings.database(None, directory=tmp_path, environment={}).url is None
        return
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.database(None, directory=tmp_path, environment={})


def test_settings_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    (tmp_path / "memdb.toml").symlink_to("nowhere.toml")
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        settings.database(None, directory=tmp_path, environment={})


def test_values_that_are_not_utf8_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMDB_SCHEMA", os.fsdecode(b"caf\xe9"))
    assert main(["status"]) == 2
    assert "MEMDB_SCHEMA is not UTF-8 text" in capsys.readouterr().err
