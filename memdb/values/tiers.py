"""The tiers of memories."""

from enum import Enum
from typing import Any

from memdb.errors import InvalidMemory


class MemoryType(str, Enum):  # noqa: UP042  format() of a StrEnum differs, and callers of the schema know this one
    """The tier of a memory, which decides how long it is kept."""

    PERSONAL = "personal"
    PROJECT = "project"
    TASK = "task"


TIERS = tuple(member.value for member in MemoryType)


def tier(value: Any) -> MemoryType:
    """The tier of that name."""
    try:
        return MemoryType(value)
    except ValueError:
        raise InvalidMemory(f"there is no tier {repr(value)[:60]}", hint=f"Tiers are: {', '.join(TIERS)}.") from None


def stored_tier(name: str) -> MemoryType:
    """The tier of a memory that is read."""
    try:
        return MemoryType(name)
    except ValueError:
        raise InvalidMemory(
            f"the tier of a memory is {repr(name)[:60]}, which memdb does not know: another program has added it",
            hint="See how many there are: select memory_type, count(*) from memories group by memory_type",
        ) from None
