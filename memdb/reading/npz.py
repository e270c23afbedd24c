"""NumPy archives: an array for each field, all of them in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID
from zipfile import is_zipfile

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from memdb.errors import DataError
from memdb.reading import fields
from memdb.reading.fields import Records

_OTHER_KIND = "Or write a .parquet file: pandas does so directly, and values can be missing."
# How to save what numpy would otherwise pickle, by field.
_SAVED = {
    "embedding": "np.array(list({0}), dtype=np.float32)",
    "metadata": "np.array([json.dumps(value) for value in {0}])",
} | dict.fromkeys(fields.TIMES, "np.array([value.isoformat() for value in {0}])")
_SAVED_AS_TEXT = "np.array({0}, dtype=str)"
_OF_RECORDS = (3, 0)  # the version of a header with names of fields that are not in Latin letters
_FORMATS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Npz:
    """A reader of such an archive."""

    path: Path
    required: Sequence[str] = fields.REQUIRED

    @property
    def total(self) -> int:
        return len(self._arrays["embedding"])

    def batches(self) -> Iterator[Records]:
        for start in range(0, self.total, fields.BATCH):
            end = min(start + fields.BATCH, self.total)
            values = {name: _values(name, array[start:end]) for name, array in self._arrays.items()}
            yield Records(range(start + 1, end + 1), values)

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        with fields.readable(self.path), self.path.open("rb") as file:
            _require_archive(file)
            archive = np.load(file, allow_pickle=False)
            fields.check_fields(self.path, archive.files, self.required)
            names = [name for name in archive.files if name in fields.REQUIRED + fields.OPTIONAL]
            for name in names:
                self._check_header(name, archive)
            return {name: archive[name] for name in names}

    def _check_header(self, name: str, archive: Any) -> None:
        """Raises DataError for what is no column of values, before any of it is read."""
        shape, dtype = self._header(name, archive)
        if dtype is None or dtype.names:
            held = f" ({', '.join(map(str, dtype.names[:5]))})" if dtype is not None else ""
            self._refuse(name, f"is an array of records{held}", "Save each of their fields as an array of its own.")
        if dtype.hasobject:
            line = _SAVED.get(name, _SAVED_AS_TEXT).format(name)
            self._refuse(
                name,
                "is an array of Python objects, as pandas keeps texts; reading it could run code from the file",
                f"Save it with np.savez(…, {name}={line}). {_OTHER_KIND}",
            )
        if len(shape) != (2 if name == "embedding" else 1):
            self._refuse(name, f"has {len(shape)} dimensions", _one_for_each(name, shape))
        rows = self._header("embedding", archive)[0]
        if shape[0] != rows[0]:
            raise DataError(
                f"{self.path}: embedding has {rows[0]} rows, but {name} has {shape[0]}",
                hint="Each array must have one entry per memory.",
            )

    def _header(self, name: str, archive: Any) -> tuple[tuple[int, ...], Any]:
        """The shape and the dtype of an array; None for a dtype that only records have."""
        member = f"{name}.npy"
        with archive.zip.open(member if member in archive.zip.namelist() else name) as file:
            try:
                version = np.lib.format.read_magic(file)
            except ValueError:
                self._refuse(name, "is not an array", "Write the file with np.savez.")
            if version == _OF_RECORDS:
                return (), None
            shape, _, dtype = _FORMATS[version](file)
        return shape, dtype

    def _refuse(self, name: str, what: str, hint: str) -> Any:
        raise DataError(f"{self.path}: {name} {what}", hint=hint)


def _require_archive(file: BinaryIO) -> None:
    """Raises ValueError for what NumPy would read in another way, or take for a pickle and advise to run."""
    is_archive = is_zipfile(file)
    file.seek(0)
    if not is_archive:
        is_array = file.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX
        raise ValueError("it holds a single array without a name" if is_array else "it is not an archive of arrays")


def _one_for_each(name: str, shape: tuple[int, ...]) -> str:
    if name == "embedding":
        return "It must have a row for each memory, and a column for each number."
    if not shape:
        return f"Give it for each memory: {name}=np.full(len(embedding), {name})."
    return "It must have one entry per memory."


def _values(name: str, array: Any) -> Any:
    """Plain values for an array; embeddings and times stay arrays."""
    kind = array.dtype.kind
    if name == "embedding" or (kind == "M" and name in fields.TIMES):
        return array
    if kind in "Mm":  # in some units, a list would have whole numbers, which might be taken for something else
        return array.astype(f"{kind}8[us]").tolist()
    if kind == "S":
        return [fields.as_text(value) for value in array.tolist()]
    if kind == "V" and array.dtype.itemsize == 16 and name in fields.IDS:
        return [UUID(bytes=value.tobytes()) for value in array]
    return array.tolist()
