"""The command line. Nothing heavy is imported here: each command loads what it needs when it runs."""

import functools
import importlib
import os
import re
import sys
from typing import Annotated, Any

import typer

from memdb import __version__, output, words
from memdb.cli import failures
from memdb.errors import MemdbError, OutputError, UsageError
from memdb.output import streams

INTERRUPTED = 130
_ADDRESSES = ("--database-url", "--scratch-url")
READER_GONE = 141  # as a shell has it for a program that is ended by SIGPIPE

MODULES = {
    "migrate": "migrate",
    "rollback": "migrate",
    "status": "migrate",
    "lint": "lint",
    "verify-schema": "verify",
    "verify-models": "verify",
    "snapshot": "verify",
    "baseline": "repair",
    "repair": "repair",
    "seed": "seed",
    "benchmark-similarity": "benchmark",
    "demo": "demo",
    "db": "db",
    "init": "project",
    "new": "project",
}
"""Where each command is, in the order in which help lists them."""


def _show_version(wanted: bool) -> None:
    if wanted:
        output.write_line(__version__)
        raise typer.Exit


def _global(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


def application(command: str = "") -> typer.Typer:
    """What the parser is made of: the one command, as loading all takes as long as running some; or all of them, where
    there is no such command."""
    app = typer.Typer(
        name="memdb",
        callback=_global,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"max_content_width": 110},
        help="The database layer of an AI companion's memory: apply it, prove it is there, fill it, measure it.",
        epilog="Exit codes: 0 done, 1 a check did not hold, 2 wrong usage, 3 the database or its set-up is not usable, "
        "4 a migration failed, 130 interrupted, 141 the reader of the output has gone.",
    )
    for name in [command] if command in MODULES else MODULES:
        found = getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name.replace("-", "_"))
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name, epilog=found.epilog)(found)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code, one of those that README explains."""
    streams.prepare()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(arguments)
        streams.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nothing leaves as a traceback
        return _answer(error, _format_of(arguments))
    return code


def _run(arguments: list[str]) -> int:
    _expect_text(arguments)
    _expect_no_stray_url(arguments)
    command = _parser(next(iter(arguments), ""))
    # What typer's own main would add is another way with each error.
    with command.make_context("memdb", list(arguments)) as context:
        code = command.invoke(context)
    return code if isinstance(code, int) else 0


@functools.cache
def _parser(command: str) -> Any:
    return typer.main.get_command(application(command))


def _answer(error: BaseException, format: str) -> int:
    """Says what went wrong, as far as anybody can hear it."""
    try:
        streams.flush()  # where this fails, it is what went wrong
        code = _tell(error, format)
        streams.flush()
    except BrokenPipeError:
        return READER_GONE
    except OutputError as unwritable:
        output.emit_error(unwritable, "text")
        return unwritable.exit_code
    return code


def _tell(error: BaseException, format: str) -> int:
    match error:
        case typer.Exit():
            return error.exit_code
        case typer.Abort():
            output.say("Nothing was changed.")
            return INTERRUPTED
        case KeyboardInterrupt():
            output.say("Interrupted; what was not finished has been undone.")
            return INTERRUPTED
        case typer.TyperException():
            output.emit_usage_error(error, format)
            return UsageError.exit_code
        case BrokenPipeError():
            return READER_GONE
        case MemdbError():
            output.emit_error(error, format)
            return error.exit_code
        case _:
            return _tell_the_unforeseen(error, format)


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
            raise UsageError(f"{name} is not text in UTF-8", hint="Is the encoding of the terminal another one?")


def _expect_no_stray_url(arguments: list[str]) -> None:
    """Raises UsageError for a database URL in the place of something else, which would be shown in a message."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_address = before in _ADDRESSES or argument.partition("=")[0] in _ADDRESSES
        if not is_address and words.may_hold_password(argument):
            raise UsageError(
                "a database URL is in the place of something else (it is not shown, as it may hold a password)",
                hint="Give it as --database-url URL.",
            )


def _format_of(arguments: list[str]) -> str:
    """The output format that was asked for, even where the rest of the command line cannot be parsed."""
    for index, argument in enumerate(arguments):
        if argument in ("--format=json", "-fjson") or arguments[index : index + 2] in (
            ["--format", "json"],
            ["-f", "json"],
        ):
            return "json"
    return "text"
