"""Rows on their way into `memories`, and the bytes that COPY takes for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from memdb.binary import ROWS, VERSION_OF_JSONB, length
from memdb.values import DIMENSIONS, Vectors

COLUMNS = "id, user_id, created_at, accessed_at, embedding, memory_type, content, metadata"

_EPOCH = np.datetime64("2000-01-01", "us")

# The columns of fixed length, each with its length before it, as they stand in the stream.
_FIXED = np.dtype(
    [
        ("columns", ">i2"),
        ("id_length", ">i4"),
        ("id", "V16"),
        ("user_id_length", ">i4"),
        ("user_id", "V16"),
        ("created_at_length", ">i4"),
        ("created_at", ">i8"),
        ("accessed_at_length", ">i4"),
        ("accessed_at", ">i8"),
        ("embedding_length", ">i4"),
        ("dimensions", ">i2"),
        ("unused", ">i2"),
        ("embedding", ">f4", (DIMENSIONS,)),
    ]
)
_LENGTHS: dict[str, Any] = {
    "columns": 8,
    "id_length": 16,
    "user_id_length": 16,
    "created_at_length": 8,
    "accessed_at_length": 8,
    "embedding_length": 4 + 4 * DIMENSIONS,
    "dimensions": DIMENSIONS,
    "unused": 0,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: `ids` is (n,) of 16 bytes each, `metadata` are JSON objects, times are in UTC."""

    ids: NDArray[np.void]
    users: list[UUID]
    tiers: list[str]
    contents: list[str]
    metadata: list[str]
    created_at: NDArray[np.datetime64]
    accessed_at: NDArray[np.datetime64]
    embeddings: Vectors

    def __len__(self) -> int:
        return len(self.users)

    def where(self, wanted: NDArray[np.bool_]) -> "Batch":
        """The rows that are wanted, which says so of each."""
        return Batch(
            ids=self.ids[wanted],
            users=list(compress(self.users, wanted)),
            tiers=list(compress(self.tiers, wanted)),
            contents=list(compress(self.contents, wanted)),
            metadata=list(compress(self.metadata, wanted)),
            created_at=self.created_at[wanted],
            accessed_at=self.accessed_at[wanted],
            embeddings=self.embeddings[wanted],
        )


def encode(batch: Batch) -> Iterator[bytes]:
    """The rows as pieces of a binary COPY stream, between header and trailer."""
    fixed = _fixed(batch)
    for start in range(0, len(batch), ROWS):
        parts: list[bytes | memoryview] = []
        for row in range(start, min(start + ROWS, len(batch))):
            parts.append(fixed[row])
            parts.append(_variable(batch, row))
        yield b"".join(parts)


def _fixed(batch: Batch) -> list[memoryview]:
    fixed = np.empty(len(batch), _FIXED)
    for name, value in _LENGTHS.items():
        fixed[name] = value
    fixed["id"] = batch.ids
    fixed["user_id"] = np.array([user.bytes for user in batch.users], "V16")
    fixed["created_at"] = (batch.created_at - _EPOCH).astype(np.int64)
    fixed["accessed_at"] = (batch.accessed_at - _EPOCH).astype(np.int64)
    fixed["embedding"] = batch.embeddings
    data = fixed.view(np.uint8).data
    return [data[end - _FIXED.itemsize : end] for end in range(_FIXED.itemsize, data.nbytes + 1, _FIXED.itemsize)]


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
