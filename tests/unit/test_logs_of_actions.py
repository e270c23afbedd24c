"""In a log of GitHub Actions, nothing that others have written is a command."""

import json
import re
from xml.etree import ElementTree

import pytest

from memdb import output
from memdb.errors import MemdbError
from memdb.linting.findings import Finding
from memdb.linting.lint import Review
from memdb.preview import DryRun
from memdb.preview.dry_run import PlannedStep
from memdb.verification.comparison import Difference
from memdb.verification.verify import Verification

# What src/Runner.Common/ActionCommand.cs of the runner takes for commands.
OBEYED = re.compile(r"^\s*::([\w-]+)[^:]*::(.*)|##\[([\w-]+)[^]]*\](.*)")
SQL = "select 'a\n\t::set-output name=a::b\n##[add-mask]c\n::d', 1::text;\n"


def obeyed(log: str) -> list[tuple[str, str]]:
    """The commands that the runner runs, with their texts."""
    commands: list[tuple[str, str]] = []
    token = ""
    for line in log.splitlines():
        found = OBEYED.search(line)
        name, text = [part for part in found.groups() if part is not None] if found else ("", "")
        if token:
            token = "" if name == token else token
        elif name == "stop-commands":
            token = text
        elif name:
            commands.append((name, text))
    assert not token
    return commands


def dry_run(sql: str) -> DryRun:
    return DryRun("migrate", (PlannedStep("5001_a", "app", "a.sql", sql),))


@pytest.fixture(autouse=True)
def in_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")


def test_sql_that_is_shown_stays_the_same_and_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(dry_run(SQL), "text")
    log = capsys.readouterr().out
    assert obeyed(log) == []
    assert SQL in log
    assert re.sub(r"/\*\n::[^*]*\*/\n", "", log).splitlines()[0].startswith("-- 1 migration")
    assert re.findall(r"(?m)^::(?:stop-commands::)?(\w{32})", log)[0] == re.findall(r"(?m)^::(\w{32})::$", log)[0]


def test_sql_that_holds_no_command_is_shown_as_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output.emit(dry_run("select 1\n    ::text;\n"), "text")
    monkeypatch.delenv("GITHUB_ACTIONS")
    output.emit(dry_run(SQL), "text")
    assert "stop-commands" not in capsys.readouterr().out


@pytest.mark.parametrize("format", ["text", "json"])
def test_what_a_file_raises_is_not_obeyed(capsys: pytest.CaptureFixture[str], format: str) -> None:
    said = "##[set-output name=a]b"
    output.emit(Review((Finding("a.sql", 1, 1, "a", "error", said, said),), ("a.sql",), False), format)
    output.emit_error(MemdbError(f"::error::a\n::error::b {said}", hint=said), format)
    captured = capsys.readouterr()
    assert obeyed(captured.out) == obeyed(captured.err) == []
    assert "set-output" in captured.out + captured.err
    if format == "json":
        assert json.JSONDecoder().raw_decode(captured.out)[0]["findings"][0]["help"] == said


def test_annotations_are_obeyed_and_what_they_say_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    said = "a\n::error::b ##[add-mask]c"
    output.emit(Review((Finding("a.sql", 1, 1, "a", "error", said),), ("a.sql",), False), "github")
    assert [name for name, _ in obeyed(capsys.readouterr().out)] == ["error"]


def test_a_report_for_junit_says_the_same_and_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    said = "::error::a ##[add-mask]b"
    difference = Difference("index", said, "unexpected", None, {"keys": said}, f"a\n  {said}")
    output.emit(Verification((difference,), (), {}, (), (), False, "", "", "", None), "junit")
    log = capsys.readouterr().out
    assert obeyed(log) == []
    told = ElementTree.fromstring(log).find(".//failure")
    assert told is not None
    assert told.text is not None
    assert told.text.endswith(f"a\n\t  {said}")
    assert said in told.attrib["message"]
