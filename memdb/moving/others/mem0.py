"""What `get_all` of mem0 gives, of its package and of its platform: https://docs.mem0.ai/cookbooks/essentials/exporting-memories"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from memdb.moving.others.memory import Memory, identifier, rest

_FEWEST_OF_GET_ALL = 20


def notes(document: Any) -> tuple[str, ...]:
    """What it says, or does not, of others that are not in it."""
    if isinstance(document, dict) and document.get("next"):
        return (f"This is one page of {document.get('count')} memories: import the other pages, too.",)
    if len(records(document) or ()) == _FEWEST_OF_GET_ALL:
        return ("These are 20, which is what get_all gives where top_k says nothing else: see whether there are more.",)
    return ()


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
            expires_at=_after(each.get("expiration_date")),
        )


def _after(last_day: Any) -> datetime | None:
    """As mem0 has it: found until the end of that day, in UTC; what is no date never expires."""
    try:
        day = datetime.fromisoformat(str(last_day)).replace(tzinfo=UTC)
    except ValueError:
        return None
    return day + timedelta(days=1)
