"""Filters by metadata find what they say, whatever is stored."""

import random
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.models import Memory, MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, Where
from memdb.store import MemoryStore

AHEAD = [1.0, *[0.0] * 1535]
KEYS = ("a", "b.c", "$d", 'e"\\', "ü😀")
SCALARS = (None, True, False, 0, 1, -1, 2.5, 1e20, 10**20, "", "a", "B", "ü", "😀", "2026-01-31T12:00:00Z")
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: one == other,
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
}


def value(draw: random.Random, deeper: int = 2) -> Any:
    kind = draw.random()
    if deeper and kind < 0.25:
        return {key: value(draw, deeper - 1) for key in draw.sample(KEYS, 2)}
    if deeper and kind < 0.4:
        return [value(draw, deeper - 1) for _ in range(draw.randrange(4))]
    return draw.choice(SCALARS)


def condition(draw: random.Random) -> Where:
    known = [one for one in SCALARS if one is not None]
    ordered = [one for one in known if not isinstance(one, bool)]
    operators: dict[str, Callable[[], Any]] = {
        **dict.fromkeys(("eq", "ne"), lambda: draw.choice(known)),
        **dict.fromkeys(("gt", "gte", "lt", "lte"), lambda: draw.choice(ordered)),
        **dict.fromkeys(("one_of", "none_of"), lambda: draw.sample(known, 3)),
        "exists": lambda: draw.random() < 0.5,
    }
    said = {name: operators[name]() for name in draw.sample(list(operators), draw.choice((1, 1, 2)))}
    return Where(draw.choices(KEYS, k=draw.choice((1, 1, 2))), **said)


def holds(where: Where, metadata: Any) -> bool:
    """What docs/search.md says of conditions, without PostgreSQL."""
    entries = list(reached(metadata, list(where.path)))
    items = [item for entry in entries for item in (entry if isinstance(entry, list) else [entry])]
    said = [(name, getattr(where, name)) for name in COMPARED if getattr(where, name) is not None]
    refused = [*([] if where.ne is None else [where.ne]), *(where.none_of or ())]
    return (
        ((not said and where.one_of is None) or any(meets(item, said, where.one_of) for item in items))
        and not any(compares(item, "eq", other) for item in items for other in refused)
        and where.exists in (None, any(entry is not None for entry in entries))
    )


def reached(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and path[0] in item:
            yield from reached(item[path[0]], path[1:])


def meets(item: Any, said: list[tuple[str, Any]], choices: Any) -> bool:
    is_chosen = choices is None or any(compares(item, "eq", choice) for choice in choices)
    return is_chosen and all(compares(item, name, other) for name, other in said)


def compares(item: Any, name: str, other: Any) -> bool:
    """A list within a list counts as its items; true is no number."""
    if isinstance(item, list):
        return any(compares(one, name, other) for one in item if not isinstance(one, list))
    kinds = {bool if isinstance(x, bool) else float if isinstance(x, int | float) else type(x) for x in (item, other)}
    return len(kinds) == 1 and COMPARED[name](item, other)


async def test_conditions_find_what_they_say_in_whatever_is_stored(session: AsyncSession, user_id: UUID) -> None:
    draw = random.Random(4)
    stored = {
        f"{number}": {key: value(draw) for key in draw.sample(KEYS, draw.randrange(1, 4))} for number in range(300)
    }
    store, task = MemoryStore(session), MemoryType.TASK
    await store.add_many(
        MemoryCreate(user_id=user_id, memory_type=task, content=name, embedding=AHEAD, extra_data=data)
        for name, data in stored.items()
    )
    sizes = set()
    for _ in range(150):
        where = [condition(draw) for _ in range(draw.choice((1, 1, 2)))]
        wanted = {name for name, data in stored.items() if all(holds(one, data) for one in where)}
        listed = await store.list(MemoryQuery(user_id=user_id, where=where, limit=1000))
        assert {memory.content for memory in listed} == wanted, where
        query = MemorySimilarityQuery(user_id=user_id, embedding=AHEAD, where=where, limit=1000)
        assert {found.content for found in await store.nearest(query)} == wanted, where
        sizes.add(len(wanted))
    assert len(sizes) > 20


async def test_what_other_programs_have_stored_is_compared_without_an_error(
    session: AsyncSession, user_id: UUID
) -> None:
    """Metadata that are NULL, or no object."""
    rows = [{"user_id": user_id, "memory_type": "task", "content": "none", "extra_data": None}]
    await session.execute(insert(Memory), rows)
    for where, found in ((Where("a", ne=1), ["none"]), (Where("a", gt=1), []), (Where("a", exists=False), ["none"])):
        listed = await MemoryStore(session).list(MemoryQuery(user_id=user_id, where=[where]))
        assert [memory.content for memory in listed] == found
    for false in (False, None):
        listed = await MemoryStore(session).list(MemoryQuery(user_id=user_id, extra_data={"a": false}))
        assert [memory.content for memory in listed] == ["none"]
    await session.execute(text("""update memories set metadata = '{"n": 1e131071}'"""))
    (read,) = await MemoryStore(session).list(MemoryQuery(user_id=user_id, where=[Where("n", gt=1)]))
    (match,) = await MemoryStore(session).search(user_id, "none")
    assert read.extra_data == match.extra_data == {"n": "1" + "0" * 131071}


async def test_the_largest_filter_is_answered(session: AsyncSession, user_id: UUID) -> None:
    deep = [f"{number}" for number in range(100)]
    where = [Where(deep, one_of=[f"{number}" for number in range(1000)])] * 100
    assert await MemoryStore(session).list(MemoryQuery(user_id=user_id, where=where)) == []
