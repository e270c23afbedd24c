"""The ids of memories, users and collections."""

from typing import Any
from uuid import UUID

from memdb.errors import InvalidMemory


def identifier(value: Any, name: str = "id") -> UUID:
    """The UUID that it is, or writes out. `name` is what an error calls it."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (TypeError, ValueError, AttributeError):
        raise InvalidMemory(
            f"{name} must be a UUID, and is {type(value).__name__}: it identifies nothing", hint="Give it a uuid.UUID."
        ) from None
