"""The only place that prints: results go to stdout, everything else to stderr.

A result of `memdb.NAME` is rendered as text by `memdb.output.NAME`, whose `render(result)` yields lines and
rich renderables. rich is loaded only when one of those is printed.
"""

import dataclasses
import functools
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdb.errors import MemdbError

if TYPE_CHECKING:
    from rich.console import Console


_SECONDS_BETWEEN_LINES = 10.0


def emit(result: Any, format: str, *, address: str = "", label: str = "Database", to_stderr: bool = False) -> None:
    """Prints a result dataclass on stdout, as text or as JSON; or on stderr, where it is not yet the result.

    `address` says which database it is about, in the first line, after `label`.
    """
    if format == "json":
        print(json.dumps(({"address": address} if address else {}) | as_json(result), indent=2))
        return
    stream = sys.stderr if to_stderr else sys.stdout
    if address:
        print(f"{label}: {address}", file=stream)
    for part in renderer(result).render(result):
        if isinstance(part, str):
            print(part, file=stream)
        else:
            console(to_stderr).print(part)


def write_line(text: str) -> None:
    """A bare line on stdout."""
    print(text)


def renderer(result: Any) -> Any:
    """The module of this package that knows the result's class."""
    return importlib.import_module(f"{__name__}.{type(result).__module__.split('.')[1]}")


def as_json(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, times in ISO 8601, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def emit_error(error: MemdbError, format: str) -> None:
    """Prints an error on stderr; where JSON is expected on stdout, it gets one object that says the same."""
    details = {name: value for name, value in vars(error).items() if value and not name.startswith("_")}
    if format == "json":
        body = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code} | details
        print(json.dumps({"error": as_json(body)}, indent=2))
    where = f"{details['location']}: " if "location" in details else ""
    say(f"{style('error:', 'red')} {where}{error.message}")
    if "excerpt" in details:
        say(str(details["excerpt"]))
    if error.hint:
        say(f"{style('hint:', 'cyan')}  {error.hint}")
    if "completed" in details:
        say(f"These were done before and stay: {', '.join(details['completed'])}")
    if "address" in details:
        say(f"Database: {details['address']}")


def emit_usage_error(error: Any, format: str) -> None:
    """Prints what the command-line parser raised: on stderr, and as an object where JSON is expected."""
    from memdb.output import usage

    if format == "json":
        body = {"message": usage.message(error), "hint": "See memdb COMMAND --help.", "exit_code": 2}
        print(json.dumps({"error": body}, indent=2))
    for line in usage.lines(error):
        say(line)


def say(message: str) -> None:
    """A line for the person at the terminal, on stderr."""
    print(message, file=sys.stderr, flush=True)


def style(text: str, color: str) -> str:
    """Text in colour, where stderr is a terminal that wants it."""
    import typer

    return typer.style(text, fg=color, bold=True) if _wants_color() else text


def _wants_color() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


@functools.cache
def console(to_stderr: bool = False) -> "Console":
    """Where rich renderables go."""
    from rich.console import Console

    # A pipe has no width: nothing is cut for a program that reads it.
    stream = sys.stderr if to_stderr else sys.stdout
    return Console(highlight=False, stderr=to_stderr, width=None if stream.isatty() else 120)


class Progress:
    """Counts things done on stderr: a bar where that is a terminal, else nothing."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def advance(self, count: int = 1) -> None:
        if self._bar is not None:
            self._bar.advance(self._task, count)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Progress]:
    """`with progress("Loading", total) as bar: bar.advance(n)`"""
    if not sys.stderr.isatty():
        yield Progress(None, None)
        return
    from rich import progress as bars
    from rich.console import Console

    text, count = bars.TextColumn("{task.description}"), bars.MofNCompleteColumn()
    columns = (text, bars.BarColumn(), count, bars.TimeRemainingColumn())
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Progress(bar, bar.add_task(label, total=total))


class BuildProgress:
    """How far an index build is: a bar where stderr is a terminal, else a line every ten seconds."""

    def __init__(self, bar: Any = None) -> None:
        self._bar, self._task, self._said_at = bar, None, -_SECONDS_BETWEEN_LINES

    def show(self, label: str, done: float | None) -> None:
        """`done` is a share, 0 to 1, or None where it is not known."""
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(label, total=None)
            self._bar.update(self._task, description=label, total=None if done is None else 1.0, completed=done or 0)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            say(f"  {label}" + ("" if done is None else f", {done:.0%} done"))


@contextmanager
def build_progress() -> Iterator[BuildProgress]:
    """Progress of index builds."""
    if not sys.stderr.isatty():
        yield BuildProgress()
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (bars.TextColumn("  {task.description}"), bars.BarColumn(), bars.TaskProgressColumn())
    with bars.Progress(*columns, bars.TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        yield BuildProgress(bar)
