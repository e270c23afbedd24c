"""Reports in files: what they may replace, and what becomes of them when they cannot be written."""

import dataclasses
import os
import re
from pathlib import Path

import pytest

from memdb.errors import UsageError
from memdb.output.benchmark import reports
from tests.unit.test_benchmark_study import PLAIN, study
from tests.unit.test_files import no_room_for, odd

KINDS = [".json", ".md", ".html"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_report_and_an_empty_file_are_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"report{kind}"
    path.touch()
    for _ in range(2):
        reports.check(path)
        assert reports.write(study(PLAIN), path)
        assert path.stat().st_size > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"{}", b"# Notes\n", b"<html></html>", b"\xff\xfe", b"[" * 100_000, b" "])
def test_a_file_that_is_no_report_is_left_alone(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / f"notes{kind}"
    path.write_bytes(content)
    (tmp_path / f"link{kind}").symlink_to(path)
    for name in (path, tmp_path / f"link{kind}"):
        with pytest.raises(UsageError, match="not a report of benchmark-similarity"):
            reports.check(name)
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "circle"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    odd(kind, tmp_path / "report.json")
    with pytest.raises(UsageError):
        reports.check(tmp_path / "report.json")


def test_a_folder_that_is_not_there_or_may_not_be_written_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dangling.json").symlink_to("nowhere/report.json")
    for path in (tmp_path / "no" / "report.json", tmp_path / "dangling.json"):
        with pytest.raises(UsageError, match="there is no folder"):
            reports.check(path)
    (tmp_path / "fine.json").symlink_to("elsewhere.json")
    reports.check(tmp_path / "fine.json")
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(UsageError, match="is not writable"):
        reports.check(tmp_path / "report.json")


def test_a_report_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"
    assert reports.write(study(PLAIN), path)
    earlier = path.read_bytes()
    with no_room_for(5_000):
        assert not reports.write(study(PLAIN), path)
    assert path.read_bytes() == earlier
    assert "report.html cannot be written: File too large" in capsys.readouterr().err


NAMES = (
    "<script>alert(1)</script>",
    "</details><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "\\[click](javascript:alert(1))",
    "`<b>`",
    "\x1b]0;title\x07",
    "\u202eturned",
    "a\n::error::b",
    "x|y",
)


@pytest.mark.parametrize("kind", [".md", ".html"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_report_is_a_name(tmp_path: Path, kind: str, name: str) -> None:
    found = study(PLAIN)
    index = dataclasses.replace(found.facts.indexes[0], name=name)
    found = dataclasses.replace(found, facts=dataclasses.replace(found.facts, indexes=(index,)))
    reports.write(found, tmp_path / f"report{kind}")
    text = (tmp_path / f"report{kind}").read_text()
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert not any(line.startswith("::") for line in text.split("\n"))
    assert [tag for tag in ("<script", "<img", "<b>`", "onerror=alert(1)>\n<") if tag in text] == []
    if kind == ".md":
        assert not re.search(r"(?<!\\)(\\\\)*\[click\]\(", text)
        tables = [line for line in text.split("\n") if "80 MB" in line and line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {8}
