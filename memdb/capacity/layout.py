"""How many bytes a row takes in a table, in TOAST and in indexes, from the layout of PostgreSQL's pages and pgvector's.

Pages and rows: https://www.postgresql.org/docs/current/storage-page-layout.html
TOAST: https://www.postgresql.org/docs/current/storage-toast.html
B-trees with posting lists: https://www.postgresql.org/docs/current/btree.html#BTREE-DEDUPLICATION
HNSW: `HnswElementTupleData` and `HnswNeighborTupleData` in https://github.com/pgvector/pgvector/blob/v0.8.1/src/hnsw.h
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

PAGE = 8192
_PAGE_HEADER, _ITEM = 24, 4
_IN_HEAP = PAGE - _PAGE_HEADER
_IN_BTREE = PAGE - _PAGE_HEADER - 16  # BTPageOpaqueData
_IN_HNSW = PAGE - _PAGE_HEADER - 8  # HnswPageOpaqueData
_ROW_HEADER = 24  # 23, and a bitmap of nulls for up to eight columns
_TID = 6
TOASTED_FROM = 2032  # bytes of a row: TOAST_TUPLE_THRESHOLD, a quarter of a page
INLINE_TARGET = 8160  # the toast_tuple_target of fast_search
TOAST_POINTER = 18
_CHUNK, _CHUNK_HEADER = 1996, 36  # TOAST_MAX_CHUNK_SIZE; row header, chunk_id, chunk_seq, length
_HIGH_KEY = 28  # which each leaf begins with, of 16 bytes: included columns are not in it
_POSTED = 1352  # bytes of a posting list at most: half of what an index row may have, BTMaxItemSize
BUILT, GROWN = 0.9, math.log(2)
"""How full the leaves of a B-tree are: as it was built, or where keys came in any order (A. C. Yao, 1978)."""

Column = tuple[float, int]
"""Bytes, and what they are aligned to."""


def aligned(size: float, to: int = 8) -> float:
    """The next multiple: nothing of a fraction is left, as sizes may be means."""
    return math.ceil(size / to - 1e-9) * to


def text(length: float) -> Column:
    """A value of varying length: a header of one byte up to 126, else of four."""
    return (length + 1, 1) if length <= 126 else (length + 4, 4)


def row(columns: Iterable[Column]) -> float:
    """A row in a table, without its line pointer."""
    return aligned(_ROW_HEADER + _beside_each_other(columns))


def _beside_each_other(columns: Iterable[Column]) -> float:
    size = 0.0
    for length, alignment in columns:
        size = aligned(size, alignment) + length
    return size


def heap(row_bytes: float, spread: float = 0.0, fill: float = 1.0) -> float:
    """Bytes of a table for each row, where rows have this mean and standard deviation.

    A page takes rows as long as the next one fits, so the rows it has are the mean of a renewal process: the sum over
    k of the probability that k rows fit. `fill` is the table's fillfactor.
    """
    each, room = row_bytes + _ITEM, _IN_HEAP * fill
    if spread <= 0:
        return PAGE / max(room // each, 1)
    most = math.ceil(room / max(each - 3 * spread, 1)) + 1
    fits = (NormalDist(k * each, math.sqrt(k) * spread).cdf(room) for k in range(1, most + 1))
    return PAGE / max(sum(fits), 1.0)


def toast(value_bytes: float) -> tuple[float, float]:
    """What a value that was moved out of its row takes in the TOAST table, and in the index of that.

    Chunks go into a page as long as the next one fits. No value of an embedding can be compressed: its type says so.
    """
    full, rest = divmod(value_bytes - 4, _CHUNK)
    chunks = [float(_CHUNK)] * int(full) + [rest] * (rest > 0)
    sizes = [aligned(_CHUNK_HEADER + chunk) + _ITEM for chunk in chunks]
    values = 200
    return PAGE * _pages(sizes * values) / values, len(chunks) * btree([(4, 4), (4, 4)], BUILT)


def _pages(sizes: Sequence[float]) -> int:
    pages, left = 0, 0.0
    for size in sizes:
        if size > left:
            pages, left = pages + 1, float(_IN_HEAP)
        left -= size
    return pages


def btree(key: Iterable[Column], fill: float = GROWN, *, alike: float = 1.0) -> float:
    """Bytes of a B-tree for each row; `alike` rows have the same key, which is then stored once for a list of rows."""
    alone = 8 + aligned(_beside_each_other(key))
    listed = max(min(alike, (_POSTED - alone) // _TID), 1.0)
    entry = alone if listed < 2 else aligned(alone + listed * _TID)
    per_leaf = max((_IN_BTREE * fill - _HIGH_KEY) / (entry + _ITEM), 1.0)
    above = 1 + 1 / (_IN_BTREE * 0.7 / (alone + _ITEM) - 1)  # inner pages are filled to 70 %
    return PAGE / per_leaf / listed * above


def hnsw(vector_bytes: float, m: int = 16) -> float:
    """Bytes of pgvector's HNSW index for each embedding: its element and its neighbours, in one page if they fit.

    The lowest layer has 2 m neighbours; each further one has m, and holds one in m of the elements below it.
    """
    element = aligned(72 + vector_bytes) + _ITEM
    neighbours = aligned(4 + (2 * m + m / (m - 1)) * _TID) + _ITEM
    both = element + neighbours
    if both > _IN_HNSW:
        return PAGE + PAGE / (_IN_HNSW // neighbours)
    return PAGE / (_IN_HNSW // both)


def graph(vector_bytes: float, m: int = 16) -> float:
    """Bytes of memory for each embedding while such an index is built (`maintenance_work_mem`).

    A neighbour is a pointer with its distance, 16 bytes; 136 are the element itself and the lists' own.
    """
    return aligned(vector_bytes) + 16 * (2 * m + m / (m - 1)) + 136
