"""What the documentation promises: every command has help with an example, and the reference is up to date."""

import re
from pathlib import Path

import pytest
import typer

from docs.cli import command_paths, help_of, reference
from memdb.cli import MODULES, application

ROOT = Path(__file__).parents[2]
COMMANDS = [path for path in command_paths() if path not in [(), ("db",)]]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    text = help_of(path)
    assert re.search(r"Examples?: .*" + path[-1], text, re.DOTALL)
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)(.*\n(?:    .*\n)*)", text, re.MULTILINE)
    assert [name for name, rest in options if not re.search(r"[a-z]{3,}.*[.\]]", rest)] == []


@pytest.mark.parametrize("command", sorted({path[0] for path in COMMANDS}))
def test_every_command_is_found_by_its_name_alone(command: str) -> None:
    found = typer.main.get_command(application(command))
    assert command in getattr(found, "commands", {})


def test_no_command_is_missed_where_all_are_listed() -> None:
    assert {path[0] for path in command_paths() if path} == set(MODULES)


def test_the_reference_is_generated_from_help() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "Run: make docs"


def test_the_readme_shows_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [path for path in COMMANDS if f"memdb {' '.join(path)}" not in readme] == []


def test_links_in_the_documentation_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
