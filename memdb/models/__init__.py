"""SQLAlchemy models of the schema, and mixins for an application's own. Needs the extra `orm`.

The SQL files are the only source of the schema: models read and write its tables, and never create or drop them.
"""

from memdb.models.tables import Base, Memory, MemoryCollection, MemoryCollectionMixin, MemoryMixin, User, UserMixin
from memdb.values import DIMENSIONS, MAXIMUM_CONTENT, MemoryType

__all__ = [
    "DIMENSIONS",
    "MAXIMUM_CONTENT",
    "Base",
    "Memory",
    "MemoryCollection",
    "MemoryCollectionMixin",
    "MemoryMixin",
    "MemoryType",
    "User",
    "UserMixin",
]
