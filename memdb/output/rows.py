"""Lines for rich, of which each stays a line."""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    import rich.text
    from rich.console import Console, ConsoleOptions


class Rows:
    """Lines that end where the terminal does."""

    def __init__(self, lines: "Sequence[rich.text.Text]") -> None:
        self._lines = lines

    def __rich_console__(self, _: "Console", options: "ConsoleOptions") -> "Iterator[rich.text.Text]":
        for line in self._lines:
            yield _cut(line, options.max_width)


def _cut(line: "rich.text.Text", width: int) -> "rich.text.Text":
    """Joined emoji take the room of one on some terminals, and of each on others: there has to be enough for each."""
    ends = list(itertools.accumulate(map(cell_len, line.plain)))
    if ends and ends[-1] > width:
        line = line[: bisect.bisect_right(ends, width - 1)].append("…")
    line.truncate(width, overflow="ellipsis")  # as rich counts, it may still be too long
    return line
