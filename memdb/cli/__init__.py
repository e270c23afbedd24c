"""The command line. Nothing heavy is imported here: each command loads what it needs when it runs."""

import os
import re
import sys
from typing import Annotated

import typer

from memdb import __version__, output
from memdb.cli import benchmark, db, demo, lint, migrate, project, repair, seed, verify
from memdb.errors import MemdbError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    name="memdb",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 110},
    help="The database layer of an AI companion's memory: apply it, prove it is there, fill it, measure it.",
    epilog="Exit codes: 0 done, 1 a check did not hold, 2 wrong usage, 3 the database or its set-up is not usable, "
    "4 a migration failed, 130 interrupted.",
)
for module in (migrate, lint, verify, repair, seed, benchmark, demo, db, project):
    module.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.write_line(__version__)
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        _expect_no_stray_url(arguments)
        code = app(args=arguments, prog_name="memdb", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:
            output.say("Interrupted; what was not finished has been undone.")
    except MemdbError as error:
        output.emit_error(error, _format_of(arguments))
        return error.exit_code
    except typer.Abort:
        output.say("Nothing was changed.")
        return INTERRUPTED
    except typer.TyperException as error:
        output.emit_usage_error(error, _format_of(arguments))
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it ends
        return 141
    return code if isinstance(code, int) else 0


def _expect_no_stray_url(arguments: list[str]) -> None:
    """Raises UsageError for a database URL in the place of something else, which would be shown in a message."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_address = before == "--database-url" or argument.startswith("--database-url=")
        if not is_address and re.search(r"postgres(ql)?(\+\w+)?://|://\S*@", argument, re.IGNORECASE):
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
