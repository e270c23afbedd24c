"""The file: a header, a line for each row, and a last line with the checksum of all lines before it.

A row is `{"table": …, "row": {…}}`, and a memory, archived or not, ends with `"embedding": […]` or null, always in this
order and without spaces, so the numbers, which are nearly all of it, pass through as text. No string of JSON has a
quote without a backslash before it: the first of what begins a part, or for the embedding the last, is never within a
value.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from memdb.errors import DataError
from memdb.moving import header
from memdb.moving.file import File, Row
from memdb.moving.header import EMBEDDED, Header

_TABLE, _ROW, _EMBEDDING = b'{"table":', b',"row":', b',"embedding":'
_EMBEDDED = tuple(_TABLE + b'"%b"' % name.encode() for name in EMBEDDED)
_NONE = (b"", b"null")
_TRAILER = b'{"sha256":'
_LONGEST_TRAILER = 200


class Writer:
    """Writes a file from its header to its checksum."""

    def __init__(self, file: BinaryIO, about: Header) -> None:
        self._file, self._digest, self._lines = file, hashlib.sha256(), 0
        self._add(about.line().encode() + b"\n")

    def row(self, table: bytes, row: bytes, embedding: bytes = b"") -> None:
        """One row of a table, whose name is given as JSON; that of a memory with an embedding, or null."""
        end = (_EMBEDDING, embedding) if embedding else ()
        self._add(b"".join((_TABLE, table, _ROW, row, *end, b"}\n")))

    def end(self) -> str:
        """Writes the checksum, and returns it."""
        checksum = self._digest.hexdigest()
        self._file.write(b'%b"%b","lines":%d}\n' % (_TRAILER, checksum.encode(), self._lines))
        return checksum

    def _add(self, line: bytes) -> None:
        self._digest.update(line)
        self._lines += 1
        self._file.write(line)


@dataclass(frozen=True)
class Lines(File):
    """A file of memdb's that is open for reading."""

    path: Path
    file: BinaryIO
    header: Header

    def rows(self) -> Iterator[Row]:
        """All rows. Raises DataError at the end, or sooner, where the file is not as it was written."""
        self.file.seek(0)
        digest, found = hashlib.sha256(), dict.fromkeys(self.header.tables, 0)
        for number, line in enumerate(self.file, start=1):
            if line.startswith(_TRAILER):
                self._check(line, digest.hexdigest(), number - 1)
                break
            digest.update(line)
            if number > 1:
                row = self._row(number, line)
                found[row.table] = found.get(row.table, 0) + 1
                yield row
        else:
            self.refuse("is cut off: its last line, with the checksum, is missing")
        if found != {name: held.rows for name, held in self.header.tables.items()}:
            self.refuse("has not as many rows as it says")

    def _row(self, number: int, line: bytes) -> Row:
        name, found, rest = line.partition(_ROW)
        if not name.startswith(_TABLE) or not found or not rest.endswith(b"}\n"):
            self.refuse(f"was altered: line {number} is no row")
        row, embedding = rest[:-2], b""
        if name in _EMBEDDED:
            row, _, embedding = row.rpartition(_EMBEDDING)
        try:
            numbers = None if embedding in _NONE else embedding.decode()
            return Row(number, str(json.loads(name[len(_TABLE) :])), row, numbers)
        except (ValueError, RecursionError):
            self.refuse(f"was altered: line {number} is no row")

    def _check(self, line: bytes, checksum: str, lines: int) -> None:
        if self.file.read(1):
            self.refuse("was altered: lines follow the checksum")
        try:
            said = json.loads(line[:_LONGEST_TRAILER])
        except ValueError:
            self.refuse("is cut off within its last line, with the checksum")
        if said != {"sha256": checksum, "lines": lines}:
            self.refuse("was altered: it does not have the checksum that it says")


def read(path: Path, file: BinaryIO) -> Lines | None:
    """None for what is none of memdb's. Raises DataError for one of another format."""
    try:
        found = header.read(file.readline())
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}", hint="Import it with the memdb that wrote it.") from None
    return None if found is None else Lines(path, file, found)
