"""The standard streams, and what may be sent to them: all that memdb prints leaves through here.

Names of tables, notices and files are written by others. A control character in them would be obeyed by a terminal,
and a line break would let one begin a line of its own, which a CI log may take for a command; so both are shown.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from memdb.errors import OutputError
from memdb.output import actions
from memdb.words import printable

if TYPE_CHECKING:
    from rich.text import Text


def styled(*parts: str | tuple[str, str]) -> "Text":
    """A line for rich, of texts and of (text, style); markup in them is text like any other."""
    from rich.text import Text

    return Text.assemble(
        *(printable(part) if isinstance(part, str) else (printable(part[0]), part[1]) for part in parts)
    )


def prepare() -> None:
    """Opens those that were closed when the program started, and lets text through that their encoding lacks."""
    # Each takes the lowest free number, which is its own; else the next file that is opened would get it, and what is
    # printed. Standard output is opened so that writing to it fails: nobody will see the result.
    for name, mode, flags in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, flags)
            os.set_inheritable(handle, True)
            setattr(sys, name, open(handle, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_passing: list[str] = []  # one line, or none
_ERASED = "\r\x1b[2K"


def show_passing(*lines: str) -> None:
    """Shows a line on stderr, which is a terminal, until there is another one, or none, or something on stdout.

    What else is said stands above it.
    """
    _tell("".join((*(_ERASED for _ in _passing), *lines)))
    _passing[:] = lines


def write(text: str) -> None:
    """Sends text to stdout as it is. Raises OutputError where it cannot be written."""
    show_passing()
    with _writing():
        sys.stdout.write(text)


def flush() -> None:
    """Sends what is still held back. Raises OutputError where it cannot be written."""
    with _writing():
        sys.stdout.flush()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _abandon(sys.stdout)
        raise
    except OSError as error:
        _abandon(sys.stdout)
        raise unwritable(error) from None


def unwritable(error: OSError) -> OutputError:
    """What is told of it."""
    return OutputError(
        f"standard output cannot be written: {error.strerror or error}",
        hint="What the command did stays; only its result is lost.",
    )


def say(text: str, before: str = "") -> None:
    """A line on stderr, after what is put `before` it as it is."""
    say_as_it_is(actions.shown(f"{before}{printable(text)}") + "\n")


def say_as_it_is(text: str) -> None:
    """Text on stderr."""
    below = tuple(_passing)
    show_passing()
    _tell(text)
    show_passing(*below)


def _tell(text: str) -> None:
    """That nobody can hear it is no reason to stop."""
    if not text:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _abandon(sys.stderr)


def _abandon(stream: TextIO) -> None:
    """Lets what it holds go nowhere; else the interpreter would try to write it again as it ends, and complain."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
