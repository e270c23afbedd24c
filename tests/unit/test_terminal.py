"""What others have named reaches a terminal, or the log of a CI, as text and as nothing else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memdb import output, words
from memdb.errors import MemdbError
from memdb.ledger.status import MigrationStatus, Status
from memdb.migrations.outcome import Done, Run
from memdb.output.formats import github
from memdb.output.rendering import Annotation

HOSTILE = "a\n::error::b\r\x1b[2J\x1b]0;title\x07\x9b1m\u202e\u2028\udcff[/][bold]c[link=x]d %s"
SHOWN = r"a\n::error::b\r\x1b[2J\x1b]0;title\x07\x9b1m\u202e\u2028\udcff[/][bold]c[link=x]d %s"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, SHOWN),
        ("tabs\tstay", "tabs\tstay"),
        ("Grüße, 日本, 👩‍👩‍👧, a\u00a0b, שלום", "Grüße, 日本, 👩‍👩‍👧, a\u00a0b, שלום"),
        ("", ""),
        ("\x7f\x85\u2029\u2066", r"\x7f\x85\u2029\u2066"),
    ],
)
def test_only_what_a_terminal_would_obey_is_changed(text: str, shown: str) -> None:
    assert words.printable(text) == shown


def test_a_line_stays_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_line(HOSTILE)
    output.say(HOSTILE, label="error:", color="red")
    assert capsys.readouterr() == (f"{SHOWN}\n", f"error: {SHOWN}\n")


def status(name: str) -> Status:
    """What is applied, where somebody has called all that he could `name`."""
    applied = MigrationStatus(
        id=name, set=name, state="unknown", applied_at=datetime(2026, 1, 1, tzinfo=UTC), applied_by=name, duration_ms=1
    )
    return Status(migrations=(applied,), available_sets=(name,), history=name)


@pytest.mark.parametrize(
    "name", [HOSTILE, "dev[/team]", "[/]", "[bold]", "\\[red]", "[link=file:///etc/passwd]x[/link]"]
)
def test_names_in_tables_are_shown_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(status(name), "text")
    shown = capsys.readouterr().out
    assert shown.count(words.printable(name)) >= 3
    assert [line for line in shown.split("\n") if line.lstrip().startswith("::")] == []


def test_json_keeps_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(status(HOSTILE), "json")
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert json.loads(shown)["migrations"][0]["id"] == HOSTILE


@dataclass(frozen=True)
class Figures:
    values: tuple[float, ...]


def test_json_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(Figures((1.5, float("nan"), float("inf"))), "json")
    assert json.loads(capsys.readouterr().out) == {"values": [1.5, None, None]}


def test_an_error_of_several_lines_begins_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    error = MemdbError("one\n::error::two\x1b[2J", hint="three\n::error::four")
    output.emit_error(error, "json")
    out, err = capsys.readouterr()
    assert err.split("\n") == ["error: one", r"     | ::error::two\x1b[2J", r"hint:  three\n::error::four", ""]
    assert json.loads(out)["error"]["message"] == error.message


def test_github_takes_no_command_from_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_line(github.command(Annotation("error", HOSTILE, HOSTILE, HOSTILE)))
    output.write_line(HOSTILE)
    lines = capsys.readouterr().out.split("\n")
    assert [line[:8] for line in lines] == ["::error ", r"a\n::err", ""]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(("count", "shown"), [(0, 1), (10, 11), (11, 12), (1000, 12)])
def test_notices_do_not_hide_the_result(count: int, shown: int, capsys: pytest.CaptureFixture[str]) -> None:
    notices = tuple(f"NOTICE: {number}" for number in range(count))
    run = Run(direction="migrate", steps=(Done("0001_a", "core", 1.0, notices),), applied=1, history="public")
    output.emit(run, "text")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == shown + 1
    assert lines[-1] == "Applied 1 migration; 1 applied in all."
    if count > 11:
        assert lines[-2] == f"  … and {count - 10:,} notices more (--format json has all)"
    output.emit(run, "json")
    assert len(json.loads(capsys.readouterr().out)["steps"][0]["notices"]) == count


def test_a_long_notice_does_not_hide_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    notice = "NOTICE: " + "a\n" * 50_000
    run = Run(direction="migrate", steps=(Done("0001_a", "core", 1.0, (notice,)),), applied=1, history="public")
    output.emit(run, "text")
    shown = capsys.readouterr().out
    assert len(shown) < 3000
    assert "… (99,008 characters more)" in shown
    output.emit(run, "json")
    assert json.loads(capsys.readouterr().out)["steps"][0]["notices"] == [notice]


def parts() -> Iterator[Path]:
    """The modules that make text of results."""
    yield from (Path(output.__file__).parent).rglob("*.py")


def test_no_text_is_made_around_the_one_place() -> None:
    """rich's own Text, and print, would send what is in them as it is."""
    around = {
        path.name
        for path in parts()
        if path.name != "streams.py"
        and any(word in path.read_text() for word in ("import Text\n", "print(", ".stdout.write"))
    }
    assert around == {"__init__.py"}
