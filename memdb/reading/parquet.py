"""Parquet: a column for each field, read in batches with pyarrow (extra `parquet`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet, types

from memdb.errors import DataError
from memdb.reading import fields
from memdb.reading.fields import Records, Unusable


@dataclass(frozen=True)
class Parquet:
    """A reader of such a file."""

    path: Path
    required: Sequence[str] = fields.REQUIRED

    @property
    def total(self) -> int:
        with fields.readable(self.path):
            return int(self._file.metadata.num_rows)

    def batches(self) -> Iterator[Records]:
        row = 1
        with fields.readable(self.path):
            there = self._file.schema_arrow.names
            fields.check_fields(self.path, there, self.required)
            names = [name for name in there if name in fields.REQUIRED + fields.OPTIONAL]
            self._check_keys(names)
            for batch in self._file.iter_batches(fields.BATCH, columns=names):
                rows = range(row, row + len(batch))
                yield Records(rows, {name: self._values(rows, name, batch.column(name)) for name in names})
                row += len(batch)

    def _check_keys(self, names: Sequence[str]) -> None:
        if "metadata" in names and (keys := _other_keys(self._file.schema_arrow.field("metadata").type)):
            raise DataError(
                f"{self.path}: metadata has a map whose keys are {keys}, but JSON keys are strings",
                hint="Write the keys as strings.",
            )

    def _values(self, rows: Sequence[int], name: str, column: pa.Array) -> Any:
        """Plain values for a column; embeddings and times become arrays."""
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if isinstance(column.type, pa.BaseExtensionType):  # such as a uuid, which is kept as 16 bytes
            column = column.storage
        if name == "embedding":
            return _embeddings(column)
        if name in fields.TIMES and (types.is_timestamp(column.type) or types.is_date(column.type)):
            return _times(column)
        is_of_16 = types.is_fixed_size_binary(column.type) and column.type.byte_width == 16
        is_bytes = types.is_binary(column.type) or types.is_large_binary(column.type)
        if (name in fields.IDS and is_of_16) or (name == "id" and is_bytes):
            return [*map(_given(_id), column.to_pylist())]
        return self._plain_values(rows, name, column)

    def _plain_values(self, rows: Sequence[int], name: str, column: pa.Array) -> list[Any]:
        make, made = _plain(column.type), []
        for row, value in zip(rows, column.to_pylist(), strict=True):
            try:
                made.append(make(value))
            except Unusable as fault:
                raise fields.bad_row(self.path, row, name, fault) from None
        return made

    @cached_property
    def _file(self) -> parquet.ParquetFile:
        return parquet.ParquetFile(self.path)


def _id(value: bytes) -> Any:
    """Of 16 bytes; a uuid that is written out has more."""
    return UUID(bytes=value) if len(value) == 16 else fields.as_text(value)


def _embeddings(column: pa.Array) -> Any:
    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    if not any(is_list(column.type) for is_list in lists) or column.null_count:
        return column.to_pylist()
    lengths = compute.min_max(compute.list_value_length(column)).as_py()
    if not lengths["min"] or lengths["min"] < lengths["max"]:
        return column.to_pylist()
    numbers = column.flatten()
    if numbers.null_count:
        return column.to_pylist()
    if types.is_decimal(numbers.type):
        numbers = numbers.cast(pa.float64())
    return numbers.to_numpy(zero_copy_only=False).reshape(len(column), -1)


def _times(column: pa.Array) -> Any:
    """Dates, and times of a zone, which are kept in UTC, as an array; others as text that names no zone."""
    times = column.to_numpy(zero_copy_only=False)
    if types.is_date(column.type) or column.type.tz:
        return times
    return [None if np.isnat(time) else str(time) for time in times]


def _plain(kind: pa.DataType) -> Callable[[Any], Any]:
    """What turns values of a type into those of JSON.

    A struct has the same keys in each row, so one that was not given and one that was null look alike: both are left
    out. A map has those that were given, and keeps them.
    """
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_struct(kind):
        members = {field.name: _plain(field.type) for field in kind}
        return _given(lambda value: {k: make(value[k]) for k, make in members.items() if value[k] is not None})
    if types.is_map(kind):
        make = _plain(kind.item_type)
        return _given(lambda value: fields.once_each([(key, make(item)) for key, item in value]))
    if types.is_nested(kind) and hasattr(kind, "value_type"):
        each = _plain(kind.value_type)
        return _given(lambda value: [each(item) for item in value])
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return _given(fields.as_text)
    return lambda value: value


def _given(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else make(value)


def _other_keys(kind: pa.DataType) -> str:
    """The type of keys, anywhere within a type, that are no text; empty where there is none."""
    if types.is_map(kind):
        is_text = types.is_string(kind.key_type) or types.is_large_string(kind.key_type)
        return _other_keys(kind.item_type) if is_text else str(kind.key_type)
    if types.is_struct(kind):
        return next(filter(None, (_other_keys(field.type) for field in kind)), "")
    return _other_keys(kind.value_type) if types.is_nested(kind) and hasattr(kind, "value_type") else ""
