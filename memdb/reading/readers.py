"""Files with real embeddings: .npz, .jsonl and .parquet, read in batches.

A file of memories has the fields of REQUIRED, and may have those of OPTIONAL; others are left aside. Who needs less
says so. What is in the fields is not checked here.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from memdb.errors import DataError
from memdb.reading.vectors import DIMENSIONS

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

REQUIRED = ("embedding", "user", "content")
OPTIONAL = ("memory_type", "metadata", "created_at", "accessed_at", "id")

_BATCH = 1000
_LONGEST_EXCERPT = 120


@dataclass(frozen=True, slots=True)
class Records:
    """Some rows as the file has them: `rows` are their numbers in it, counted from 1; lines, in a .jsonl file.

    `fields` has a sequence for each field of the file, with None where a row has no value.
    """

    rows: Sequence[int]
    fields: dict[str, Any]


class Reader(Protocol):
    """A file of one kind. `total` is None where only reading it all would tell."""

    @property
    def total(self) -> int | None: ...
    def batches(self) -> Iterator[Records]: ...


def reader(path: Path, required: Sequence[str] = REQUIRED) -> Reader:
    """The reader for a file, by the end of its name. Raises DataError where there is no such file or no such kind."""
    kinds: dict[str, Callable[[Path, Sequence[str]], Reader]] = {".npz": Npz, ".jsonl": Jsonl, ".parquet": Parquet}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise DataError(f"{path} is of no kind that memdb reads", hint=f"It reads {', '.join(kinds)} files.")
    try:
        is_file = path.is_file()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="Check its name and permissions.") from None
    if not is_file:
        raise DataError(f"there is no file {path}", hint="Correct its name; pipes and folders are not read.")
    return kind(path, required)


@dataclass(frozen=True)
class Npz:
    """NumPy arrays, one per field, all of them in memory."""

    path: Path
    required: Sequence[str] = REQUIRED

    @property
    def total(self) -> int:
        return len(self._arrays["embedding"])

    def batches(self) -> Iterator[Records]:
        for start in range(0, self.total, _BATCH):
            end = min(start + _BATCH, self.total)
            fields = {name: _values(name, array[start:end]) for name, array in self._arrays.items()}
            yield Records(range(start + 1, end + 1), fields)

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        with _readable(self.path), self.path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            arrays = {name: archive[name] for name in archive.files if name in REQUIRED + OPTIONAL}
        _check_fields(self.path, arrays, self.required)
        for name, array in arrays.items():
            if array.ndim != (2 if name == "embedding" else 1):
                raise DataError(f"{self.path}: {name} has {array.ndim} dimensions", hint=_EXPECTED)
            if len(array) != len(arrays["embedding"]):
                raise DataError(
                    f"{self.path}: embedding has {len(arrays['embedding'])} rows, but {name} has {len(array)}",
                    hint="Each array must have one entry per memory.",
                )
        return arrays


@dataclass(frozen=True)
class Jsonl:
    """One JSON object a line, read line by line."""

    path: Path
    required: Sequence[str] = REQUIRED
    total = None

    def batches(self) -> Iterator[Records]:
        with _readable(self.path), self.path.open("rb") as file:
            objects = self._objects(file)
            while batch := list(islice(objects, _BATCH)):
                yield Records(
                    [row for row, _ in batch],
                    {name: [values.get(name) for _, values in batch] for name in REQUIRED + OPTIONAL},
                )

    def _objects(self, file: io.BufferedReader) -> Iterator[tuple[int, dict[str, Any]]]:
        for row, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{self.path}, row {row}: this line is not JSON: {excerpt(error)}",
                    hint="Nothing was loaded. Is the file cut off? It must have one JSON object a line, in UTF-8.",
                ) from None
            if not isinstance(values, dict):
                raise DataError(f"{self.path}, row {row}: this line is no JSON object", hint=_EXPECTED)
            yield row, values


@dataclass(frozen=True)
class Parquet:
    """Columns, one per field, read in batches with pyarrow (extra `parquet`)."""

    path: Path
    required: Sequence[str] = REQUIRED

    @property
    def total(self) -> int:
        with _readable(self.path):
            return int(self._file.metadata.num_rows)

    def batches(self) -> Iterator[Records]:
        row = 1
        with _readable(self.path):
            names = [name for name in self._file.schema_arrow.names if name in REQUIRED + OPTIONAL]
            _check_fields(self.path, names, self.required)
            for batch in self._file.iter_batches(_BATCH, columns=names):
                fields = {name: _column(name, batch.column(name)) for name in names}
                yield Records(range(row, row + len(batch)), fields)
                row += len(batch)

    @cached_property
    def _file(self) -> "pyarrow.parquet.ParquetFile":
        try:
            from pyarrow import parquet
        except ImportError:
            raise DataError(
                f"{self.path} cannot be read: pyarrow is not installed", hint="pip install 'memdb-pg[parquet]'"
            ) from None
        return parquet.ParquetFile(self.path)


def excerpt(value: object) -> str:
    """The beginning of what it says, in a line: a value, or an error that repeats it, may be as long as a file."""
    text = " ".join((str(value) if isinstance(value, Exception) else repr(value)).split()) or type(value).__name__
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"


_EXPECTED = f"It must have embedding ({DIMENSIONS} numbers), user and content for each row; see memdb seed --help."


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    # numpy, zipfile and pyarrow raise whatever there is for files that are cut off, damaged, or something else
    # altogether: MemoryError for a size that is a lie, RuntimeError for a password, OverflowError for a date.
    except Exception as error:  # noqa: BLE001
        raise DataError(
            f"{path} cannot be read as a {path.suffix} file: {excerpt(error)}",
            hint="Nothing was loaded. Is the file whole, and is it what its name says?",
        ) from None


def _check_fields(path: Path, names: Iterable[str], required: Sequence[str]) -> None:
    if missing := [name for name in required if name not in names]:
        raise DataError(f"{path} has no {' and no '.join(missing)}", hint=_EXPECTED)


def _values(name: str, array: Any) -> Any:
    if name == "embedding":
        return array
    # datetime64 in other units than microseconds would come out as whole numbers.
    return (array.astype("M8[us]") if array.dtype.kind == "M" else array).tolist()


def _column(name: str, column: "pyarrow.Array") -> Any:
    if name != "embedding":
        return column.to_pylist()
    import pyarrow as pa
    from pyarrow import compute

    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_list(column.type) for is_list in lists) or column.null_count:
        return column.to_pylist()
    if compute.all(compute.equal(compute.list_value_length(column), DIMENSIONS)).as_py() is not True:
        return column.to_pylist()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, DIMENSIONS)
