"""Collections: what makes one, what changes one, and what is shown of one."""

from typing import Annotated, Generic
from uuid import UUID

from pydantic import AfterValidator, Field

from memdb import values
from memdb.schemas.fields import Schema, ShownTime, not_null
from memdb.schemas.shapes import KeyOfUser, UserId

CollectionType = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(values.collection_type)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(values.name)]
Description = Annotated[str, AfterValidator(values.description)]


class MemoryCollectionCreate(Schema, Generic[UserId]):
    """A collection to be stored."""

    user_id: KeyOfUser[UserId]
    collection_type: CollectionType
    name: Name
    description: Description | None = None


class MemoryCollectionUpdate(Schema):
    """What is to change; what is not given stays."""

    collection_type: Annotated[CollectionType | None, not_null] = None
    name: Annotated[Name | None, not_null] = None
    description: Description | None = None


class MemoryCollectionResponse(Schema, Generic[UserId]):
    """A collection as it is shown."""

    id: UUID
    user_id: UserId
    collection_type: str
    name: str
    description: str | None
    created_at: ShownTime
