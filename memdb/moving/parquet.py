"""The same file as Parquet, for who reads columns: the name of the table, the row as JSON, the embedding as numbers.

What jsonl has as the first line and the last, this has as metadata: the header as `memdb`, and `sha256`, of the header
and all rows as they are read back, not of bytes that a compression makes of them. Needs pyarrow (extra `parquet`).
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from memdb.errors import DataError
from memdb.moving import header
from memdb.moving.file import File, Row
from memdb.moving.header import Header
from memdb.reading.fields import readable

_SCHEMA = pa.schema(
    [
        pa.field("table", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("row", pa.string(), nullable=False),
        pa.field("embedding", pa.list_(pa.field("element", pa.float32(), nullable=False))),
    ]
)
_ROWS, _BYTES = 4096, 32_000_000  # of a row group, whichever comes first: one at a time is in memory
_READ = 1024
_NULL = (b"", b"null")


class Writer:
    """Writes a file from its header to its checksum."""

    def __init__(self, file: BinaryIO, about: Header) -> None:
        self._digest = _Digest(about.line())
        metadata = {b"memdb": about.line().encode()}
        self._writer = parquet.ParquetWriter(
            file, _SCHEMA.with_metadata(metadata), compression="zstd", write_page_checksum=True
        )
        self._held: list[tuple[str, str, Any]] = []
        self._size = 0

    def row(self, table: bytes, row: bytes, embedding: bytes = b"") -> None:
        """One row of a table, whose name is given as JSON; that of memories with an embedding as pgvector writes it."""
        numbers = None if embedding in _NULL else np.fromstring(embedding[1:-1].decode(), np.float32, sep=",")
        self._digest.add(json.loads(table), row, numbers)
        self._held.append((json.loads(table), row.decode(), numbers))
        self._size += len(row) + (0 if numbers is None else numbers.nbytes)
        if len(self._held) == _ROWS or self._size > _BYTES:
            self._flush()

    def end(self) -> str:
        """Writes the checksum, and returns it."""
        self._flush()
        checksum = self._digest.hexdigest()
        self._writer.add_key_value_metadata({"sha256": checksum})
        self._writer.close()
        return checksum

    def _flush(self) -> None:
        columns = [list(column) for column in zip(*self._held, strict=True)] or [[], [], []]
        arrays = [pa.array(column, of.type) for column, of in zip(columns, _SCHEMA, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._writer.schema))
        self._held, self._size = [], 0


@dataclass
class _Digest:
    """Of a header and rows, with their lengths, so that no row can pass for another."""

    header: str
    _sum: Any = field(init=False)

    def __post_init__(self) -> None:
        self._sum = hashlib.sha256(self.header.encode() + b"\n")

    def add(self, table: str, row: bytes, numbers: Any) -> None:
        told = b"" if numbers is None else numbers.astype("<f4").tobytes()
        count = -1 if numbers is None else len(numbers)
        self._sum.update(b"%b %d %d\n%b%b\n" % (table.encode(), len(row), count, row, told))

    def hexdigest(self) -> str:
        return str(self._sum.hexdigest())


@dataclass(frozen=True)
class Columns(File):
    """A file of memdb's that is open for reading."""

    path: Path
    file: Any
    header: Header
    line: str
    sha256: str

    def rows(self) -> Iterator[Row]:
        """All rows. Raises DataError at the end, or sooner, where the file is not as it was written."""
        digest, found = _Digest(self.line), dict.fromkeys(self.header.tables, 0)
        for number, (table, row, numbers) in enumerate(self._read(), start=1):
            digest.add(table, row, numbers)
            found[table] = found.get(table, 0) + 1
            yield Row(number, table, row, None if numbers is None else _written(numbers))
        if digest.hexdigest() != self.sha256:
            self.refuse("was altered: it does not have the checksum that it says")
        if found != {name: held.rows for name, held in self.header.tables.items()}:
            self.refuse("has not as many rows as it says")

    def _read(self) -> Iterator[tuple[str, bytes, Any]]:
        batches = self.file.iter_batches(_READ)
        while True:
            with readable(self.path):  # and not what is done with the rows
                taken = [*_taken(batch)] if (batch := next(batches, None)) is not None else None
            if taken is None:
                return
            yield from taken


def read(path: Path, file: BinaryIO) -> Columns:
    """Raises DataError for what cannot be read, or is none of memdb's."""
    with readable(path):
        found = parquet.ParquetFile(file, page_checksum_verification=True)
        said = found.metadata.metadata or {}
    line, checksum = said.get(b"memdb", b"").decode(errors="replace"), said.get(b"sha256", b"").decode(errors="replace")
    try:
        about = header.read(line.encode())
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}", hint="Import it with the memdb that wrote it.") from None
    if about is None or not found.schema_arrow.equals(_SCHEMA):
        raise DataError(
            f"{path} is not a file that memdb export wrote", hint="memdb seed --from loads other files with embeddings."
        )
    return Columns(path, found, about, line, checksum)


def _taken(batch: Any) -> Iterator[tuple[str, bytes, Any]]:
    """Table, row and embedding of each."""
    tables, rows = batch.column("table").to_pylist(), batch.column("row").to_pylist()
    embeddings = batch.column("embedding")
    for place, (table, row) in enumerate(zip(tables, rows, strict=True)):
        numbers = embeddings[place].values
        yield table, row.encode(), None if numbers is None else numbers.to_numpy()


def _written(numbers: Any) -> str:
    """As pgvector reads it: it rounds to the same numbers."""
    return f"[{','.join(map(repr, numbers.tolist()))}]"
