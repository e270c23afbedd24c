"""The only place that prints: results go to stdout, everything else to stderr.

rich is loaded only when something is printed that is no line of text.
"""

import dataclasses
import functools
import io
import json
import math
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from memdb.errors import MemdbError
from memdb.output import actions, folding, formats, streams
from memdb.output.rendering import render
from memdb.words import printable

if TYPE_CHECKING:
    from rich.console import Console


_UNBOUNDED = 100_000


def emit(result: Any, format: str, *, address: str = "", label: str = "Database", to_stderr: bool = False) -> None:
    """Prints a result dataclass on stdout, in one of its `formats`; or on stderr, where it is not yet the result.

    `address` says which database it is about, in the first line, after `label`.
    """
    if format == "json":
        body = {"address": address} | as_json(result) if address else as_json(result)
        _write_json(body)
        return
    if format not in formats.COMMON:
        for text in formats.lines(result, format):
            write_line(folding.Code(text))
        return
    line = say if to_stderr else write_line
    if address:
        line(f"{label}: {address}")
    parts = list(render(result))
    before, after = actions.unread([printable(part) for part in parts if isinstance(part, folding.Code)])
    for part in (*map(folding.Code, before), *parts, *map(folding.Code, after)):
        if isinstance(part, str):
            line(part)
        else:
            _print(part, to_stderr)


def write_line(text: str) -> None:
    """A bare line on stdout; code is as it is written."""
    for line in folding.folded(text, folding.columns(sys.stdout)):
        told = printable(line)
        streams.write((told if isinstance(text, folding.Code) else actions.shown(told)) + "\n")


def as_json(value: Any) -> Any:
    """Dataclasses as objects, with their `ok`, tuples as lists, times in ISO 8601, paths and ids as text, no NaN."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [*(["ok"] if hasattr(value, "ok") else []), *(field.name for field in dataclasses.fields(value))]
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path | UUID) else value


def emit_error(error: MemdbError, format: str) -> None:
    """Prints an error on stderr; where JSON is expected on stdout, it gets one object that says the same."""
    details = {name: value for name, value in vars(error).items() if value and not name.startswith("_")}
    where = f"{details['location']}: " if "location" in details else ""
    first, *more = error.message.split("\n")
    say(f"{where}{first}", label="error:", color="red")
    for line in more:
        say(f"     | {line}")
    if "excerpt" in details:
        for line in str(details["excerpt"]).split("\n"):
            say(folding.Code(line))
    if error.hint:
        say(f" {error.hint}", label="hint:", color="cyan")
    if "completed" in details:
        say(f"Done before, and kept: {', '.join(details['completed'])}")
    if "address" in details:
        say(f"Database: {details['address']}")
    if format == "json":
        body = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code} | details
        _write_json_error(body)


def emit_usage_error(error: Any, format: str) -> None:
    """Prints what the command-line parser raised: on stderr, and as an object where JSON is expected."""
    from memdb.output import usage

    for line in usage.lines(error):
        say(line)
    if format == "json":
        _write_json_error({"message": usage.message(error), "hint": "See memdb COMMAND --help.", "exit_code": 2})


def _write_json_error(body: dict[str, Any]) -> None:
    _write_json({"error": as_json(body)})


def _write_json(body: dict[str, Any]) -> None:
    streams.write(actions.in_json(json.dumps(body, indent=2)) + "\n")


def say(message: str, *, label: str = "", color: str = "") -> None:
    """A line for the person at the terminal, on stderr, after a label in colour."""
    text = f"{label} {message}" if label else message
    first, *more = folding.folded(text, folding.columns(sys.stderr), " " * len("error: ") if label else "")
    streams.say(first[len(label) :], style(label, color) if label else "")
    for line in more:
        streams.say(line)


def style(text: str, color: str) -> str:
    """Text in colour, where stderr is a terminal that wants it."""
    import typer

    return typer.style(text, fg=color, bold=True) if _wants_color() else text


def _wants_color() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _print(renderable: Any, to_stderr: bool) -> None:
    from rich import text

    console, width = _console(to_stderr), folding.columns(sys.stderr if to_stderr else sys.stdout)
    with console.capture() as captured:
        if isinstance(renderable, text.Text):
            for line in folding.folded_in_style(renderable, width):
                console.print(line, soft_wrap=True)
        else:
            console.print(renderable)
    (streams.say_as_it_is if to_stderr else streams.write)(actions.shown(captured.get()))


@functools.cache
def _console(to_stderr: bool) -> "Console":
    """What turns rich renderables into text for one of the streams; it writes nothing itself."""
    from rich.console import Console

    terminal = (sys.stderr if to_stderr else sys.stdout).isatty()
    # A pipe has no width: nothing is cut for who reads it, and no line of a log begins in the middle of a name.
    return Console(file=io.StringIO(), highlight=False, force_terminal=terminal, width=None if terminal else _UNBOUNDED)
