"""Writes docs/cli.md from the --help texts: `make docs`. A test holds that it is up to date."""

from collections.abc import Iterator

import typer
from typer.testing import CliRunner

from memdb.cli import application

_INTRODUCTION = """\
# Commands

Generated from `memdb --help` by `make docs`.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(path) for path in command_paths())])


def command_paths() -> Iterator[tuple[str, ...]]:
    """() for memdb itself, then each command, with those of a group after it."""
    yield ()
    yield from _below(typer.main.get_command(application()), ())


def _below(group: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield (*path, name)
        yield from _below(command, (*path, name))


def help_of(path: tuple[str, ...]) -> str:
    """What `memdb PATH --help` prints."""
    result = CliRunner().invoke(application(), [*path, "--help"], prog_name="memdb")
    if result.exit_code:
        raise RuntimeError(result.output)
    return result.output


def _section(path: tuple[str, ...]) -> str:
    return f"## {' '.join(('memdb', *path))}\n\n```text\n{help_of(path).rstrip()}\n```\n"


if __name__ == "__main__":
    print(reference(), end="")
