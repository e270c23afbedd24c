"""Where the embedded server keeps its data, and who may touch them."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memdb import words
from memdb.embedded import account, posix
from memdb.embedded.posix import fcntl
from memdb.errors import EmbeddedError

MAJOR = 18
ELSEWHERE = "Choose another directory with MEMDB_DATA_DIR, or use a server of your own with --database-url."
_PATIENCE_SECONDS = 120


def data_directory() -> Path:
    """Where the embedded server keeps its data. root's home is closed to the user it runs as, hence /var/lib.

    Raises EmbeddedError when MEMDB_DATA_DIR names no directory, there is no home directory, or no embedded server.
    """
    posix.require()
    chosen = os.environ.get("MEMDB_DATA_DIR")
    if chosen is None:
        parent = _default()
    elif not chosen.strip():
        raise EmbeddedError("MEMDB_DATA_DIR is empty", hint="Unset it, or set it to a directory.")
    elif words.may_hold_password(chosen):
        raise EmbeddedError(
            "MEMDB_DATA_DIR is the address of a database (it is not shown, as it may hold a password)",
            hint="Set it to a directory; an address belongs in MEMDB_DATABASE_URL.",
        )
    else:
        try:
            parent = Path(chosen).expanduser().absolute()
        except (OSError, RuntimeError) as error:  # no current directory, or no such user
            raise EmbeddedError(
                f"MEMDB_DATA_DIR={chosen} is not a usable directory: {error}", hint=ELSEWHERE
            ) from error
    directory = parent / f"postgresql-{MAJOR}"
    if "\n" in str(directory):
        raise EmbeddedError(f"PostgreSQL cannot keep its data in {str(directory)!r}: a line break", hint=ELSEWHERE)
    return _followed(directory) if os.path.islink(directory) else directory  # noqa: PTH114 - never raises


def _followed(link: Path) -> Path:
    """Where our own link leads: to a larger disk, say. Another's would choose which data are used, and deleted."""
    owner = os.lstat(link).st_uid
    if owner not in account.owners():
        raise EmbeddedError(f"{link} is a link of another user, {account.name_of(owner)}", hint=ELSEWHERE)
    return Path(os.path.realpath(link))


def _default() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/memdb")
    from platformdirs import user_data_path

    with suppress(RuntimeError):
        if (default := user_data_path("memdb")).is_absolute():
            return default
    raise EmbeddedError(
        "there is no home directory in which the embedded PostgreSQL could keep its data",
        hint="Set HOME, or choose a directory with MEMDB_DATA_DIR.",
    )


@contextmanager
def told(what: str) -> Iterator[None]:
    """What the file system refuses, as EmbeddedError: `what` could not be done, why, and what to do."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise EmbeddedError(f"{what}: {where}{error.strerror or error}", hint=ELSEWHERE) from error


def prepare(directory: Path) -> None:
    """Makes the directories above a data directory, which have to be open to the user that the server runs as.

    Raises EmbeddedError when they are not; directories that were there already are left as they are.
    """
    server = account.of_server()
    missing = [step for step in directory.parents if not step.exists()]
    for step in reversed(missing):
        step.mkdir(mode=0o755, exist_ok=True)  # nobody else writes there, whatever the umask
        if server:
            step.chmod(0o755)
    if server and (closed := account.closed_to(server, directory.parent)):
        raise EmbeddedError(
            f"the embedded PostgreSQL in {directory} cannot be started: root's server runs as the user {account.NAME}, "
            f"who may not enter {closed}",
            hint=ELSEWHERE,
        )


def expect_ours(directory: Path) -> bool:
    """False when there is no such directory. Raises EmbeddedError when it is somebody else's, or no directory."""
    try:
        found = directory.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedError(f"{directory} is not a directory", hint=ELSEWHERE)
    if found.st_uid not in account.owners():
        raise EmbeddedError(f"{directory} belongs to another user, {account.name_of(found.st_uid)}", hint=ELSEWHERE)
    return True


@contextmanager
def one_at_a_time(directory: Path) -> Iterator[int]:
    """Whoever starts, stops or deletes the server of `directory` is alone. Yields the descriptor that holds the lock.

    Raises EmbeddedError when the lock is not had in two minutes.
    """
    path = directory.parent / f".{directory.name}.lock"
    # In a directory that others may write to, the name may be a link to something of ours, or a file of theirs.
    if path.is_symlink():
        raise EmbeddedError(f"{path} is in the way: it is a link", hint=ELSEWHERE)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        if os.fstat(lock).st_uid not in account.owners():
            raise EmbeddedError(f"{path} is in the way: it belongs to another user", hint=ELSEWHERE)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"another memdb has been starting or stopping the server in {directory} for {_PATIENCE_SECONDS} s",
                    hint="End it, then run the command again.",
                )
            time.sleep(0.02)
        yield lock
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
