"""What nobody foresaw, as an error like any other: a line, a hint and an exit code, never a traceback."""

import errno
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import typer

from memdb.errors import MemdbError, SetupError
from memdb.output import streams

_PACKAGE = Path(__file__).parents[1]
_HINTS = {
    errno.ENOSPC: "Make room on the disk, then run the command again.",
    errno.EDQUOT: "Make room on the disk, then run the command again.",
    errno.EACCES: "Check the permissions.",
    errno.EROFS: "Use a writable location.",
    errno.EMFILE: "Allow more open files: ulimit -n 1024",
    errno.ENFILE: "Wait until other programs have closed some of their files.",
    errno.ENOMEM: "Free some memory, or ask for less at once.",
}


def explained(error: BaseException) -> MemdbError:
    """The error that is told in place of this one.

    The message of an exception may hold parts of a password, so it is not repeated, unless it is the system's.
    """
    if isinstance(error, MemoryError):
        return SetupError("there is not enough memory", hint=_HINTS[errno.ENOMEM])
    if isinstance(error, ImportError):
        return SetupError(
            f"something that memdb needs cannot be loaded: {error}", hint="Reinstall memdb: pip install memdb-pg"
        )
    if isinstance(error, FileNotFoundError | PermissionError) and not error.filename and not _has_directory():
        return SetupError("the current directory is gone or not accessible", hint="Change to another directory.")
    if isinstance(error, OSError) and typer.echo.__code__ in _codes(error):  # the parser prints the help by itself
        return streams.unwritable(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return SetupError(f"{where}{error.strerror}", hint=_HINTS.get(error.errno or 0, ""))
    return SetupError(
        f"memdb has a bug: {type(error).__name__}{_place(error)}",
        hint="Please report it. Run the command again with MEMDB_DEBUG=1 and include the output: it shows where the "
        "error happened, and no values.",
    )


def told_in_full(error: BaseException) -> Iterator[str]:
    """The traceback, with MEMDB_DEBUG in the environment; without messages, which may hold parts of a password."""
    if not os.environ.get("MEMDB_DEBUG"):
        return
    if (earlier := error.__cause__ or error.__context__) is not None:
        yield from told_in_full(earlier)
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    for part in traceback.format_tb(error.__traceback__):
        yield from part.rstrip("\n").split("\n")


def _codes(error: BaseException) -> set[CodeType]:
    """Those of the functions that it came through."""
    return {frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)}


def _has_directory() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _place(error: BaseException) -> str:
    """Where in memdb it came from."""
    place, step = "", error.__traceback__
    while step is not None:
        path = Path(step.tb_frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            place = f" in {path.relative_to(_PACKAGE.parent)}, line {step.tb_lineno}"
        step = step.tb_next
    return place
