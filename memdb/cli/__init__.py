"""The command line. Nothing heavy is imported here: a command is loaded when it is asked for."""

import functools
import os
import re
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from memdb import __version__, output, words
from memdb.cli import failures, group
from memdb.errors import MemdbError, OutputError, UsageError
from memdb.output import streams

INTERRUPTED = 130
_ADDRESSES = ("--database-url", "--scratch-url")
READER_GONE = 141  # as a shell has it for a program that is ended by SIGPIPE

_COMPLETING = "_MEMDB_COMPLETE"  # what a shell sets to be told how the command line may go on


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        output.write_line(__version__)
        raise typer.Exit


def _global(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


@functools.cache
def parser() -> TyperGroup:
    """What reads the command line."""
    return group.parser(
        _global,
        help="The database layer for an AI companion's memory: migrate it, verify it, seed it, measure it.",
        epilog="Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 the database or the set-up is not usable, "
        "4 a migration failed, 130 interrupted, 141 the reader of the output has gone.",
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code, one of those that README explains."""
    streams.prepare()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(arguments)
        streams.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nothing leaves as a traceback
        return _answer(error, arguments)
    return code


def _run(arguments: list[str]) -> int:
    _expect_text(arguments)
    _expect_no_stray_url(arguments)
    if _COMPLETING in os.environ:
        parser().main(prog_name="memdb")
    # What typer's own main would add is another way with each error.
    with parser().make_context("memdb", list(arguments)) as context:
        code = context.command.invoke(context)
    return code if isinstance(code, int) else 0


def _answer(error: BaseException, arguments: list[str]) -> int:
    """Says what went wrong, as far as anybody can hear it."""
    try:
        streams.flush()  # where this fails, it is what went wrong
        code = _tell(error, arguments)
        streams.flush()
    except BrokenPipeError:
        return READER_GONE
    except OutputError as unwritable:
        output.emit_error(unwritable, "text")
        return unwritable.exit_code
    return code


def _tell(error: BaseException, arguments: list[str]) -> int:
    match error:
        case typer.Exit():
            return error.exit_code
        case typer.Abort():
            output.say("Nothing was changed.")
            return INTERRUPTED
        case KeyboardInterrupt():
            output.say("Interrupted. What was finished stays; the rest was undone.")
            return INTERRUPTED
        case typer.TyperException():
            output.emit_usage_error(error, group.format_of(arguments))
            return UsageError.exit_code
        case BrokenPipeError():
            return READER_GONE
        case MemdbError():
            output.emit_error(error, group.format_of(arguments))
            return error.exit_code
        case _:
            return _tell_the_unforeseen(error, group.format_of(arguments))


def _tell_the_unforeseen(error: BaseException, format: str) -> int:
    explained = failures.explained(error)
    output.emit_error(explained, format)
    for line in failures.told_in_full(error):
        output.say(line)
    return explained.exit_code


def _expect_text(arguments: list[str]) -> None:
    """Raises UsageError for what is not UTF-8: neither the database nor a terminal could be told of it."""
    given = {name: value for name, value in os.environ.items() if name.startswith("MEMDB_") or name == "DATABASE_URL"}
    for name, value in [*given.items(), *(("an argument", argument) for argument in arguments)]:
        if re.search("[\0\ud800-\udfff]", value):
            raise UsageError(f"{name} is not UTF-8 text", hint="Does the terminal use another encoding?")


def _expect_no_stray_url(arguments: list[str]) -> None:
    """Raises UsageError for a database URL in the place of something else, which would be shown in a message."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_address = before in _ADDRESSES or argument.partition("=")[0] in _ADDRESSES
        if not is_address and words.may_hold_password(argument):
            if "--base-url" in (before, argument.partition("=")[0]):
                raise UsageError(
                    "a base URL with a user or a password was given (it is not shown)",
                    hint="Leave them out: the key of the endpoint is in MEMDB_EMBEDDING_API_KEY.",
                )
            raise UsageError(
                "a database URL was given where something else belongs (it is not shown, as it may hold a password)",
                hint="Give it as --database-url URL.",
            )
