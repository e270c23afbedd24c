"""How far something is, on stderr: a bar where that is a terminal, else a line every ten seconds."""

import sys
import threading
import time
from typing import Any, Self

from memdb.output import folding, streams
from memdb.words import printable

_SECONDS_BETWEEN_LINES = 10.0


class _Shown:
    """A bar begins when something is shown first, and after it was cleared.

    While there is one, a question, which does not end its line, would not be seen.
    """

    def __init__(self, *, counts: bool, said_at: float, rate: bool = False) -> None:
        """`counts` things, or else tells a share. The first line comes ten seconds after `said_at`."""
        self._rate = rate
        self._bar: Any = None
        self._task: Any = None
        self._counts, self._said_at = counts, said_at
        self._above = ""
        self._lock = threading.Lock()  # one thread shows, another one clears

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Takes the bar away; what is shown next begins another."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None
            streams.show_passing()

    def _show(self, label: str, line: str, done: float, total: float | None) -> None:
        if sys.stderr.isatty():
            with self._lock:
                self._draw(printable(label), done, total)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            streams.say(f"  {label}{line}")

    def _draw(self, label: str, done: float, total: float | None) -> None:
        if self._bar is None:
            from rich import progress as bars
            from rich.console import Console

            streams.show_passing()
            figure = bars.MofNCompleteColumn() if self._counts else bars.TaskProgressColumn()
            text = bars.TextColumn("{task.description}", markup=False)
            speed = [bars.TextColumn("{task.fields[rate]}")] if self._rate else []
            columns = (text, bars.BarColumn(), figure, *speed, bars.TimeRemainingColumn())
            self._bar = bars.Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(label, total=None, rate="")
            self._bar.start()
        label = label if self._counts else f"{self._above}  {label}"
        speed = self._bar.tasks[self._task].speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, description=label, total=total, completed=done, rate=rate)


class Progress(_Shown):
    """`with Progress("Loading", total) as bar: bar.advance(n)`"""

    def __init__(self, label: str, total: int | None, *, rate: bool = False) -> None:
        """With a `rate`, how many are done in a second is shown, too."""
        super().__init__(counts=True, said_at=time.monotonic(), rate=rate)
        self._label, self._total, self._done = label, total, 0

    def expect(self, total: int) -> None:
        """So many there are in all, which is known by now."""
        self._total = total

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        of = "" if self._total is None else f" of {self._total:,}"
        self._show(self._label, f": {self._done:,}{of}", self._done, self._total)


class BuildProgress(_Shown):
    """How far index builds are; without a terminal, the first line comes at once."""

    def __init__(self) -> None:
        super().__init__(counts=False, said_at=-_SECONDS_BETWEEN_LINES)

    def begin(self, work: str) -> None:
        """What the next builds belong to: at a terminal, shown until it is done and the result says so; else a line."""
        self.clear()
        if not sys.stderr.isatty():
            streams.say(work)
            return
        shown = printable(work)[: folding.columns(sys.stderr)]
        self._above = f"{shown}\n"
        streams.show_passing(shown)

    def show(self, label: str, done: float | None) -> None:
        """`done` is a share, 0 to 1, or None where it is not known."""
        told = "" if done is None else f", {done:.0%} done"
        self._show(label, told, done or 0, None if done is None else 1.0)
