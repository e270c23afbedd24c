"""Items of a store of LangGraph: what `Item.dict()` gives, or rows of the table `store` of its PostgresStore as JSON.

https://reference.langchain.com/python/langgraph/store. They become what memdb's own store of LangGraph keeps
(memdb.adapters.langgraph), which finds them by their namespaces and keys.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from memdb.adapters.keys import LANGGRAPH
from memdb.moving.others.memory import Memory
from memdb.values import MAXIMUM_CONTENT


def records(document: Any) -> list[Any] | None:
    """The items in it; None for what is nothing of LangGraph's."""
    is_ours = isinstance(document, list) and all(isinstance(each, dict) and _is_item(each) for each in document)
    return document if is_ours else None


def memories(records: list[Any], user: str | None) -> Iterator[Memory]:
    """A memory for each, of which the user is to be given: a namespace is only a path."""
    root = uuid5(NAMESPACE_URL, f"{LANGGRAPH}:{_canonical(user)}")
    for each in records:
        namespace = each["namespace"] if "namespace" in each else each["prefix"].split(".")
        id = uuid5(root, json.dumps([*namespace, each["key"]]))
        item = {
            "namespace": {str(place): label for place, label in enumerate(namespace)},
            "key": each["key"],
            "value": each["value"],
            "updated_at": each.get("updated_at") or each["created_at"],
            "item": str(id),
            "texts": 1,
            "text": 0,
        }
        content = json.dumps(each["value"], ensure_ascii=False)[:MAXIMUM_CONTENT]
        yield Memory(id, content, None, each["created_at"], {LANGGRAPH: item}, _time(each.get("expires_at")))


def notes(_: Any) -> tuple[str, ...]:
    """Nothing is left out."""
    return ()


def _time(written: str | None) -> datetime | None:
    found = None if written is None else datetime.fromisoformat(written)
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _is_item(record: dict[str, Any]) -> bool:
    return {"key", "value", "created_at"} <= record.keys() and ("namespace" in record or "prefix" in record)


def _canonical(user: str | None) -> str | None:
    """As a database writes it, where it is a UUID."""
    try:
        return str(UUID(user))
    except (TypeError, ValueError):
        return user
