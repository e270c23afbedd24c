"""A format of the output is a module of memdb.output.formats, and nothing else."""

from pathlib import Path

import pytest

from memdb import output
from memdb.doctor.findings import Report
from memdb.linting.lint import Review
from memdb.migrations import Run
from memdb.output import formats
from memdb.verification.verify import Verification

MARKDOWN = """
from memdb.linting.lint import Review


def tells(kind):
    return issubclass(kind, Review)


def lines(result):
    return [f"- `{name}`" for name in result.files]
"""


@pytest.fixture
def further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "markdown.py").write_text(MARKDOWN)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])


def test_each_result_has_the_formats_that_tell_it() -> None:
    assert formats.names(Run) == ["text", "json"]
    assert formats.names(Review) == ["text", "json", "github"]
    assert formats.names(Report) == ["text", "json", "github", "junit"]
    assert formats.names(Verification) == ["text", "json", "github", "junit"]


@pytest.mark.usefixtures("further")
def test_a_new_format_is_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert formats.names(Review) == ["text", "json", "github", "markdown"]
    output.emit(Review((), ("a.sql", "b.sql"), False), "markdown")
    assert capsys.readouterr().out.splitlines() == ["- `a.sql`", "- `b.sql`"]
