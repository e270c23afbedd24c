"""Writes docs/cli.md from the --help texts: `make docs`. A test holds that it is up to date."""

from collections.abc import Iterator
from typing import Any

from memdb.cli import parser

_INTRODUCTION = """\
# Commands

Generated from `memdb --help` by `make docs`.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(path) for path in command_paths())])


def command_paths() -> Iterator[tuple[str, ...]]:
    """() for memdb itself, then each command, with those of a group after it."""
    for _, path in commands():
        yield path


def commands() -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Each command, loaded and in a context of its own, with its path."""
    yield from _below(parser().make_context("memdb", [], resilient_parsing=True, terminal_width=80), ())


def _below(context: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    yield context, path
    for name, command in getattr(context.command, "commands", {}).items():
        yield from _below(command.make_context(name, [], context, resilient_parsing=True), (*path, name))


def help_of(path: tuple[str, ...]) -> str:
    """What `memdb PATH --help` prints."""
    return next(str(context.get_help()) for context, other in commands() if other == path)


def _section(path: tuple[str, ...]) -> str:
    return f"## {' '.join(('memdb', *path))}\n\n```text\n{help_of(path).rstrip()}\n```\n"


if __name__ == "__main__":
    print(reference(), end="")
