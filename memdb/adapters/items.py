"""How an item of LangGraph's is kept: as a memory for each text that it is found by, and at least one.

Each has all of the item in its metadata, under one key, so that any of them answers a search by itself. A namespace is
kept as an object of its labels by their places, since jsonb has a question for what an object contains, and none for
what a list begins with.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from langgraph.store.base import Item, MatchCondition, SearchItem

from memdb.adapters.keys import LANGGRAPH
from memdb.errors import InvalidMemory
from memdb.schemas import Where
from memdb.values import MAXIMUM_CONTENT

Namespace = tuple[str, ...]


class Address(NamedTuple):
    """Where an item is."""

    namespace: Namespace
    key: str

    def id(self, root: UUID) -> UUID:
        """Of the memory that is there whatever the item is found by. `root` is the user's."""
        return uuid5(root, json.dumps([*self.namespace, self.key]))

    def ids(self, root: UUID, texts: int) -> list[UUID]:
        """Of the memories of an item that is found by so many texts."""
        first = self.id(root)
        return [first, *(uuid5(first, str(place)) for place in range(1, texts))][:texts]


class Lifetime(NamedTuple):
    """The memories of an item, and how long it is there after it was put, or read; None: until it is deleted."""

    ids: list[UUID]
    length: timedelta | None


class Put(NamedTuple):
    """What is put at an address, the texts that it is found by, and in how many minutes it expires.

    No value: it is to be deleted. No ttl: it does not expire.
    """

    value: dict[str, Any] | None
    texts: list[str]
    ttl: float | None = None

    @property
    def contents(self) -> list[str]:
        """What its memories say: an item that is not found by its texts is a memory, too.

        A text that is longer than a memory is cut. All of it is in the value, and all of it was embedded.
        """
        if self.value is None:
            return []
        texts = self.texts or [json.dumps(self.value, ensure_ascii=False, default=str)]
        return [text[:MAXIMUM_CONTENT] for text in texts]


def put_for(address: Address, put: Put, root: UUID) -> Lifetime:
    return Lifetime(address.ids(root, len(put.contents)), _minutes(put.ttl))


def written(address: Address, put: Put, now: datetime, ids: Sequence[UUID], place: int) -> dict[str, Any]:
    """The metadata of the memory for one of the texts of an item."""
    item = {
        "namespace": _by_place(address.namespace),
        "key": address.key,
        "value": put.value,
        "updated_at": now.isoformat(),
        "item": str(ids[0]),
        "texts": len(ids),
        "text": place,
    }
    return {LANGGRAPH: item if put.ttl is None else item | {"ttl": put.ttl}}


def read(memory: Any) -> Item:
    kept = memory.extra_data[LANGGRAPH]
    return Item(**_parts(kept), created_at=memory.created_at)


def found(memory: Any, score: float | None = None) -> SearchItem:
    kept = memory.extra_data[LANGGRAPH]
    return SearchItem(**_parts(kept), created_at=memory.created_at, score=score)


def lifetime(memory: Any, root: UUID) -> Lifetime:
    kept = memory.extra_data[LANGGRAPH]
    address = Address(namespace(kept["namespace"]), kept["key"])
    return Lifetime(address.ids(root, kept["texts"]), _minutes(kept.get("ttl")))


def _minutes(ttl: float | None) -> timedelta | None:
    return None if ttl is None else timedelta(minutes=ttl)


def item_of(memory: Any) -> str:
    """The same for all memories of an item."""
    return str(memory.extra_data[LANGGRAPH]["item"])


def namespace(kept: Mapping[str, str]) -> Namespace:
    return tuple(kept[str(place)] for place in range(len(kept)))


def _parts(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespace": namespace(kept["namespace"]),
        "key": kept["key"],
        "value": kept["value"],
        "updated_at": datetime.fromisoformat(kept["updated_at"]),
    }


def _by_place(labels: Sequence[str]) -> dict[str, str]:
    return {str(place): label for place, label in enumerate(labels)}


def asked(prefix: Sequence[str], filter: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[Where]]:
    """What metadata of items contain whose namespace begins so, and what else has to hold for them.

    Raises InvalidMemory for operators that there are none of.
    """
    contained, where = _split(filter or {}, (LANGGRAPH, "value"))
    return {"namespace": _by_place(prefix), "value": contained}, where


def _split(filter: Mapping[str, Any], at: tuple[str, ...]) -> tuple[dict[str, Any], list[Where]]:
    contained: dict[str, Any] = {}
    where: list[Where] = []
    for key, value in filter.items():
        path = (*at, key)
        has_operators = isinstance(value, Mapping) and any(name.startswith("$") for name in value)
        operators = dict(value) if has_operators else {"$eq": value}
        if "$eq" in operators:
            wanted = operators.pop("$eq")
            if isinstance(wanted, Mapping):
                contained[key], further = _split(wanted, path)
                where += further
            elif wanted is None:
                where.append(Where(path, exists=False))
            else:
                contained[key] = wanted
        where += [_compared(path, name, operand) for name, operand in operators.items()]
    return contained, where


def _compared(path: tuple[str, ...], name: str, operand: Any) -> Where:
    if name not in ("$ne", "$gt", "$gte", "$lt", "$lte"):
        raise InvalidMemory(
            f"a filter has the operator {name[:60]!r}", hint="There are $eq, $ne, $gt, $gte, $lt and $lte."
        )
    if name == "$ne" and operand is None:
        return Where(path, exists=True)
    return Where(path, **{name.removeprefix("$"): operand})


def matches(namespace: Namespace, condition: MatchCondition) -> bool:
    """Whether a namespace begins, or ends, with a path, in which `*` stands for any one label."""
    path = tuple(condition.path)
    if condition.match_type == "suffix":
        path, namespace = path[::-1], namespace[::-1]
    return len(path) <= len(namespace) and all(
        wanted in ("*", label) for wanted, label in zip(path, namespace, strict=False)
    )
