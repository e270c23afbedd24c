"""The parts that memories consist of on disk, for each way of keeping them."""

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from memdb.capacity import layout
from memdb.capacity.demand import Demand
from memdb.capacity.layout import Column, btree, heap, text
from memdb.project import shipping
from memdb.shape import Shape
from memdb.signature import Signature

_UUID, _TIME, _ENUM, _FLOAT = (16.0, 1), (8.0, 8), (4.0, 4), (8.0, 8)
_SHA256 = text(32)
_VARIES = 0.3  # of content and metadata, their standard deviation
_WORD_ENTRIES = 2.3  # bytes of the index of words for each byte of content: as measured on texts of `memdb seed`


Warm: TypeAlias = Literal["all", "active", "compared", "no"]


@dataclass(frozen=True, slots=True)
class Part:
    """A table or an index, with the bytes that it takes for each memory; `of` names the set that it comes from.

    `warm` is how much of it searches and writes read again and again, so that it should be in memory: all rows of users
    who are active, or as many of theirs as search_memories compares by distance; all of an HNSW index, in which every
    user's memories lie among everybody else's; or next to nothing, as of an index that no search reads.
    """

    name: str
    kind: str
    bytes: float
    of: str = "core"
    warm: Warm = "no"


def parts(demand: Demand) -> tuple[Part, ...]:
    """All parts, those of `core` first. Tables beside `memories` are reckoned as if every memory had a row there."""
    found = [*_memories(demand), *_indexes(demand), *_users(demand)]
    for name in dict.fromkeys(demand.sets):
        found += OF_SETS[name](demand)
    return tuple(found)


def vector_bytes(shape: Shape) -> int:
    """Of an embedding: a header of 8 bytes, then 4 for each number, or 2 at half precision."""
    return 8 + shape.dimensions * (2 if shape.embedding_type == "halfvec" else 4)


def _memories(demand: Demand) -> Iterator[Part]:
    warm: Warm = "compared" if "fast_search" in demand.sets else "active"
    moved, sizes = outside(demand), _sizes(demand)
    spread = _VARIES * math.hypot(*(sizes[name] for name in ("content", "metadata") if name not in moved))
    yield Part("memories", "table", heap(_row(demand, moved), spread), warm=warm)
    if moved:
        values, indexed = zip(*(layout.toast(sizes[name]) for name in moved), strict=True)
        yield Part("TOAST of memories", "toast", sum(values), warm=warm)
        yield Part("index of TOAST", "btree", sum(indexed), warm=warm)


def outside(demand: Demand) -> tuple[str, ...]:
    """What of a memory is moved out of its row, the largest first, until the row is small enough.

    That is 2 kB, or where fast_search keeps embeddings in their rows, a page. What compression saves is not reckoned.
    """
    stays = "fast_search" in demand.sets and shipping.is_inline(demand.shape)
    sizes = _sizes(demand)
    order = sorted(sizes.keys() - ({"embedding"} if stays else set()), key=lambda name: -sizes[name])
    most = layout.INLINE_TARGET if stays else layout.TOASTED_FROM
    moved: list[str] = []
    while order and _row(demand, moved) > most:
        moved.append(order.pop(0))
    return tuple(moved)


def _sizes(demand: Demand) -> dict[str, float]:
    return {
        "embedding": vector_bytes(demand.shape),
        "content": demand.content_bytes,
        "metadata": demand.metadata_bytes,
    }


def _row(demand: Demand, moved: Collection[str]) -> float:
    """Of the table `memories`, with pointers to what was moved."""
    pointer: Column = (layout.TOAST_POINTER, 1)
    columns: list[Column] = [_UUID, _UUID, _ENUM, text(demand.content_bytes), (vector_bytes(demand.shape), 4)]
    columns += [text(demand.metadata_bytes), _TIME, _TIME]
    for place, name in ((3, "content"), (4, "embedding"), (5, "metadata")):
        columns[place] = pointer if name in moved else columns[place]
    return layout.row([*columns, *[(signature_bytes(demand.shape), 4)] * ("fast_search" in demand.sets)])


def _indexes(demand: Demand) -> Iterator[Part]:
    if "citus" in demand.sets:
        yield Part("memories_pkey", "btree", btree([_UUID, _UUID]), warm="active")
        yield Part("ix_memories_id", "btree", btree([_UUID]), of="citus")
    else:
        yield Part("memories_pkey", "btree", btree([_UUID]), warm="active")
    yield Part("ix_memories_user_id", "btree", btree([_UUID], alike=demand.memories_per_user), warm="active")
    yield Part("ix_memories_memory_type", "btree", btree([_ENUM], layout.BUILT, alike=demand.memories / 3))
    yield Part("ix_memories_created_at", "btree", btree([_TIME]))
    yield Part("ix_memories_accessed_at", "btree", btree([_TIME]))
    if has_graph(demand):
        yield Part("ix_memories_embedding", "hnsw", layout.hnsw(vector_bytes(demand.shape)), warm="all")


def has_graph(demand: Demand) -> bool:
    """Whether there is an HNSW index."""
    return demand.shape.is_indexed and "drop_hnsw" not in demand.sets


def signature_bytes(shape: Shape) -> int:
    """Of the bits by which fast_search compares: two headers of 4 bytes before them."""
    return 8 + Signature.of(shape.dimensions).bits // 8


def _users(demand: Demand) -> Iterator[Part]:
    each = 1 / demand.memories_per_user
    yield Part("users", "table", each * (heap(layout.row([_UUID, _TIME])) + btree([_UUID])))


def _nothing(_: Demand) -> Iterator[Part]:
    """Of sets that add functions or policies, or rows now and then: what is archived counts as a memory."""
    yield from ()


def _signatures(demand: Demand) -> Iterator[Part]:
    yield Part("ix_memories_signature", "btree", signature_index(demand.shape), of="fast_search", warm="active")


def signature_index(shape: Shape) -> float:
    """Bytes for each memory of the index that search_memories reads."""
    return btree([_UUID, _UUID, _ENUM, (signature_bytes(shape), 4)])


def _one_index(name: str, key: list[Column], of: str, _: Demand) -> Iterator[Part]:
    yield Part(name, "btree", btree(key), of=of)


def _words(demand: Demand) -> Iterator[Part]:
    yield Part("ix_memories_words", "gin", demand.content_bytes * _WORD_ENTRIES, of="hybrid_search")


def _beside(
    name: str, of: str, columns: list[Column], keys: list[list[Column]], fill: float, _: Demand
) -> Iterator[Part]:
    yield Part(name, "table", heap(layout.row(columns), fill=fill) + sum(map(btree, keys)), of=of)


def _several(*parts: Callable[[Demand], Iterator[Part]]) -> Callable[[Demand], Iterator[Part]]:
    def all_parts(demand: Demand) -> Iterator[Part]:
        for part in parts:
            yield from part(demand)

    return all_parts


OF_SETS: dict[str, Callable[[Demand], Iterator[Part]]] = {
    "fast_search": _signatures,
    "hybrid_search": _words,
    "importance": partial(
        _beside, "memory_importance", "importance", [_UUID, _FLOAT, (8.0, 8), _TIME], [[_UUID]], 0.5
    ),
    "retention": _several(
        partial(_one_index, "ix_memories_idle", [_ENUM, _TIME, _UUID, _UUID], "retention"),
        partial(
            _beside, "memory_retention", "retention", [_UUID, _UUID, _TIME, (1.0, 1), _TIME],
            [[_UUID], [_UUID, _TIME], [_TIME]], 1.0,
        ),
    ),
    "embeddings": partial(
        _beside, "memory_embedding_sources", "embeddings", [_UUID, text(22), _SHA256, _SHA256], [[_UUID]], 1.0
    ),
    "collections": _several(
        partial(_one_index, "ix_memories_id_user_id", [_UUID, _UUID], "collections"),
        partial(
            _beside, "memory_collection_members", "collections", [_UUID, _UUID, _UUID, _TIME],
            [[_UUID, _UUID], [_UUID]], 1.0,
        ),
    ),
    "deduplication": partial(_one_index, "ix_memories_content_key", [_UUID, _UUID], "deduplication"),
    "consolidation": partial(_one_index, "ix_memories_consolidation", [_UUID, _ENUM, _TIME, _UUID], "consolidation"),
    **dict.fromkeys(
        ("core", "archive", "citus", "drop_hnsw", "erasure", "force_row_security", "row_security"), _nothing
    ),
}  # fmt: skip
