"""Lines that fit a terminal, which would break them anywhere, in mid-word too.

What is to be pasted into a shell stays in one line: in two, its first half would run. Where it is longer than the
terminal is wide, the terminal breaks it, and copies it whole.
"""

import itertools
import os
import re
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import rich.text

# memdb with a command and what looks like arguments of it, and what else is advised.
_COMMAND = r"""memdb(?:\ db)?\ [a-z-]+(?:\ (?:
    --?[\w-]+(?:[ =](?!-)(?:'[^']*'|[^\s;]+))?  # an option, with its value
    |'[^']*'|[A-Z]{2,}\S*|\.|\S*[/_.:\d]\S*     # NAME, a path, an id
    ))*
    |(?:pip\ install|psql|ulimit\ -n)\ \S+"""
# A string of SQL would be another one with a line break in it.
_MARGIN = re.compile(" *")
_LABEL = re.compile(" {2,}[a-z]+ {2,}")  # `  mend  Analyse it …`, whose text goes on below its beginning
_WORD = re.compile(rf"""(?:{_COMMAND}|(?<!\w)'[^']*'|"[^"]{{,60}}"|\S)+""", re.VERBOSE)


class Code(str):
    """A line that may be copied, and that a line break would change: SQL, a diff, a URL."""

    __slots__ = ()


def columns(stream: TextIO) -> int | None:
    """How wide the terminal is; None where it is no terminal, whose lines have no end."""
    try:
        return (os.get_terminal_size(stream.fileno()).columns or 80) if stream.isatty() else None
    except OSError:
        return 80


def folded(text: str, width: int | None, hanging: str = "") -> list[str]:
    """The text in lines that are broken between words; all but the first are indented as it is, or by `hanging`."""
    if isinstance(text, Code) or width is None or len(text) <= width:
        return [text]
    indentation = hanging or " " * len((_LABEL.match(text) or _MARGIN.match(text) or [""])[0])
    edges = [0, *_breaks(text, width, len(indentation)), len(text)]
    first, *more = (text[start:end].rstrip() for start, end in itertools.pairwise(edges))
    return [first, *(indentation + line for line in more)]


def folded_in_style(text: "rich.text.Text", width: int | None) -> "list[rich.text.Text]":
    """The same for a line in colours."""
    lines = list(text.divide(_breaks(text.plain, width, 0))) if width is not None else [text]
    for line in lines:
        line.rstrip()
    return lines


def _breaks(text: str, width: int, indentation: int) -> list[int]:
    """Where in the text a line begins, but for the first."""
    breaks: list[int] = []
    room = width
    for number, word in enumerate(_WORD.finditer(text)):
        if number and word.end() > room:
            breaks.append(word.start())
            room = word.start() + width - indentation
    return breaks
