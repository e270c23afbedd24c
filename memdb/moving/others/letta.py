"""Archival memories of a Letta agent, and the blocks of an agent file (.af).

https://docs.letta.com/guides/agents/archival-export, https://docs.letta.com/guides/core-concepts/agent-file
"""

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from memdb.moving.others.memory import Memory, identifier, rest


def records(document: Any) -> list[Any] | None:
    """Its passages or blocks; None for what is nothing of Letta's."""
    if isinstance(document, dict):
        if not {"agents", "blocks"} <= document.keys():
            return None
        names = sorted(str(agent.get("name")) for agent in document["agents"])
        return [block | {"agents": names, "made": document.get("created_at")} for block in document["blocks"]]
    is_ours = isinstance(document, list) and all(isinstance(each, dict) and _is_passage(each) for each in document)
    return document if is_ours else None


def memories(records: list[Any], user: str | None) -> Iterator[Memory]:
    """A memory for each."""
    for each in records:
        yield _of_passage(each) if _is_passage(each) else _of_block(each, user)


def notes(document: Any) -> tuple[str, ...]:
    """What of an agent file is no memory."""
    if isinstance(document, dict):
        return ("Of an agent file, memories are its blocks; messages, tools and files are left out.",)
    return ()


def _is_passage(record: dict[str, Any]) -> bool:
    return "text" in record and str(record.get("id", "")).startswith("passage-")


def _of_passage(record: dict[str, Any]) -> Memory:
    taken = ("id", "text", "created_at", "metadata", "embedding", "embedding_config", "is_deleted")
    told = (record.get("metadata") or {}) | {"letta": rest(record, *taken)}
    return Memory(
        id=identifier("letta", record["id"]),
        content=str(record["text"] or ""),
        created_at=record.get("created_at"),
        metadata=told,
        is_deleted=bool(record.get("is_deleted")),
    )


def _of_block(record: dict[str, Any], user: str | None) -> Memory:
    """Blocks have ids that count from 0 in each file. The same agent's block of that name is the same memory."""
    label = str(record.get("label"))
    told = {"label": label, "agents": record["agents"]} | rest({"description": record.get("description")})
    id = uuid5(NAMESPACE_URL, f"letta:{user}:{record['agents']}:{label}:{record.get('id')}")
    metadata = (record.get("metadata") or {}) | {"letta": told}
    return Memory(id, str(record.get("value") or ""), None, record["made"], metadata)
