"""Memories: what makes one, what changes one, what is shown of one, and how to ask for them."""

from typing import Annotated, Any, Generic
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter

from memdb import values
from memdb.schemas.fields import Content, Schema, ShownTime, StoredTime, Time, extra_data, not_null
from memdb.schemas.metadata import Metadata
from memdb.schemas.shapes import Embedding, KeyOfUser, UserId, WithEmbedding
from memdb.values import MemoryType, Where


def _checked(patch: Any) -> Any:
    """What is to be set follows the rules of metadata; what is to be removed has no value to look at."""
    if not isinstance(patch, dict):
        return _METADATA.validate_python(patch)
    _METADATA.validate_python({key: value for key, value in patch.items() if value is not None})
    return patch


_METADATA: TypeAdapter[dict[str, Any]] = TypeAdapter(Metadata, config=ConfigDict(hide_input_in_errors=True))
Patch = Annotated[dict[str, Any], BeforeValidator(_checked)]
Tiers = Annotated[list[MemoryType], Field(min_length=1)]
Entries = Annotated[dict[Annotated[str, Field(strict=True)], Any], AfterValidator(values.entries)]
Conditions = Annotated[list[Where], BeforeValidator(values.conditions)]


class MemoryCreate(WithEmbedding, Generic[UserId]):
    """A memory to be stored. Without an embedding, it is not found by similarity until it gets one.

    An `id` of the caller's own makes a retry safe, and `created_at` is for what was said earlier than now.
    """

    id: UUID | None = None
    user_id: KeyOfUser[UserId]
    memory_type: MemoryType
    content: Content
    embedding: Embedding | None = None
    extra_data: Metadata = extra_data(default_factory=dict)
    created_at: StoredTime | None = None


class MemoryUpdate(WithEmbedding):
    """What is to change; what is not given stays, except the embedding of another text: that has to be given anew.

    Of the metadata, the keys that are given are set, and those given as null are removed, as a merge patch does it
    (RFC 7396) at the top level. Null instead of all metadata removes them.
    """

    memory_type: Annotated[MemoryType | None, not_null] = None
    content: Annotated[Content | None, not_null] = None
    embedding: Embedding | None = None
    extra_data: Patch | None = extra_data(default=None)


class MemoryResponse(Schema, Generic[UserId]):
    """A memory as it is shown: without its embedding, which is large and says nothing to a reader."""

    id: UUID
    user_id: UserId
    memory_type: MemoryType
    content: str
    extra_data: dict[str, Any] | None = extra_data()
    created_at: ShownTime
    accessed_at: ShownTime


class MemoryWithDistance(MemoryResponse[UserId], Generic[UserId]):
    """A memory that a search found, and its cosine distance: 0 is the same direction, 2 the opposite."""

    distance: float


class MemoryVersion(Schema):
    """A memory as it held for a time, and what replaced it: one of what `MemoryArchive.versions` returns.

    What holds today has no `valid_to`. `reason` is superseded, merged or pruned.
    """

    id: UUID
    memory_type: MemoryType
    content: str
    valid_from: ShownTime
    valid_to: ShownTime | None = None
    reason: str | None = None
    replaced_by: UUID | None = None


class MemoryQuery(Schema, Generic[UserId]):
    """Which memories of a user to list, newest first. Times include the first moment and exclude the last.

    Each entry of `extra_data` must be there and equal, or contain the list or object that is given; `false` also finds
    where the entry is missing or anything but true, null where it is missing. Each condition of `where` must hold.
    A `collection_id` needs the set collections.
    """

    user_id: KeyOfUser[UserId]
    memory_types: Tiers | None = None
    extra_data: Entries = extra_data(default_factory=dict)
    where: Conditions = Field(default_factory=list)
    collection_id: UUID | None = None
    created_from: Time | None = None
    created_before: Time | None = None
    accessed_before: Time | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0


class MemorySimilarityQuery(WithEmbedding, Generic[UserId]):
    """The memories of a user that are nearest to an embedding, by cosine distance, up to a maximum.

    `extra_data`, `where` and `collection_id` mean what they mean in a MemoryQuery.
    """

    user_id: KeyOfUser[UserId]
    embedding: Embedding
    memory_types: Tiers | None = None
    extra_data: Entries = extra_data(default_factory=dict)
    where: Conditions = Field(default_factory=list)
    collection_id: UUID | None = None
    max_distance: Annotated[float, Field(ge=0, le=2)] = 2.0
    limit: Annotated[int, Field(ge=1, le=1000)] = 5
