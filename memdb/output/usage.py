"""What the command-line parser says, without the words of the command line that may hold a password."""

import re
from typing import Any

from memdb.words import shortened

_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_PLAIN = re.compile(r"[\w.,+/ -]*")
_UNSHOWN = "(not shown, as it may hold a password)"


def message(error: Any) -> str:
    """The parser's message. Values are shown when they are plain words or numbers, superfluous arguments never:

    a connection string that was not quoted falls into pieces, of which the password may be one.
    """
    text = str(error.format_message())
    if text.startswith("Got unexpected extra argument"):
        return f"Got unexpected extra arguments {_UNSHOWN}; a value with spaces needs quotes."
    text = _QUOTED.sub(lambda quoted: quoted[0] if _PLAIN.fullmatch(quoted[0][1:-1]) else "'…'", text)
    return f"{text.partition(':')[0]} {_UNSHOWN}." if re.search("://|@|(?<![<>])=", text) else shortened(text)


def lines(error: Any) -> list[str]:
    """All that is told at a terminal: how the command is used, and what was wrong."""
    context = getattr(error, "ctx", None)
    if context is None:
        return [f"Error: {message(error)}"]
    if (text := context.get_help()) == error.format_message():  # there was nothing but the name of a group
        return str(text).split("\n")
    usage = context.get_usage().split("\n")
    return [*usage, f"Try '{context.command_path} --help' for help.", "", f"Error: {message(error)}"]
