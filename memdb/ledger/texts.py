"""The text of SQL files."""

import os
from pathlib import Path

from memdb import files
from memdb.errors import SqlFilesError

_NUL = "\0"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def normalised(text: str) -> str:
    """Every line end as a line feed, however a checkout or an editor has written it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(path: Path) -> str:
    """A file without its byte order mark; carriage returns are kept: in a string literal they are data.

    Errors and dry runs show it, and a link, or memdb.toml, could name any file of whoever looks at a change: one with
    passwords is not called .sql. Raises SqlFilesError for a file that is not, or that is not UTF-8, OSError for what
    cannot be read.
    """
    if Path(os.path.realpath(path)).suffix != ".sql":
        raise SqlFilesError(
            f"{path} is not read: its name, or that of the file to which it leads, does not end in .sql",
            hint="What SQL says is shown, and it could be any file with passwords. If it is SQL, rename it.",
        )
    content = files.read_bytes(path)
    if content.startswith(_UTF_16):
        raise SqlFilesError(f"{path} is UTF-16", hint="Save the file as UTF-8.")
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = _line_of(content[: error.start].decode())
        raise SqlFilesError(
            f"{path} is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}, in line {line}",
            hint="Save the file as UTF-8.",
        ) from None
    if _NUL in text:
        raise SqlFilesError(
            f"{path} contains a NUL character, in line {_line_of(text[: text.index(_NUL)])}",
            hint="Save the file as plain UTF-8 text, not as UTF-16.",
        )
    return text


def _line_of(before: str) -> int:
    return normalised(before).count("\n") + 1
