"""The Unix socket of a server."""

import socket
import tempfile
from contextlib import suppress
from pathlib import Path

_LONGEST = 103  # bytes of its path on macOS; Linux takes four more
_PREFIX = "memdb-socket-"


def directory_for(data: Path) -> Path:
    """Where clients find it: in the data directory, or in a new private one if they could not write down its path."""
    if is_addressable(data):
        return data
    folder = next(filter(is_addressable, (folder / f"{_PREFIX}12345678" for folder in short_folders()))).parent
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))


def short_folders() -> tuple[Path, Path]:
    """Where names are short enough, of which the first is preferred."""
    return Path(tempfile.gettempdir()), Path("/tmp")  # noqa: S108 - what is made in it is private


def is_addressable(directory: Path) -> bool:
    """Whether a URL can lead to a socket in it: libpq takes a comma as the end of a path, and a URL is UTF-8."""
    try:
        return "," not in str(directory) and len(str(directory / ".s.PGSQL.5432").encode()) <= _LONGEST
    except UnicodeEncodeError:
        return False


def clear(data: Path, named: str) -> None:
    """Deletes what a dead server left in its data directory, and in the private one if postmaster.pid named one."""
    _unlink(data)
    private = Path(named)
    if private.name.startswith(_PREFIX):
        with suppress(OSError):  # whatever has become of it in a directory that all may write to
            _unlink(private)
            private.rmdir()


def answering(directories: set[Path]) -> Path | None:
    """A socket at which anybody listens."""
    found = (file for directory in directories for file in directory.glob(".s.PGSQL.*[0-9]"))
    return next(filter(_answers, found), None)


def _unlink(directory: Path) -> None:
    for file in directory.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)


def _answers(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(file))
        except TimeoutError:
            return True  # too busy to answer
        except OSError:
            return False
    return True
