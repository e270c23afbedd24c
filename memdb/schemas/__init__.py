"""Pydantic schemas of what goes into memories and comes out of them. Needs the extra `orm`.

`extra_data` is called `metadata` in JSON, which is the column's name and one that SQLAlchemy keeps for itself.
"""

from memdb.schemas.collections import MemoryCollectionCreate, MemoryCollectionResponse, MemoryCollectionUpdate
from memdb.schemas.memories import (
    MemoryCreate,
    MemoryQuery,
    MemoryResponse,
    MemorySimilarityQuery,
    MemoryUpdate,
    MemoryVersion,
    MemoryWithDistance,
)
from memdb.schemas.metadata import ConversationMetadata, GoalMetadata, MemoryMetadata, StressorMetadata
from memdb.values import Where

__all__ = [
    "ConversationMetadata",
    "GoalMetadata",
    "MemoryCollectionCreate",
    "MemoryCollectionResponse",
    "MemoryCollectionUpdate",
    "MemoryCreate",
    "MemoryMetadata",
    "MemoryQuery",
    "MemoryResponse",
    "MemorySimilarityQuery",
    "MemoryUpdate",
    "MemoryVersion",
    "MemoryWithDistance",
    "StressorMetadata",
    "Where",
]
