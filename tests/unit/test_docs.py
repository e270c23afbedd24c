"""What the documentation promises: every command has help with an example, and the reference is up to date."""

import inspect
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import memdb
from docs.cli import command_paths, help_of, reference
from memdb.cli.group import SECTIONS
from memdb.doctor.examination import REGISTRY

ROOT = Path(__file__).parents[2]
DONE_FROM_PYTHON = {name for section in SECTIONS.values() for name in section} - {"init", "new", "demo", "db"}
COMMANDS = [path for path in command_paths() if path not in [(), ("db",)]]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    text = help_of(path)
    assert re.search(r"Examples?:\n.*" + path[-1], text, re.DOTALL)
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)(.*\n(?:    .*\n)*)", text, re.MULTILINE)
    assert [name for name, rest in options if not re.search(r"[a-z]{3,}.*[.\]]", rest)] == []


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    listed = {name: summary for section in SECTIONS.values() for name, (_, summary) in section.items()}
    assert listed == {path[0]: help_of(path).split("\n\n")[1].strip() for path in command_paths() if len(path) == 1}


def test_the_reference_is_generated_from_help() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "Run: make docs"


def test_the_readme_shows_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [path for path in COMMANDS if f"memdb {' '.join(path)}" not in readme] == []


def test_options_in_hints_that_have_another_name_in_python_are_listed() -> None:
    library = [
        path for path in (ROOT / "memdb").rglob("*.py") if not {"cli", "output"} & set(path.relative_to(ROOT).parts)
    ]
    hinted = set(re.findall(r"--[a-z][\w-]+", "".join(path.read_text() for path in library)))
    calls = [call for _, call in inspect.getmembers(memdb.Database, inspect.isfunction)]
    given: tuple[Callable[..., object], ...] = (
        memdb.open,
        *calls,
        memdb.Limits,
        memdb.Wanted,
        memdb.Design,
        memdb.Question,
    )
    names = {name for each in given for name in inspect.signature(each).parameters}
    options = set(re.findall(r"--[a-z][\w-]+", "".join(help_of((command,)) for command in DONE_FROM_PYTHON)))
    others = {option for option in options & hinted - {"--help"} if option[2:].replace("-", "_") not in names}
    page = (ROOT / "docs" / "python.md").read_text()
    assert others
    assert {option for option in others if f"`{option}`" not in page} == set()


def test_every_check_of_the_doctor_is_listed() -> None:
    rows = re.findall(r"^\| ([A-Z].*) \| `(.*)` \| (.*) \|$", (ROOT / "docs" / "doctor.md").read_text(), re.MULTILINE)
    assert rows == [(kind, check.name, check.looks_for) for kind, checks in REGISTRY.items() for check in checks]


@pytest.mark.parametrize("name", ["application.py", "clerk.py"])
def test_the_models_of_an_application_are_shown_as_they_are_tested(name: str) -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), re.DOTALL)
    tested = (ROOT / "tests" / name).read_text().partition("\n\n")[2]
    assert tested in shown


def test_the_tests_that_pages_name_are_there() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    rows = re.findall(r"`(?:pytest )?(tests/[^`]+)`", pages)
    assert rows
    for row in rows:
        given = shlex.split(row)
        assert given.count("-k") <= 1, row  # of two, pytest heeds the last
        words = given[given.index("-k") + 1].split(" or ") if "-k" in given else []
        named = [ROOT / path for path in given if path.startswith("tests/")]
        files = [file for path in named for file in (path.rglob("*.py") if path.is_dir() else [path])]
        text = "".join(file.read_text() for file in files)
        assert [word for word in words if word not in text] == [], row


def test_every_page_and_every_set_is_listed() -> None:
    index, readme = (ROOT / "docs" / "README.md").read_text(), (ROOT / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [page for page in pages if f"]({page})" not in index] == []
    sets = [path.parent.name for path in (ROOT / "sql").glob("*/README.md")]
    assert sets
    assert [name for name in sets if f"`{name}`" not in readme] == []


def test_links_in_the_documentation_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
