"""The form in which COPY takes rows in binary: a header, rows, a trailer.

https://www.postgresql.org/docs/current/sql-copy.html describes it: a row is the number of its columns, and then each
column's length and bytes.
"""

import struct
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
VERSION_OF_JSONB = b"\x01"
"""What comes first in a value of jsonb; the rest is text."""

ROWS = 64
"""So many are sent at once: few enough that the server has something to do while the next are put together."""

length = struct.Struct(">i").pack
NULL = length(-1)


def _uuid(key: UUID) -> bytes:
    return _SIXTEEN + key.bytes


def _text(key: str) -> bytes:
    encoded = key.encode()
    return length(len(encoded)) + encoded


_SIXTEEN = length(16)
KEYS: Final[dict[str, Callable[[Any], bytes]]] = {
    "uuid": _uuid,
    "bigint": partial(struct.Struct(">iq").pack, 8),
    "integer": partial(struct.Struct(">ii").pack, 4),
    "text": _text,
    "varchar": _text,
}
"""The length and the bytes of a user's key, by its type."""
