"""Draws docs/demo.svg, the picture in the README, from a real run of `memdb demo`: `make picture`."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

_COLUMNS = 120
_LINES_AT_THE_END = 4  # how to connect, with paths of the machine that it ran on


def draw(target: Path) -> None:
    """Runs the demo and writes what it shows as a picture of a terminal."""
    shown = "".join(_shown([sys.executable, "-m", "memdb", "demo"]))
    lines = shown.rstrip().splitlines()[: -_LINES_AT_THE_END - 1]
    console = Console(record=True, width=_COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(Text.from_ansi("\n".join(["$ make demo", *lines])))
    picture = console.export_svg(title="memdb demo")
    # rich asks a server for its font; the reader's own monospaced one does as well.
    target.write_text(re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", picture, flags=re.DOTALL))


def _shown(command: list[str]) -> Iterator[str]:
    """What a command writes to a terminal of this width. Raises CalledProcessError where it fails."""
    terminal, ours = pty.openpty()
    termios.tcsetwinsize(ours, (50, _COLUMNS))
    with subprocess.Popen(command, stdout=ours, stderr=subprocess.DEVNULL) as process:
        os.close(ours)
        with open(terminal, errors="replace", newline="") as output, contextlib.suppress(OSError):  # noqa: PTH123
            yield from output  # Linux ends it with an error
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


if __name__ == "__main__":
    draw(Path(__file__).with_name("demo.svg"))
