"""Starting a postgres, and waiting until it serves."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from memdb.embedded import account, places, postmaster, sockets
from memdb.embedded.postmaster import Postmaster
from memdb.embedded.programs import Programs, complaint
from memdb.errors import EmbeddedError

_RECOVERY_SECONDS = 60
_PAUSE_SECONDS = 0.01
_LONGEST_BYTES = 100_000
_FULL_BYTES = 16 * 1024**2  # a segment of the write-ahead log
_STILL_ENDING = "pre-existing shared memory block"  # by processes of a server that was killed


def launch(directory: Path, programs: Programs) -> Postmaster:
    """Starts the server, or waits for one that is about to start or to stop. Whoever calls holds the lock.

    Raises EmbeddedError with what the log says when it does not start, or when it is not ready in a minute.
    """
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while True:
        if found := _ready(directory, lambda: postmaster.of(directory) is not None, deadline):
            return found
        found, why = _start(directory, programs, deadline)
        if found:
            return found
        if _STILL_ENDING not in why or time.monotonic() > deadline:
            raise _failed(directory, why)
        time.sleep(_PAUSE_SECONDS)


def clear(directory: Path, named: Postmaster | None) -> None:
    """Deletes what a dead server left, which postmaster.pid named: its number, and its sockets.

    Raises EmbeddedError when somebody answers there nevertheless: two servers would ruin the data.
    """
    elsewhere = named.socket if named else ""
    if socket := sockets.answering({directory, Path(elsewhere or directory)}):
        raise EmbeddedError(
            f"a server answers at {socket}, but no process that is visible from here belongs to {directory}",
            hint="It may run in another container. End it there, then run the command again.",
        )
    postmaster.forget(directory)
    sockets.clear(directory, elsewhere)


def _start(directory: Path, programs: Programs, deadline: float) -> tuple[Postmaster | None, str]:
    """The server, or why there is none."""
    clear(directory, postmaster.named(directory))
    socket = sockets.directory_for(directory)
    if socket != directory:
        account.give(socket)
    log = os.open(directory / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        written_before = os.fstat(log).st_size
        quoted = str(socket).replace('"', '""')
        process = programs.serve(
            ["-D", str(directory), "-c", "listen_addresses=", "-c", f'unix_socket_directories="{quoted}"'], log
        )
        try:
            found = _ready(directory, lambda: process.poll() is None, deadline)
        finally:
            process.returncode = 0  # it is to outlive us, and Python is not to warn of that
        if found is None:
            sockets.clear(directory, str(socket))
        said = os.pread(log, _LONGEST_BYTES, written_before)
        return found, "" if found else complaint(said.decode(errors="replace"))
    finally:
        os.close(log)


def _ready(directory: Path, is_alive: Callable[[], bool], deadline: float) -> Postmaster | None:
    """Waits for the server; None when it has ended."""
    while is_alive():
        found = postmaster.of(directory)
        if found and found.is_ready:
            return found
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"the embedded PostgreSQL in {directory} is not ready after {_RECOVERY_SECONDS} s; it may still be "
                f"recovering",
                hint=f"Run the command again; see {directory / 'log'}.",
            )
        time.sleep(_PAUSE_SECONDS)
    return None


def _failed(directory: Path, why: str) -> EmbeddedError:
    if shutil.disk_usage(directory).free < _FULL_BYTES:
        why = f"the disk is full: {why}"
    return EmbeddedError(
        f"the embedded PostgreSQL in {directory} does not start: {why}",
        hint=f"See {directory / 'log'}. {places.ELSEWHERE}",
    )
