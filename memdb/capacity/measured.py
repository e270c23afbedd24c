"""What `python -m bench capacity` measured, and where: `measured.json`."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from memdb import records
from memdb.capacity.skew import Numbers

FILE = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the figures come from. `load` is what the machine had to do besides, as its load average says it."""

    date: str
    machine: str
    load: str
    postgresql: str
    pgvector: str
    memdb: str
    configuration: str


@dataclass(frozen=True, slots=True)
class Cost:
    """A figure that grows with the rows, and with the bytes of each: `base + rows (each + of_byte × bytes)`."""

    base: float
    each: float
    of_byte: float

    def of(self, rows: float, row_bytes: float) -> float:
        return self.base + rows * (self.each + self.of_byte * row_bytes)

    def for_rows(self, row_bytes: float) -> "Line":
        """The same where all rows have so many bytes."""
        return Line(self.base, self.each + self.of_byte * row_bytes)


@dataclass(frozen=True, slots=True)
class Line:
    """A figure that grows with the number of rows."""

    base: float
    each: float

    def of(self, rows: Numbers) -> Numbers:
        return self.base + rows * self.each


@dataclass(frozen=True, slots=True)
class Constants:
    """Fitted to the measurements; all times but `migrated` are the processor's, in ms.

    A search by the memories of its user: the plain query where embeddings are in TOAST, or in their rows; with
    `fast_search` up to 250 memories, and beyond, where the bytes are those of signatures.

    An insert by the bytes of a row, without signature and HNSW index; then what these add. The latter grows with the
    number of memories to the power of `growth`, as does building that index, for each memory: paths get longer, and
    caches hold less of them. `migrated` is fast_search on a table without that index, by the clock.
    """

    plain_toasted: Cost
    plain_inline: Cost
    fast_few: Cost
    fast_many: Cost
    insert: Cost
    signature_insert: Cost
    growth: float
    graph_insert: Cost
    graph_build: Cost
    migrated: Cost
    wal: Cost
    graph_wal: Cost


@dataclass(frozen=True, slots=True)
class Measurement:
    """One real database. `bytes` are by part: heap, toast, and each index by its name without `ix_`.

    `searches` are by the memories of the user who asks: the server's processor time, p50 and p95, in ms. `insert_ms` is
    a single insert, and `built_seconds` the HNSW index, in processor time as well; `graph_bytes` is the memory that a
    row takes meanwhile. `migrated_seconds` is fast_search on a table without that index, by the clock.
    """

    sets: str
    embedding: str
    memories: int
    content_bytes: float
    metadata_bytes: float
    bytes: dict[str, float]
    built_seconds: float | None
    graph_bytes: float | None
    migrated_seconds: float | None
    vacuum_seconds: float
    searches: dict[str, tuple[float, ...]]
    insert_ms: float
    insert_wal_bytes: float

    @property
    def chosen(self) -> tuple[str, ...]:
        """The sets besides `core`."""
        return tuple(name for name in self.sets.split() if name != "core")

    @property
    def bytes_each(self) -> float:
        return sum(self.bytes.values()) / self.memories


@dataclass(frozen=True, slots=True)
class Measured:
    """All that is in the file."""

    source: Source
    constants: Constants
    measurements: tuple[Measurement, ...]


@functools.cache
def read() -> Measured:
    """The figures that come with memdb."""
    found: Measured = records.read(Measured, json.loads(FILE.read_text(encoding="utf-8")))
    return found
