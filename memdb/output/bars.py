"""How far something is, on stderr: a bar where that is a terminal."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from memdb.output import streams
from memdb.words import printable

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts things done on stderr: a bar where that is a terminal, else a line every ten seconds."""

    def __init__(self, label: str, total: int | None, bar: Any = None) -> None:
        self._label, self._total, self._bar = label, total, bar
        self._task = None if bar is None else bar.add_task(label, total=total)
        self._done, self._said_at = 0, time.monotonic()

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            of = "" if self._total is None else f" of {self._total:,}"
            streams.say(f"  {self._label}: {self._done:,}{of}")

    def clear(self) -> None:
        """Takes the bar away, before what is told next."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Progress]:
    """`with progress("Loading", total) as bar: bar.advance(n)`"""
    if not sys.stderr.isatty():
        yield Progress(label, total)
        return
    from rich import progress as bars
    from rich.console import Console

    text, count = bars.TextColumn("{task.description}", markup=False), bars.MofNCompleteColumn()
    columns = (text, bars.BarColumn(), count, bars.TimeRemainingColumn())
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Progress(label, total, bar)


class BuildProgress:
    """How far an index build is: a bar where stderr is a terminal, else a line every ten seconds.

    The bar begins with the first build: while there is one, a question, which does not end its line, would not be seen.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._said_at = -_SECONDS_BETWEEN_LINES
        self._lock = threading.Lock()  # one thread shows, another one clears

    def show(self, label: str, done: float | None) -> None:
        """`done` is a share, 0 to 1, or None where it is not known."""
        label = printable(label)
        if sys.stderr.isatty() or self._bar is not None:
            self._draw(label, done)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            streams.say(f"  {label}" + ("" if done is None else f", {done:.0%} done"))

    def _draw(self, label: str, done: float | None) -> None:
        with self._lock:
            self._draw_alone(label, done)

    def _draw_alone(self, label: str, done: float | None) -> None:
        if self._bar is None:
            from rich import progress as bars
            from rich.console import Console

            columns = (
                bars.TextColumn("  {task.description}", markup=False),
                bars.BarColumn(),
                bars.TaskProgressColumn(),
            )
            self._bar = bars.Progress(
                *columns, bars.TimeRemainingColumn(), console=Console(stderr=True), transient=True
            )
            self._task = self._bar.add_task(label, total=None)
            self._bar.start()
        self._bar.update(self._task, description=label, total=None if done is None else 1.0, completed=done or 0)

    def clear(self) -> None:
        """Takes the bar away; what is shown next begins another."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None


@contextmanager
def build_progress() -> Iterator[BuildProgress]:
    """Progress of index builds."""
    progress = BuildProgress()
    try:
        yield progress
    finally:
        progress.clear()
