"""The tiers of memories."""

from enum import Enum
from typing import Any

from memdb.errors import InvalidMemory


class MemoryType(str, Enum):  # noqa: UP042  format() of a StrEnum differs, and callers of the schema know this one
    """The tier of a memory, which decides how long it is kept."""

    PERSONAL = "personal"
    PROJECT = "project"
    TASK = "task"


def tier(value: Any) -> MemoryType:
    """The tier of that name."""
    try:
        return MemoryType(value)
    except ValueError:
        names = ", ".join(member.value for member in MemoryType)
        raise InvalidMemory(f"there is no tier {repr(value)[:60]}", hint=f"Tiers are: {names}.") from None
