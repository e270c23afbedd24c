"""Embeddings as a file has them, checked: each has 1536 finite numbers, and a direction."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memdb.errors import DataError

DIMENSIONS = 1536

Vectors: TypeAlias = NDArray[np.float32]


def checked(path: Path, rows: Sequence[int], given: Any) -> Vectors:
    """The embeddings of these rows of a file, as an array of so many rows and 1536 columns.

    `given` is an array, or a sequence with a list of numbers for each row, or None. Raises DataError for the first
    row whose embedding cannot be used.
    """
    if not isinstance(given, np.ndarray):
        values = given or [None] * len(rows)
        given = np.array([_numbers(path, row, value) for row, value in zip(rows, values, strict=True)])
    elif given.shape[1] != DIMENSIONS or given.dtype.kind not in "fiu":
        raise _error(path, rows[0], _not_as_expected(given[0]))
    with np.errstate(over="ignore", under="ignore"):
        vectors = np.ascontiguousarray(given, np.float32)
        squares = np.einsum("ij,ij->i", vectors, vectors)
    for place in np.flatnonzero(~np.isfinite(squares) | (squares == 0)).tolist():
        raise _error(path, rows[place], _no_direction(vectors[place]))
    return vectors


def _numbers(path: Path, row: int, value: Any) -> Any:
    if value is None:
        raise _error(path, row, "is missing")
    try:
        numbers = np.asarray(value if isinstance(value, list) else [])
    except (ValueError, OverflowError, RecursionError):  # lists in the list, not all of a length, or too deep
        numbers = np.empty(0)
    if numbers.shape != (DIMENSIONS,) or numbers.dtype.kind not in "fiu":
        raise _error(path, row, _not_as_expected(value))
    return numbers


def _error(path: Path, row: int, what: str) -> DataError:
    return DataError(f"{path}, row {row}: embedding {what}", hint="Nothing was loaded. Correct or remove this row.")


def _not_as_expected(value: Any) -> str:
    if not isinstance(value, list | np.ndarray):
        return "is no list of numbers"
    if len(value) != DIMENSIONS:
        return f"has {len(value)} dimensions, not {DIMENSIONS}"
    return "holds something that is no number"


def _no_direction(vector: Vectors) -> str:
    if np.isnan(vector).any():
        return f"has NaN at dimension {int(np.flatnonzero(np.isnan(vector))[0]) + 1}"
    if not np.isfinite(vector).all():
        return f"is infinite at dimension {int(np.flatnonzero(~np.isfinite(vector))[0]) + 1}"
    return "is too large for 32-bit numbers" if vector.any() and abs(vector).max() > 1 else "is all zero"
