"""Starting, stopping and deleting the server of a data directory."""

import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from memdb.embedded import cluster, launching, places, postmaster, programs
from memdb.embedded.places import MAJOR
from memdb.embedded.postmaster import Postmaster
from memdb.errors import EmbeddedError

DATABASE = "postgres"  # it is there from the start
_MILDLY = (signal.SIGINT, signal.SIGQUIT)

# The defaults suit a test of a few rows; these suit loading and indexing some 100,000 embeddings.
CONFIGURATION = """
# Added by memdb.
shared_buffers = 256MB
maintenance_work_mem = 512MB
max_wal_size = 4GB
max_connections = 200
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server: `socket` is the directory of its Unix socket, and `is_new` that it did not run yet."""

    directory: Path
    socket: str
    port: int
    pid: int
    is_new: bool = field(default=False, compare=False)

    @property
    def description(self) -> str:
        return f"the embedded PostgreSQL in {self.directory}"

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{cluster.USER}@/{database}?host={quote(self.socket, safe='/')}&port={self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a running server."""

    directory: Path
    url: str

    @classmethod
    def of(cls, server: Server) -> "Address":
        return cls(server.directory, server.url())


@dataclass(frozen=True, slots=True)
class Stopped:
    directory: Path
    was_running: bool


@dataclass(frozen=True, slots=True)
class Removed:
    directory: Path
    existed: bool


def running(directory: Path) -> Server | None:
    """The server of `directory`, if it runs. Asks two small files, so that the common case costs nothing.

    Raises EmbeddedError when the directory is somebody else's, or the one of its socket, where their server may listen.
    """
    with places.told(f"whether a server runs in {directory} cannot be seen"):
        found = postmaster.of(directory) if places.expect_ours(directory) else None
        if found and found.is_ready:
            places.expect_ours(Path(found.socket))
    return _server(directory, found) if found and found.is_ready else None


def expect_running(directory: Path) -> Server:
    """The running server of `directory`. Raises EmbeddedError when there is none."""
    server = running(directory)
    if server is None:
        raise EmbeddedError(f"the embedded PostgreSQL in {directory} is not running", hint="Start it: memdb db start")
    return server


def start(directory: Path, *, major: int = MAJOR, configuration: str = CONFIGURATION, keep: bool = True) -> Server:
    """Starts the server of `directory`, making its data directory with `configuration` when there is none.

    Where the data need not survive a crash of the machine (`keep`), that is quicker. A server whose programs have been
    deleted is started anew, with those of today.
    Raises EmbeddedError when the extra is not installed or the server does not start.
    """
    if (server := running(directory)) and not postmaster.lacks_programs(server.pid):
        return server
    with places.told(f"the embedded PostgreSQL in {directory} does not start"):
        binaries = programs.of(major)
        places.prepare(directory)
        with places.one_at_a_time(directory) as lock:
            alive = postmaster.of(directory)
            if alive is None or postmaster.lacks_programs(alive.pid):
                postmaster.end(directory, *_MILDLY)
            if cluster.is_half_deleted(directory):
                cluster.delete(directory)
            if not cluster.holds_data(directory):
                cluster.make(directory, binaries, configuration, lock=lock, keep=keep)
            cluster.expect_version(directory, major)
            return replace(_server(directory, launching.launch(directory, binaries)), is_new=True)


def stop(directory: Path) -> bool:
    """Stops the server of `directory`; False when it was not running.

    Raises EmbeddedError when it does not stop, or the directory is somebody else's.
    """
    with places.told(f"the embedded PostgreSQL in {directory} cannot be stopped"):
        if not places.expect_ours(directory):
            return False
        with places.one_at_a_time(directory):
            return _end(directory, *_MILDLY)


def holds_data(directory: Path) -> bool:
    """Whether there is a data directory. Raises EmbeddedError when what is there is something else, or another's."""
    with places.told(f"{directory} cannot be read"):
        return cluster.holds_data(directory)


def remove(directory: Path) -> bool:
    """Stops the server and deletes its data, and can be repeated if it was interrupted; False when there was none.

    Raises EmbeddedError when the directory holds something else, or for the first thing that cannot be deleted.
    """
    with places.told(f"the embedded PostgreSQL in {directory} cannot be deleted"):
        if not places.expect_ours(directory) and not directory.parent.exists():
            return False
        with places.one_at_a_time(directory):
            existed = cluster.holds_data(directory)
            _end(directory, signal.SIGQUIT)
            cluster.delete(directory)
            return existed


def _end(directory: Path, *signals: signal.Signals) -> bool:
    named = postmaster.named(directory)  # a server deletes the file as it ends
    ended = postmaster.end(directory, *signals)
    launching.clear(directory, named)
    return ended


def _server(directory: Path, found: Postmaster) -> Server:
    return Server(directory, found.socket, found.port, found.pid)
