"""What the values of a memory may be: one set of rules for models, schemas, the store and files.

Whatever cannot be right raises InvalidMemory, which names the field. What SQL accepts beyond these rules is in
docs/models.md.
"""

from memdb.shape import UserKey
from memdb.values.embeddings import DIMENSIONS, Vectors, embedding, unusable
from memdb.values.filters import Filter, Where, conditions, entries, filtered
from memdb.values.identifiers import identifier, user_id
from memdb.values.metadata import MAXIMUM_DEPTH, json_object, metadata, stored_metadata
from memdb.values.texts import MAXIMUM_CONTENT, collection_type, content, description, name, text
from memdb.values.tiers import TIERS, MemoryType, stored_tier, tier
from memdb.values.times import EARLIEST, LATEST, stored_time, time

__all__ = [
    "DIMENSIONS",
    "EARLIEST",
    "LATEST",
    "MAXIMUM_CONTENT",
    "MAXIMUM_DEPTH",
    "TIERS",
    "Filter",
    "MemoryType",
    "UserKey",
    "Vectors",
    "Where",
    "collection_type",
    "conditions",
    "content",
    "description",
    "embedding",
    "entries",
    "filtered",
    "identifier",
    "json_object",
    "metadata",
    "name",
    "stored_metadata",
    "stored_tier",
    "stored_time",
    "text",
    "tier",
    "time",
    "unusable",
    "user_id",
]
