"""Embeddings: as many numbers as the column has, with a direction that cosine distance can tell.

pgvector sums up squares and products in 32 bits (VectorCosineSimilarity in
https://github.com/pgvector/pgvector/blob/master/src/vector.c). Where they overflow or vanish, the distance is NaN, and
such a row is first or nowhere in every search. Lengths from 1e-15 to 1e15 keep all of them right; a model's are near 1.

A halfvec keeps 16 bits of each number, some three digits: from 6e-8 to 65504.
"""

from collections.abc import Mapping, Set
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memdb.errors import InvalidMemory
from memdb.shape import DEFAULT, Shape

DIMENSIONS = DEFAULT.dimensions

Vectors: TypeAlias = NDArray[np.float32]

_SHORTEST, _LONGEST = 1e-15, 1e15
_LEAST_SQUARE, _GREATEST_SQUARE = _SHORTEST**2, _LONGEST**2
_REAL = np.dtype(np.float32)

_GREATEST_HALF = np.float32(np.finfo(np.float16).max)

_HINT = "Give it the embedding as the model returns it."
_OTHER_DIMENSIONS = "Is it from another model? embedding_type says how many numbers an embedding has."
_OTHER_THAN_DEFAULT = (
    "Is it from another model than text-embedding-3-small? For others, see embedding_type in docs/models.md."
)


def embedding(value: Any, shape: Shape = DEFAULT) -> Vectors:
    """The embedding as the database keeps it: 32-bit floats, from a list, an array or a vector of pgvector.

    Those of a halfvec are rounded to 16 bits.
    """
    numbers = _numbers(value, shape.dimensions)
    if numbers.shape != (shape.dimensions,):
        raise InvalidMemory(
            f"embedding must have {shape.dimensions} numbers, but this one has {_counted(numbers)}",
            hint=_OTHER_DIMENSIONS if shape.dimensions != DIMENSIONS else _OTHER_THAN_DEFAULT,
        )
    vector = _narrow(numbers)
    if not _LEAST_SQUARE <= np.vdot(vector, vector) <= _GREATEST_SQUARE:  # dot would warn of an overflow
        raise InvalidMemory(f"embedding {_reason(vector)}", hint=_HINT)
    return vector if shape.embedding_type == "vector" else _halved(vector)


def _halved(vector: Vectors) -> Vectors:
    """Raises InvalidMemory for what 16 bits cannot hold, or nothing is left of."""
    place = int(np.argmax(np.abs(vector)))
    if abs(vector[place]) > _GREATEST_HALF:
        raise InvalidMemory(
            f"embedding must have numbers within ±65504 in a halfvec, but number {place} (from 0) is {vector[place]}",
            hint=_HINT,
        )
    with np.errstate(all="ignore"):
        halved = vector.astype(np.float16).astype(np.float32)
    if not halved.any():
        raise InvalidMemory(
            "embedding is all zeros, as a halfvec keeps it: it has no direction, so nothing can be near it", hint=_HINT
        )
    return halved


def _narrow(numbers: NDArray[Any]) -> Vectors:
    """What 32 bits cannot hold becomes infinite or zero, and is told as that."""
    if numbers.dtype == _REAL:
        return numbers if numbers.flags.c_contiguous else np.ascontiguousarray(numbers)
    with np.errstate(all="ignore"):  # which takes longer than all the rest
        return np.ascontiguousarray(numbers, np.float32)


def unusable(vectors: Vectors) -> tuple[int, str] | None:
    """The first of so many embeddings, one a row, that cannot be compared with others, and why; None if all can."""
    with np.errstate(all="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
    wrong = np.flatnonzero(~((squares >= _LEAST_SQUARE) & (squares <= _GREATEST_SQUARE)))
    return (int(wrong[0]), _reason(vectors[wrong[0]])) if len(wrong) else None


def _reason(vector: Vectors) -> str:
    finite = np.isfinite(vector)
    if not finite.all():
        place = int(np.argmin(finite))
        return f"must be finite, but number {place} (from 0) is {vector[place]}"
    if not vector.any():
        return "is all zeros, as 32-bit numbers are: it has no direction, so nothing can be near it"
    length = np.linalg.norm(vector.astype(np.float64))
    bounds = f"{_SHORTEST:g} to {_LONGEST:g}"
    return f"has the length {length:.2g}, but must have {bounds}: beyond that, its distances are not numbers"


def _numbers(value: Any, dimensions: int) -> NDArray[Any]:
    if hasattr(value, "to_numpy"):  # pgvector's, without importing it
        value = value.to_numpy()
    if type(value) is np.ndarray and value.dtype == _REAL:  # the usual one, in a fifth of the time
        return value
    if np.ma.is_masked(value):
        raise InvalidMemory(
            "embedding has masked numbers, but all are needed", hint="Give it an embedding without a mask."
        )
    if isinstance(value, str | bytes | Mapping | Set):
        raise InvalidMemory(f"embedding must be a list of numbers, but is {type(value).__name__}", hint=_HINT)
    try:
        numbers = np.asarray(value if isinstance(value, list) or hasattr(value, "__array__") else list(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidMemory(f"embedding must be a list of {dimensions} numbers: {error}", hint=_HINT) from None
    if numbers.dtype.kind not in "fiu" and numbers.size:
        raise InvalidMemory(f"embedding must be a list of {dimensions} numbers, but holds something else", hint=_HINT)
    return numbers


def _counted(numbers: NDArray[Any]) -> str:
    return str(len(numbers)) if numbers.ndim == 1 else f"the shape {' x '.join(map(str, numbers.shape)) or 'of one'}"
