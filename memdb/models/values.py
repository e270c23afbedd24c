"""What the values of a memory may be. Whatever cannot be right raises InvalidMemory, which is a ValueError, too."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pgvector import Vector

from memdb.errors import InvalidMemory

DIMENSIONS = 1536
MAXIMUM_CONTENT = 10_000

Embedding: TypeAlias = Sequence[float] | NDArray[np.floating[Any]] | Vector
"""In what forms an embedding is accepted: (1536,) finite numbers, not all of them zero."""


class MemoryType(str, Enum):  # noqa: UP042  format() of a StrEnum differs, and callers of the schema know this one
    """The tier of a memory, which decides how long it is kept."""

    PERSONAL = "personal"
    PROJECT = "project"
    TASK = "task"


def tier(value: MemoryType | str) -> MemoryType:
    """The tier of that name."""
    try:
        return MemoryType(value)
    except ValueError:
        names = ", ".join(member.value for member in MemoryType)
        raise InvalidMemory(f"there is no tier {value!r}", hint=f"Tiers are: {names}.") from None


def content(text: Any) -> str:
    """A text that can be stored: 1 to 10,000 characters, and not only white space."""
    if not isinstance(text, str):
        raise InvalidMemory(f"the content of a memory must be text, and is {type(text).__name__}")
    if not text.strip():
        raise InvalidMemory("the content of a memory is empty")
    if len(text) > MAXIMUM_CONTENT:
        raise InvalidMemory(
            f"the content of a memory has {len(text):,} characters", hint=f"Shorten it to {MAXIMUM_CONTENT:,} or fewer."
        )
    if not _storable(text):
        raise InvalidMemory("the content of a memory has a character that PostgreSQL cannot store: NUL or a surrogate")
    return text


def _storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def metadata(value: Any) -> dict[str, Any]:
    """The metadata of a memory: a JSON object."""
    if not isinstance(value, dict):
        raise InvalidMemory(
            f"the metadata of a memory must be an object, and is {type(value).__name__}",
            hint='Give it a dict, such as {"source": "preferences"}.',
        )
    return value


def embedding(value: Any) -> Vector:
    """The embedding as a vector of 32-bit floats, which is what the database keeps of it."""
    vector = value if isinstance(value, Vector) else _vector(value)
    if vector.dimensions() != DIMENSIONS:
        raise InvalidMemory(
            f"an embedding has {DIMENSIONS} numbers, and this one has {vector.dimensions()}",
            hint="Is it of another model than text-embedding-3-small?",
        )
    numbers = vector.to_numpy()
    if not 0 < np.dot(numbers, numbers) < np.inf:  # squares of extreme numbers do not tell, so those are looked at
        _require_direction(numbers)
    return vector


def _vector(value: Any) -> Vector:
    if isinstance(value, str | bytes):
        raise InvalidMemory(f"an embedding must be a list of numbers, and is {type(value).__name__}")
    try:
        if isinstance(value, np.ndarray):
            with np.errstate(over="ignore"):  # what a 32-bit float cannot hold becomes infinite, and is told as that
                return Vector(value)
        return Vector(value if isinstance(value, list) else list(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidMemory(f"an embedding must be a list of {DIMENSIONS} numbers: {error}") from None


def _require_direction(numbers: NDArray[np.float32]) -> None:
    finite = np.isfinite(numbers)
    if not finite.all():
        place = int(np.argmin(finite))
        raise InvalidMemory(
            f"an embedding must be finite, and number {place} (from 0) is {numbers[place]}",
            hint="The largest number that the type can hold is about 3.4e38.",
        )
    if not numbers.any():
        raise InvalidMemory("an embedding of all zeros has no direction, so nothing can be near it")
