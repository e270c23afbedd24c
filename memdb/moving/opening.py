"""Which kind of file it is: of one that is read, what it begins with says so; of one that is written, its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from memdb.errors import DataError
from memdb.moving import jsonl
from memdb.moving.file import File, Writer
from memdb.moving.header import Header
from memdb.moving.others import documents

_PARQUET = b"PAR1"
TIER = "personal"
"""That of memories of which other systems do not say it: never pruned."""


@contextmanager
def opened(path: Path, user: str | None, tier: str) -> Iterator[File]:
    """The file for a block. Raises DataError for what cannot be read, or is of no known kind."""
    try:
        if not path.is_file():
            raise DataError(f"there is no file {path}", hint="Correct its name; pipes and folders are not read.")
        with path.open("rb") as file:
            yield _columns(path, file) or jsonl.read(path, file) or documents.read(path, user, tier)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="Check its name and permissions.") from None


def writer(path: Path, file: BinaryIO, about: Header) -> Writer:
    """Writes Parquet where the name ends so, else JSON Lines."""
    made: Writer = (_parquet(path) if path.suffix.lower() == ".parquet" else jsonl).Writer(file, about)
    return made


def _columns(path: Path, file: BinaryIO) -> File | None:
    """None for what is no Parquet."""
    begins = file.read(len(_PARQUET))
    file.seek(0)
    found: File | None = _parquet(path).read(path, file) if begins == _PARQUET else None
    return found


def _parquet(path: Path) -> ModuleType:
    """Raises DataError without pyarrow."""
    try:
        from memdb.moving import parquet
    except ImportError:
        raise DataError(
            f"{path} is Parquet, and pyarrow is not installed", hint="pip install 'memdb-pg[parquet]'"
        ) from None
    return parquet
