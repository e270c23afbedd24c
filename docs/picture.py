"""Draws docs/demo.svg, the picture in the README, from a real run of `memdb demo`: `make picture`."""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

_COLUMNS = 120
_LINES_AT_THE_END = 4  # how to connect, with paths of the machine that it ran on


def draw(target: Path) -> None:
    """Runs the demo and writes what it shows as a picture of a terminal."""
    environment = os.environ | {"FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "memdb", "demo"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    lines = shown.rstrip().splitlines()[: -_LINES_AT_THE_END - 1]
    console = Console(record=True, width=_COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(Text.from_ansi("\n".join(["$ make demo", *lines])))
    picture = console.export_svg(title="memdb demo")
    # rich asks a server for its font; the reader's own monospaced one does as well.
    target.write_text(re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    draw(Path(__file__).with_name("demo.svg"))
