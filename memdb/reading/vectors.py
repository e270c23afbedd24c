"""Embeddings as a file has them, held to the rules of memdb.values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memdb import values
from memdb.errors import DataError, InvalidMemory
from memdb.reading.fields import Unusable, bad_row, excerpt, is_missing
from memdb.shape import DEFAULT, Shape
from memdb.values import Vectors

_ANOTHER_MODEL = (
    "Use embeddings of the model that this database is for. SQL for those of another is written by memdb init with "
    "--dimensions {0}."
)


def checked(path: Path, rows: Sequence[int], given: Any, shape: Shape = DEFAULT) -> Vectors:
    """The embeddings of these rows of a file as the shape keeps them, in 32 bits, a row for each.

    `given` is an array, or a sequence with a list of numbers for each row, or None. Raises DataError for the first
    row whose embedding cannot be used.
    """
    if not isinstance(given, np.ndarray):
        each = given or [None] * len(rows)
        return np.array([_embedding(path, row, value, shape) for row, value in zip(rows, each, strict=True)])
    if given.shape[1] != shape.dimensions or given.dtype.kind not in "fiu":
        _embedding(path, rows[0], given[0], shape)
    with np.errstate(all="ignore"):  # what 32 bits cannot hold is told by the rules
        vectors = np.ascontiguousarray(given, np.float32)
    if (found := values.unusable(vectors)) is not None:
        place, reason = found
        raise _error(path, rows[place], Unusable(reason))
    if shape.embedding_type == "vector":
        return vectors
    return np.array([_embedding(path, row, vector, shape) for row, vector in zip(rows, vectors, strict=True)])


def _embedding(path: Path, row: int, value: Any, shape: Shape) -> Vectors:
    if is_missing(value):
        raise _error(path, row, Unusable("is missing"))
    if isinstance(value, list | np.ndarray) and len(value) != shape.dimensions:
        what = f"has {len(value)} numbers, and the column is {shape.embedding}"
        raise _error(path, row, Unusable(what, _ANOTHER_MODEL.format(len(value))))
    try:
        return values.embedding(value, shape)
    except InvalidMemory as error:
        raise _error(path, row, Unusable(f"{error}{_where(value)}", error.hint)) from None


def _where(value: Any) -> str:
    """What in a list, or in place of one, is no number."""
    if isinstance(value, np.ndarray):
        return "" if value.dtype.kind in "fiu" else f": the array is of {value.dtype}"
    if not isinstance(value, list):
        return f": {excerpt(value)}"
    others = (f": number {n} (from 0) is {excerpt(v)}" for n, v in enumerate(value) if type(v) not in (int, float))
    return next(others, "")


def _error(path: Path, row: int, fault: Unusable) -> DataError:
    return bad_row(path, row, "embedding", fault)
