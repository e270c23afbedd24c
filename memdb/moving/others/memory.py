"""A memory as another system had it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5


@dataclass(frozen=True, slots=True)
class Memory:
    """`user` and `created_at` are None where the system does not say them; `created_at` is as it is written there.

    From `expires_at` on, the system did not find it any more; nor does it where `is_deleted`.
    """

    id: UUID
    content: str
    user: str | None = None
    created_at: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    is_deleted: bool = False


def identifier(system: str, id: str) -> UUID:
    """The UUID that it is, or ends in; else one that follows from it."""
    try:
        return UUID(id[-36:])
    except ValueError:
        return uuid5(NAMESPACE_URL, f"{system}:{id}")


def rest(record: Mapping[str, Any], *taken: str) -> dict[str, Any]:
    """What else a record says, but for what it leaves open."""
    return {name: value for name, value in record.items() if name not in taken and value not in (None, [], {})}
