"""Memories that a search found, as an application gets them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

from typing_extensions import TypeVar

from memdb import values
from memdb.values import MemoryType

UserId = TypeVar("UserId", default=UUID)


@dataclass(frozen=True, slots=True)
class Found(Generic[UserId]):
    """A memory without its embedding."""

    id: UUID
    user_id: UserId
    memory_type: MemoryType
    content: str
    extra_data: dict[str, Any] | None
    created_at: datetime
    accessed_at: datetime


@dataclass(frozen=True, slots=True)
class Neighbour(Found[UserId]):
    """A memory that is near to an embedding. `distance` is the cosine distance, 0 to 2."""

    distance: float


@dataclass(frozen=True, slots=True)
class Match(Found[UserId]):
    """A memory that was found by meaning, by words, or by both.

    `distance` is the cosine distance, 0 to 2, and `vector_rank` the place by it, from 1; `word_score` and `word_rank`
    are the same by the `words` that were found. What found it not is None. `score` is what the order goes by.
    """

    distance: float | None
    score: float
    vector_rank: int | None
    word_score: float | None
    word_rank: int | None
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recalled(Found[UserId]):
    """A memory that was weighed: `score` is relevance × recency_factor × importance_factor.

    `distance` is the cosine distance, 0 to 2; `relevance`, `recency` and `importance` are 0 to 1. `recency` is None for
    what does not fade, and its factor is 1 then. `recalls` have been noted, the last one at `recalled_at`.
    """

    distance: float
    score: float
    relevance: float
    recency: float | None
    recency_factor: float
    importance: float
    importance_factor: float
    recalls: int
    recalled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """A memory as it held from `valid_from` until `valid_to`; what holds today has no `valid_to`.

    What is archived says why: superseded, merged or pruned, and `replaced_by` which memory.
    """

    id: UUID
    memory_type: MemoryType
    content: str
    valid_from: datetime
    valid_to: datetime | None
    reason: str | None
    replaced_by: UUID | None


@dataclass(frozen=True, slots=True)
class Archived(Version):
    """An archived memory that is near to an embedding. `distance` is the cosine distance, 0 to 2."""

    extra_data: dict[str, Any] | None
    distance: float


@dataclass(frozen=True, slots=True)
class Restored:
    """A memory that came back from the archive, with why it was there, and the memory that had replaced it."""

    id: UUID
    reason: str
    replaced_by: UUID | None
    has_embedding: bool


def neighbour(row: Sequence[Any]) -> Neighbour[Any]:
    """From a row of sql/queries/store.sql."""
    *_, distance = row
    return Neighbour(**_found(row), distance=distance)


def match(row: Sequence[Any]) -> Match[Any]:
    """From a row of sql/queries/retrieval.sql."""
    *_, distance, score, vector_rank, word_score, word_rank, words = row
    return Match(
        **_found(row),
        distance=distance,
        score=score,
        vector_rank=vector_rank,
        word_score=word_score,
        word_rank=word_rank,
        words=tuple(words or ()),
    )


def recalled(row: Sequence[Any]) -> Recalled[Any]:
    """From a row of `weighed` in sql/queries/retrieval.sql."""
    weighed = [field.name for field in fields(Recalled)][len(fields(Found)) :]
    return Recalled(**_found(row), **dict(zip(weighed, row[-len(weighed) :], strict=True)))


def version(row: Sequence[Any]) -> Version:
    """From a row of `versions` in sql/queries/archive.sql."""
    id, tier, *rest = row
    return Version(id, values.stored_tier(tier), *rest)


def archived(row: Sequence[Any]) -> Archived:
    """From a row of `archived` in sql/queries/archive.sql."""
    *of_version, metadata, distance = row
    extra_data = None if metadata is None else values.stored_metadata(metadata)
    return Archived(**asdict(version(of_version)), extra_data=extra_data, distance=distance)


def _found(row: Sequence[Any]) -> dict[str, Any]:
    id, user_id, tier, content, metadata, created_at, accessed_at, *_ = row
    return {
        "id": id,
        "user_id": user_id,
        "memory_type": values.stored_tier(tier),
        "content": content,
        "extra_data": None if metadata is None else values.stored_metadata(metadata),
        "created_at": created_at,
        "accessed_at": accessed_at,
    }
