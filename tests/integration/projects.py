"""Projects for other users and other embeddings, as memdb init writes them.

It tries all migrations, set by set, to find out what they make: some fifteen seconds. So a project is kept beside what
else pytest caches, for other processes and the next run, until a file of memdb changes.
"""

import fcntl
import functools
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import memdb
from memdb import shipped


class Projects:
    """Writes projects, each of which is made once."""

    def __init__(self, kept: Path) -> None:
        """`kept`: the folder that processes share."""
        self._kept = kept

    def write(self, folder: Path, made_for: object, make: Callable[[Path], object]) -> None:
        """Does to an empty folder what `make` does to another. `made_for`: all that this depends on, beside memdb."""
        kept = self._kept / hashlib.sha256(repr(made_for).encode()).hexdigest()[:16]
        made_by = kept.with_suffix(".made-by")
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made_by.exists() or made_by.read_text() != _checksum():
                made_by.unlink(missing_ok=True)
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir()
                make(kept)
                made_by.write_text(_checksum())
            shutil.copytree(kept, folder, dirs_exist_ok=True)


@functools.cache
def _checksum() -> str:
    """Of memdb, its SQL included."""
    roots = (Path(memdb.__file__).parent, shipped.sql_directory())
    paths = sorted(path for root in roots for path in root.rglob("*") if path.suffix in {".py", ".sql", ".json"})
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()
