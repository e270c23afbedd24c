"""A file with memories, whichever form it has."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from memdb.errors import DataError
from memdb.moving.header import Header
from memdb.reading.fields import excerpt


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table as JSON, and the embedding as pgvector writes it; `line` counts from 1."""

    line: int
    table: str
    json: bytes
    embedding: str | None

    def values(self) -> dict[str, Any]:
        """The row as an object. Raises ValueError for what is none."""
        values = json.loads(self.json, parse_int=_int)
        if not isinstance(values, dict):
            raise ValueError(f"{excerpt(values)} is no row")
        return values


def _int(digits: str) -> int | str:
    """Metadata may hold numbers that Python refuses to read; keys of users are short."""
    return int(digits) if len(digits) < 20 else digits


class Writer(Protocol):
    """Writes a file from its header to its checksum."""

    def row(self, table: bytes, row: bytes, embedding: bytes = b"") -> None:
        """One row of a table, whose name is given as JSON; that of memories with an embedding, or null."""

    def end(self) -> str:
        """Writes the checksum, and returns it."""


class File(ABC):
    """A file that is open for reading. `notes` are sentences on what of it is left out."""

    path: Path
    header: Header
    notes: tuple[str, ...] = ()

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """All rows, each time anew. Raises DataError at the end, or sooner, where the file is not as it was written."""

    def refuse(self, what: str, hint: str = "Nothing was imported. Export it again, or copy it again.") -> NoReturn:
        """Raises DataError."""
        raise DataError(f"{self.path} {what}", hint=hint)
