"""How long work on a table takes: an estimate to plan by, not a promise.

Measured on two cores with 20,000 to 100,000 memories (text-embedding-3-small, 8.5 KB a row). Rewriting
171 MB took 2.5 s, with the index of the primary key. HNSW (m 16, ef_construction 64) in memory was built at 2,000 rows
a second with a parallel worker; with its table it is rebuilt by one process alone, and rewriting 50,000 memories with
it took 46 s. IVFFlat went at 1,750 rows a second, GIN over short texts at 10,000, B-tree at 200,000 to 500,000, a check
of all rows at 500,000. On a machine that is busy with other work all took three times as long, and so does a graph that
outgrows maintenance_work_mem.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from memdb.effects.measuring import Index, Work
from memdb.words import count, listed

_BYTES_REWRITTEN = 70e6  # per second
_ROWS_READ = 500_000
_ROWS_INDEXED = {"hnsw": 2_000, "ivfflat": 1_750, "gin": 10_000, "gist": 10_000}  # per second
_ROWS_INDEXED_OTHERWISE = 200_000
_GRAPHS = {"hnsw"}
_WORTH_TELLING_SECONDS = 1
_WITH_TABLE = 0.6  # what is rebuilt with its table is built by one process alone


@dataclass(frozen=True, slots=True)
class Size:
    """A table's rows, and its bytes without indexes, but with the values that are stored out of line."""

    rows: int
    bytes: int


MEMORIES = Size(100_000, 850_000_000)
"""What is taken where a table's size is not known."""


def seconds(work: Work, size: Size) -> float:
    """How long the work takes on a table of this size."""
    if work.kind == "rewrites":
        return size.bytes / _BYTES_REWRITTEN + _seconds_of_indexes(work.indexes, size.rows) / _WITH_TABLE
    return size.rows / _ROWS_READ + _seconds_of_indexes(work.indexes, size.rows)


def duration(seconds: float) -> str:
    """`about 40 s`, `about 3 min`"""
    if seconds < 1:
        return "less than a second"
    return f"about {_rounded(seconds)} s" if seconds < 120 else f"about {_rounded(seconds / 60)} min"


def _rounded(number: float) -> str:
    return f"{float(f'{number:.2g}' if number >= 10 else f'{number:.1g}'):,.0f}"


def in_words(work: Work) -> str:
    """`rewrites memories, with 6 indexes, among them hnsw`"""
    if work.kind == "builds":
        return f"builds {listed([index.name for index in work.indexes])} on {work.table}"
    if work.kind == "reads":
        return f"reads all rows of {work.table}"
    return f"rewrites {work.table}{_with(work.indexes)}"


def shorter(work: Work, size: Size) -> str:
    """`about 6 s if the hnsw index is dropped first`; nothing where that makes no great difference."""
    quick = tuple(index for index in work.indexes if index.method not in _GRAPHS)
    before, after = seconds(work, size), seconds(replace(work, indexes=quick), size)
    if work.kind != "rewrites" or before < max(_WORTH_TELLING_SECONDS, 2 * after):
        return ""
    return f"{duration(after)} if the hnsw index is dropped first (the set drop_hnsw does that for memories)"


def who_waits(work: Work, table: str) -> str:
    """`nobody can write to memories meanwhile`"""
    return f"nobody can {'read or write' if work.blocks == 'reads and writes' else 'write to'} {table} meanwhile"


def _with(indexes: tuple[Index, ...]) -> str:
    if not indexes:
        return ""
    slow = sorted(index.method for index in indexes if index.method in _ROWS_INDEXED)
    return f", with {count(len(indexes), 'index')}" + (f", among them {listed(slow)}" if slow else "")


def _seconds_of_indexes(indexes: Iterable[Index], rows: int) -> float:
    return sum(rows / _ROWS_INDEXED.get(index.method, _ROWS_INDEXED_OTHERWISE) for index in indexes)
