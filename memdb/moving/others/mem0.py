"""What `get_all` of mem0 gives, of its package and of its platform: https://docs.mem0.ai/cookbooks/essentials/exporting-memories"""

from collections.abc import Iterator
from typing import Any

from memdb.moving.others.memory import Memory, identifier, rest

NOTES = ()


def records(document: Any) -> list[Any] | None:
    """The memories in it; None for what is nothing of mem0's. Earlier versions gave the list alone."""
    found = document.get("results") if isinstance(document, dict) else document
    is_ours = isinstance(found, list) and all(
        isinstance(each, dict) and {"id", "memory"} <= each.keys() for each in found
    )
    return found if is_ours else None


def memories(records: list[Any], _: str | None) -> Iterator[Memory]:
    """A memory for each."""
    for each in records:
        told = rest(each, "id", "memory", "user_id", "created_at", "metadata", "score")
        yield Memory(
            id=identifier("mem0", str(each["id"])),
            content=str(each["memory"] or ""),
            user=each.get("user_id"),
            created_at=each.get("created_at"),
            metadata=(each.get("metadata") or {}) | ({"mem0": told} if told else {}),
        )
