"""The form in which COPY takes rows in binary: a header, rows, a trailer.

https://www.postgresql.org/docs/current/sql-copy.html describes it: a row is the number of its columns, and then each
column's length and bytes.
"""

import struct

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
VERSION_OF_JSONB = b"\x01"
"""What comes first in a value of jsonb; the rest is text."""

ROWS = 64
"""So many are sent at once: few enough that the server has something to do while the next are put together."""

length = struct.Struct(">i").pack
NULL = length(-1)
