"""Finding the way: short help, what a shell is told to complete, and the format in which errors are told."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.cli import commands
from memdb import cli
from memdb.cli import main
from memdb.cli.group import SECTIONS

COMPLETIONS = [
    ("memdb ver", ["verify-schema", "verify-models"]),
    ("memdb migrate --lo", ["--lock-timeout"]),
    ("memdb db st", ["start", "stop"]),
    ("memdb db start --fo", ["--format"]),
    ("memdb status --format ", ["text", "json"]),
]


GREETING = """
from memdb.cli.commands import command


@command("memdb greet --name Ann")
def greet(name: str = "you") -> int:
    print("hello", name)
    return 0
"""


@pytest.mark.parametrize("path", [(), ("migrate",), ("db",), ("db", "start")], ids=" ".join)
def test_h_is_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path, "-h"]) == 0
    short = capsys.readouterr().out
    assert main([*path, "--help"]) == 0
    assert short == capsys.readouterr().out


def test_examples_can_be_pasted_however_long_they_are() -> None:
    for context, _ in commands():
        _, _, examples = context.get_help().partition("\n  Example")
        for line in itertools.takewhile(str.strip, examples.split("\n")[1:]):
            assert re.match("    (memdb|psql) ", line), examples


@pytest.mark.parametrize(("line", "offered"), COMPLETIONS)
def test_a_shell_is_told_how_the_line_may_go_on(line: str, offered: list[str]) -> None:
    asked = {"_MEMDB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    program = [sys.executable, "-m", "memdb"]
    result = subprocess.run(program, env=asked, capture_output=True, text=True, check=True)
    assert (result.stdout.split(), result.stderr) == (offered, "")


@pytest.fixture
def further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "greeting.py").write_text(GREETING)
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    monkeypatch.setitem(SECTIONS["The memories"], "greet", ("greeting", "Say hello."))
    cli.parser.cache_clear()
    yield
    cli.parser.cache_clear()


@pytest.mark.usefixtures("further")
def test_a_new_command_is_one_file_and_a_line_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == main(["greet", "-h"]) == main(["greet", "--name", "Ann"]) == 0
    shown = capsys.readouterr().out
    assert re.search("greet +Say hello[.]\n", shown)
    assert "Example:\n    memdb greet --name Ann\n" in shown
    assert shown.endswith("hello Ann\n")


def test_what_a_shell_needs_for_that_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("zsh", "/bin/zsh"))  # else: who started us
    with pytest.raises(SystemExit) as ended:
        main(["--show-completion", "zsh"])
    assert ended.value.code == 0
    assert "_MEMDB_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--nope", "--format", "json"),
        ("status", "-fjson", "--nope"),
        ("db", "url", "--nope", "--format=json"),
        ("migrate", "--wait", "soon", "-f", "json"),
        ("migrate", "--to", "--format=text", "--format", "json", "--sql-dir", ""),
        ("statu", "--format", "json"),
        ("--database-url", "nowhere", "status", "--format", "json"),
        ("verify-schema", "too", "many", "--format", "json"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_with_a_line_is_told_in_the_format_that_it_asks_for(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2
