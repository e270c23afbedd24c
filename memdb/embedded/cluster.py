"""The data directory: made whole or not at all, and deleted only if it is one."""

import os
import shutil
from pathlib import Path

from memdb.embedded import account, places
from memdb.embedded.programs import Programs, complaint
from memdb.errors import EmbeddedError

USER = "postgres"
_DELETING = "PG_VERSION.deleting"


def holds_data(directory: Path) -> bool:
    """Whether it is there; an empty directory is as good as none.

    Raises EmbeddedError when it belongs to another user, or holds something else.
    """
    if not places.expect_ours(directory):
        return False
    if (directory / "PG_VERSION").is_file() or is_half_deleted(directory):
        return True
    if any(directory.iterdir()):
        raise EmbeddedError(
            f"{directory} is not empty and not a data directory of PostgreSQL (it has no PG_VERSION)",
            hint="Move its contents away, or choose another directory with MEMDB_DATA_DIR.",
        )
    return False


def expect_version(directory: Path, major: int) -> None:
    """Raises EmbeddedError unless the data are of PostgreSQL `major`."""
    found = (directory / "PG_VERSION").read_text(errors="replace").strip()
    if found != str(major):
        raise EmbeddedError(
            f"{directory} holds data of PostgreSQL {found[:20] or '(its PG_VERSION is empty)'}, not of {major}",
            hint="Choose another directory with MEMDB_DATA_DIR.",
        )


def make(directory: Path, programs: Programs, configuration: str, *, lock: int, keep: bool) -> None:
    """Makes it beside its place and moves it there when it is complete: what a kill or a full disk leaves is no trap.

    initdb holds the `lock` as well, so that one that has lost its memdb is waited for.
    """
    new = _unfinished(directory)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    try:
        account.give(new)
        arguments = [f"--pgdata={new}", f"--username={USER}", "--auth=trust", "--encoding=utf8"]
        code, said = programs.run("initdb", [*arguments, *([] if keep else ["--no-sync"])], descriptors=(lock,))
        if code != 0:
            why = complaint(said)
            nameless = "Give this user a name (a line in /etc/passwd), or use a server of your own with --database-url."
            raise EmbeddedError(
                f"the embedded PostgreSQL in {directory} cannot be created: {why}",
                hint=nameless if "effective user ID" in why else places.ELSEWHERE,
            )
        settings = os.open(new / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        with os.fdopen(settings, "w") as file:
            file.write(configuration)
        new.rename(directory)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def delete(directory: Path) -> None:
    """What an interruption leaves is known for what it is: PG_VERSION gets another name first, which goes last."""
    shutil.rmtree(_unfinished(directory), ignore_errors=True)
    if not directory.exists():
        return
    if (directory / "PG_VERSION").exists():
        (directory / "PG_VERSION").rename(directory / _DELETING)
    for path in sorted(directory.iterdir(), key=lambda path: path.name == _DELETING):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    directory.rmdir()


def is_half_deleted(directory: Path) -> bool:
    """Whether it was being deleted when something interrupted that."""
    return (directory / _DELETING).is_file()


def _unfinished(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.new")
