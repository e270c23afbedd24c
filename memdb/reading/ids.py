"""Ids that say of a row that memdb made it up.

They are UUIDs of version 8, whose bits are free (RFC 9562, section 5.8): "memdb" and a letter, the version, and 74 bits
that follow from what the row is. No generator of versions 1 to 7 ever gives one, so nothing that an application stores
is taken for seeded; and as the fixed part comes first, such rows are one range of the primary key.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Range:
    """All ids from `first` to `last`; `prefix` are the six bytes that they begin with, before the version."""

    prefix: bytes

    @property
    def first(self) -> UUID:
        return UUID(bytes=self.prefix + b"\x80" + bytes(9))

    @property
    def last(self) -> UUID:
        return UUID(bytes=self.prefix + b"\x8f" + b"\xff" * 9)

    def made_from(self, *described: bytes) -> UUID:
        """The id of what is described like this, always the same."""
        data = np.frombuffer(digest(*described), np.uint8)
        return UUID(bytes=self.stamped(data[np.newaxis])[0].tobytes())

    def stamped(self, data: NDArray[np.uint8]) -> NDArray[np.void]:
        """Random bytes (n, 16) made into ids, (n,) of 16 bytes."""
        data = data.copy()
        data[:, :6] = np.frombuffer(self.prefix, np.uint8)
        data[:, 6] = data[:, 6] & 0x0F | 0x80
        data[:, 8] = data[:, 8] & 0x3F | 0x80
        return data.view("V16")[:, 0]

    def has(self, id: UUID) -> bool:
        """Whether the id is of this range."""
        return self.first <= id <= self.last

    def holds(self, ids: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which of the ids, (n,) of 16 bytes, are of this range."""
        data = np.ascontiguousarray(ids).view(np.uint8).reshape(-1, 16)
        begins = (data[:, :6] == np.frombuffer(self.prefix, np.uint8)).all(axis=1)
        return np.asarray(begins & (data[:, 6] >> 4 == 8), np.bool_)


def digest(*described: bytes) -> bytes:
    """16 bytes that follow from what is described."""
    return hashlib.blake2b(b"".join(described), digest_size=16).digest()


MEMORIES = Range(b"memdbm")
USERS = Range(b"memdbu")
