"""Which process is the server of a data directory: postmaster.pid names one, its command line proves it.

The file stays behind when a server is killed, and another process may have its number by now: after a restart of a
container that is likely. PostgreSQL itself goes by the number alone.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memdb.embedded import account
from memdb.errors import EmbeddedError

_FILE = "postmaster.pid"
_PATIENCE_SECONDS = 30
_HAS_PROC = Path("/proc/self/cmdline").exists()


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says; `data` and `socket` are directories. While a server starts, the last may be empty."""

    pid: int
    data: str
    port: int
    socket: str
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


def parse(text: bytes) -> Postmaster | None:
    """Reads postmaster.pid; None for what no server writes.

    Source: src/include/utils/pidfile.h, which numbers the lines.
    """
    lines = [*os.fsdecode(text).split("\n"), *[""] * 8]
    try:
        found = Postmaster(int(lines[0]), lines[1], int(lines[3] or 0), lines[4], lines[7].strip())
    except ValueError:
        return None
    return found if found.pid > 1 and "\0" not in found.data + found.socket else None


def named(directory: Path) -> Postmaster | None:
    """Whom postmaster.pid names, dead or alive; None also where it came with a copy of another server's data."""
    try:
        found = parse((directory / _FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if found and _is_same(found.data, directory) else None


def of(directory: Path) -> Postmaster | None:
    """The living server of `directory`, which may be about to start or to stop."""
    found = named(directory)
    return found if found and _serves(found.pid, directory) else None


def find(directory: Path) -> list[int]:
    """All living servers of `directory`, also where postmaster.pid is damaged, or has been deleted with the directory.

    Such a server stops by itself within a minute, but takes the socket of the next one with it.
    """
    return [pid for pid in _pids() if _serves(pid, directory)]


def end(directory: Path, *signals: signal.Signals) -> bool:
    """Ends all servers of `directory` with the mildest of `signals` that they heed; False when there was none.

    Raises EmbeddedError when one goes on.
    """
    pids = alive = find(directory)
    for number in signals:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (alive := [pid for pid in alive if _serves(pid, directory)]) and time.monotonic() < deadline:
            time.sleep(0.01)
    if alive:
        raise EmbeddedError(
            f"the server in {directory}, process {alive[0]}, does not stop", hint="See the file log in that directory."
        )
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # where we started it ourselves
    return bool(pids)


def lacks_programs(pid: int) -> bool:
    """Whether the programs of a server have been deleted, with the environment that it was started from.

    It goes on, but loads no library any more: not even PL/pgSQL.
    """
    _, arguments = _process(pid)
    try:
        Path(arguments[0]).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, IndexError):  # what is not to be seen may be there; a process that has ended lacks nothing
        return False
    return False


def forget(directory: Path) -> None:
    """Deletes the postmaster.pid of a dead server."""
    (directory / _FILE).unlink(missing_ok=True)


def _serves(pid: int, directory: Path) -> bool:
    """Whether the process is a postgres of ours that was started for `directory`.

    Its children have other command lines, and a zombie has none.
    """
    uid, arguments = _process(pid)
    if uid not in account.owners() or "-D" not in arguments[:-1] or Path(arguments[0]).name != "postgres":
        return False
    return _is_same(arguments[arguments.index("-D") + 1], directory)


def _is_same(name: str, directory: Path) -> bool:
    return os.path.realpath(name) == os.path.realpath(directory)


def _process(pid: int) -> tuple[int, list[str]]:
    """The user and the command line of a process; -1 and nothing if there is none, or it is not to be seen."""
    if not _HAS_PROC:
        return _process_without_proc(pid)
    process = Path("/proc", str(pid))
    try:
        return process.stat().st_uid, os.fsdecode((process / "cmdline").read_bytes()).split("\0")[:-1]
    except OSError:
        return -1, []


def _process_without_proc(pid: int) -> tuple[int, list[str]]:
    """The user and the command line of a process on macOS, which has no /proc."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.uids().real, process.cmdline()
    except (psutil.Error, OverflowError):
        return -1, []


def _pids() -> list[int]:
    if _HAS_PROC:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    import psutil

    return list(psutil.pids())
