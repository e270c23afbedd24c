"""As whom the server runs: as the user who calls memdb, and for root, whom PostgreSQL refuses, as a system user."""

import os
import subprocess
from pathlib import Path

from memdb.embedded.posix import pwd
from memdb.errors import EmbeddedError

NAME = "pgserver"


def of_server() -> "pwd.struct_passwd | None":
    """The account that the server runs as, made if need be; None for the user who calls.

    Raises EmbeddedError when it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    account = _find()
    if account is None:
        said = _make()
        account = _find()  # whoever was quicker has made it
        if account is None:
            raise EmbeddedError(
                f"PostgreSQL does not run as root, and the user {NAME}, as which it would run, cannot be created: "
                f"{said}",
                hint=f"Create it (useradd --system {NAME}), or run memdb as another user.",
            )
    return account


def owners() -> set[int]:
    """The user ids that files and processes of our servers may have."""
    account = _find() if os.geteuid() == 0 else None
    return {os.geteuid()} | ({account.pw_uid} if account else set())


def give(path: Path) -> None:
    """Makes a file or directory of ours one of the server's."""
    if account := of_server():
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def closed_to(account: "pwd.struct_passwd", path: Path) -> Path | None:
    """The first directory on the way to `path`, or `path` itself, that the account may not enter."""
    for step in reversed((path, *path.parents)):
        found = step.stat()
        shift = 6 if found.st_uid == account.pw_uid else 3 if found.st_gid == account.pw_gid else 0
        if not found.st_mode >> shift & 0o1:
            return step
    return None


def _find() -> "pwd.struct_passwd | None":
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _make() -> str:
    """What useradd said."""
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", NAME]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
