"""Rows on their way into `memories`, and the bytes that COPY takes for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memdb.binary import KEYS, ROWS, VERSION_OF_JSONB, length
from memdb.shape import DEFAULT, EmbeddingType, Shape
from memdb.values import UserKey, Vectors

_EPOCH = np.datetime64("2000-01-01", "us")

_NUMBERS: dict[EmbeddingType, str] = {"vector": ">f4", "halfvec": ">f2"}


@cache
def _fixed_columns(embedding_type: EmbeddingType, dimensions: int) -> tuple[np.dtype[Any], dict[str, int]]:
    """The columns of fixed length, each with its length before it, as they stand in the stream.

    And the values of those that have the same in each row.
    """
    embedding = np.dtype((_NUMBERS[embedding_type], (dimensions,)))
    row = [
        ("columns", ">i2"),
        ("id_length", ">i4"),
        ("id", "V16"),
        ("created_at_length", ">i4"),
        ("created_at", ">i8"),
        ("accessed_at_length", ">i4"),
        ("accessed_at", ">i8"),
        ("embedding_length", ">i4"),
        ("dimensions", ">i2"),
        ("unused", ">i2"),
        ("embedding", embedding),
    ]
    constants = {
        "columns": 8,
        "id_length": 16,
        "created_at_length": 8,
        "accessed_at_length": 8,
        "embedding_length": 4 + embedding.itemsize,
        "dimensions": dimensions,
        "unused": 0,
    }
    return np.dtype(row), constants


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: `ids` is (n,) of 16 bytes each, `metadata` are JSON objects, times are in UTC.

    `names` are those that a file had for users whose ids were made from them.
    """

    ids: NDArray[np.void]
    users: list[UserKey]
    tiers: list[str]
    contents: list[str]
    metadata: list[str]
    created_at: NDArray[np.datetime64]
    accessed_at: NDArray[np.datetime64]
    embeddings: Vectors
    names: Mapping[UserKey, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.users)

    def where(self, wanted: NDArray[np.bool_]) -> "Batch":
        """The rows that are wanted, which says so of each."""
        return replace(
            self,
            ids=self.ids[wanted],
            users=list(compress(self.users, wanted)),
            tiers=list(compress(self.tiers, wanted)),
            contents=list(compress(self.contents, wanted)),
            metadata=list(compress(self.metadata, wanted)),
            created_at=self.created_at[wanted],
            accessed_at=self.accessed_at[wanted],
            embeddings=self.embeddings[wanted],
        )


def encode(batch: Batch, shape: Shape = DEFAULT) -> Iterator[bytes]:
    """The rows as pieces of a binary COPY stream, between header and trailer."""
    fixed = _fixed(batch, shape)
    encoded = KEYS[shape.users.base_type]
    users = {user: encoded(user) for user in set(batch.users)}
    for start in range(0, len(batch), ROWS):
        parts: list[bytes | memoryview] = []
        for row in range(start, min(start + ROWS, len(batch))):
            parts.append(fixed[row])
            parts.append(users[batch.users[row]])
            parts.append(_variable(batch, row))
        yield b"".join(parts)


def _fixed(batch: Batch, shape: Shape) -> list[memoryview]:
    columns, constants = _fixed_columns(shape.embedding_type, shape.dimensions)
    fixed = np.empty(len(batch), columns)
    for name, value in constants.items():
        fixed[name] = value
    fixed["id"] = batch.ids
    fixed["created_at"] = (batch.created_at - _EPOCH).astype(np.int64)
    fixed["accessed_at"] = (batch.accessed_at - _EPOCH).astype(np.int64)
    fixed["embedding"] = batch.embeddings
    data = fixed.view(np.uint8).data
    size = columns.itemsize
    return [data[end - size : end] for end in range(size, data.nbytes + 1, size)]


def _variable(batch: Batch, row: int) -> bytes:
    tier, content, metadata = batch.tiers[row].encode(), batch.contents[row].encode(), batch.metadata[row].encode()
    return b"".join(
        (
            length(len(tier)),
            tier,
            length(len(content)),
            content,
            length(len(metadata) + 1),
            VERSION_OF_JSONB,
            metadata,
        )
    )
