"""A server for one command, of which nothing is left, however the command ends."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from memdb import afterwards
from memdb.embedded import account, places, posix, programs, server, sockets
from memdb.embedded.server import Server
from memdb.errors import EmbeddedError


@contextlib.contextmanager
def temporary(*, major: int = places.MAJOR, configuration: str = server.CONFIGURATION) -> Iterator[Server]:
    """A new server that is gone afterwards, also when memdb is killed. Raises EmbeddedError when it does not start."""
    posix.require()
    with _told("there is no place for a temporary server"):
        parent = _new_name()
    directory = parent / "data"
    with _watched() as watcher:
        watcher.note(str(parent))
        try:
            with _told("a temporary server cannot be started"):
                parent.mkdir(mode=0o700)
                account.give(parent)
                started = server.start(directory, major=major, configuration=configuration, keep=False)
            yield started
        finally:
            server.remove(directory)
            shutil.rmtree(parent, ignore_errors=True)
            watcher.dismiss()  # not before there is nothing left to be done


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """What could not be done, with the advice for data that do not stay: another place for them, or another server."""
    try:
        with places.told(what):
            yield
    except EmbeddedError as error:
        hint = error.hint.replace("MEMDB_DATA_DIR", "TMPDIR").replace("--database-url", "--scratch-url")
        raise EmbeddedError(error.message, hint=hint) from error


def sweep(parent: str) -> None:
    """Ends the server below `parent` and deletes everything."""
    with contextlib.suppress(EmbeddedError):
        server.remove(Path(parent, "data"))
    shutil.rmtree(parent, ignore_errors=True)


def _new_name() -> Path:
    """In a directory that the server may enter, and whose path is short enough for a socket."""
    name = f"memdb-{secrets.token_hex(4)}"
    user = account.of_server()
    for folder in sockets.short_folders():
        if sockets.is_addressable(folder / name / "data") and not (user and account.closed_to(user, folder)):
            return folder / name
    return sockets.short_folders()[0] / name


@contextlib.contextmanager
def _watched() -> Iterator[afterwards.Watcher]:
    with contextlib.ExitStack() as stack:
        with places.told("a temporary server cannot be watched"):
            watcher = stack.enter_context(afterwards.watched(__name__, environment=programs.environment()))
        yield watcher
