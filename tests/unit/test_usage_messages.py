"""What is wrong on the command line is told without the words that may hold a password."""

import json
from pathlib import Path

import pytest

from memdb.cli import main

URL = "postgresql://me:Zq9secret@host/db"


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--databse-url", URL),
        ("status", f"--databse-url={URL}"),
        ("status", f"--{URL}"),
        ("status", URL),
        (f"status --database-url {URL}",),
        ("db", URL),
        ("--database-url", URL, "status"),
        ("verify-models", URL),
        ("verify-models", "mysql://me:Zq9secret@host/db"),
        ("migrate", "--with", URL),
        ("migrate", "--wait", URL),
        ("migrate", "--wait", "it's \"Zq9secret'@host"),
        ("status", "--schema", URL),
        ("status", "--format", "password=Zq9secret"),
        ("status", "--database-url", "host=h", "password=Zq9secret"),
        ("status", "--database-url", "host=h", "Zq9secret"),
        ("status", "--password=Zq9secret"),
        ("status", "-pZq9secret"),
        ("host=h password=Zq9secret",),
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(arguments)) == 2
    assert main([*arguments[:1], "--format", "json", *arguments[1:]]) == 2
    shown = capsys.readouterr()
    assert "Zq9" not in shown.out + shown.err
    assert "hint" in shown.err or "Error" in shown.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("statu",), "No such command 'statu'"),
        (("migrate", "--wait", "soon"), "Invalid value for '--wait': 'soon' is not a valid float"),
        (("status", "--exit-cod"), "--exit-code"),
        (("rollback", "--steps"), "'--steps' requires an argument"),
        (("status", "--sql-dir", ""), "--sql-dir is empty"),
    ],
)
def test_plain_words_are_shown(arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(list(arguments)) == 2
    assert told in capsys.readouterr().err
    assert main([*arguments[:1], "--format=json", *arguments[1:]]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2


def test_an_unknown_format_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--format", "yaml"]) == 2
    assert "'yaml' is not one of 'text', 'json'" in capsys.readouterr().err


@pytest.mark.parametrize("given", [("--scratch-url", URL), (f"--scratch-url={URL}",)])
def test_a_url_is_taken_where_one_belongs(
    given: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--dry-run", *given, "--sql-dir", str(tmp_path / "none")]) == 3
    assert "the SQL directory" in capsys.readouterr().err
