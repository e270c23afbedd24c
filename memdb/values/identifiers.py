"""The ids of memories, users and collections."""

from operator import index
from typing import Any, Final, SupportsIndex
from uuid import UUID

from memdb.errors import InvalidMemory
from memdb.shape import DEFAULT, UserKey, Users
from memdb.values.texts import text

_RANGES: Final = {"bigint": 2**63, "integer": 2**31}


def identifier(value: Any, name: str = "id") -> UUID:
    """The UUID that it is, or writes out. `name` is what an error calls it."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (TypeError, ValueError, AttributeError):
        raise InvalidMemory(
            f"{name} must be a UUID, but is {type(value).__name__}: it identifies nothing", hint="Give it a uuid.UUID."
        ) from None


def user_id(value: Any, users: Users = DEFAULT.users) -> UserKey:
    """The id of a user as their table has it: a UUID, a whole number, or a text."""
    if users.python_type is UUID:
        return identifier(value, "user_id")
    return _number(value, users.key_type) if users.python_type is int else _text(value, users.longest)


def _number(value: Any, type_of_key: str) -> int:
    """Truth values are whole numbers to Python, and nobody's id."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise InvalidMemory(
            f"user_id must be a whole number, but is {type(value).__name__}: it identifies nobody",
            hint="Give it an int.",
        )
    number = index(value)
    if not -_RANGES[type_of_key] <= number < _RANGES[type_of_key]:
        raise InvalidMemory(f"user_id is {number}, which no {type_of_key} can be", hint="Is this the id of a user?")
    return number


def _text(value: Any, longest: int | None) -> str:
    key = text(value, "user_id", longest, blank=True)
    if not key:
        raise InvalidMemory("user_id is empty: it identifies nobody", hint="Give it the id of the user.")
    return key
