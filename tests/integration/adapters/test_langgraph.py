"""Memories as LangGraph's items: what its own stores promise, and what belongs to one user."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import pytest
from langgraph.store.base import (
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import database, migrations
from memdb.adapters import Pool
from memdb.adapters.langchain import MemdbVectorStore
from memdb.adapters.langgraph import MemdbStore
from memdb.errors import DatabaseError, InvalidMemory, UnknownUser, UsageError
from memdb.models import MemoryType
from memdb.store import MemoryStore
from tests.conftest import new_database
from tests.integration.adapters.conftest import MODELS, NOBODY, OTHER, SHORT, USER, Leaning
from tests.integration.orm import shapes

pytestmark = pytest.mark.once

Opened = Callable[..., MemdbStore]
BY_MEANING: IndexConfig = {"dims": 6, "embed": Leaning(), "fields": ["said"]}


@pytest.fixture
def opened(pool: Pool) -> Opened:
    """A store of a user's."""

    def open(user_id: UUID = USER, index: IndexConfig | None = None) -> MemdbStore:
        return MemdbStore(pool, user_id=user_id, memory_type="project", index=index)

    return open


@pytest.fixture
def store(opened: Opened) -> MemdbStore:
    return opened()


@pytest.fixture
def by_meaning(opened: Opened) -> MemdbStore:
    return opened(index=BY_MEANING)


def keys(found: Iterable[Item]) -> list[str]:
    return [item.key for item in found]


def count(pool: Pool) -> int:
    async def work(session: AsyncSession) -> int:
        return int(await session.scalar(text("select count(*) from memories")) or 0)

    return pool.run(work, USER)


def test_an_item_is_put_read_replaced_and_deleted(store: MemdbStore, pool: Pool) -> None:
    store.put(("notes", "tea"), "first", {"said": "green", "n": [1, None, {"ä": 1.5}]})
    item = store.get(("notes", "tea"), "first")
    assert item is not None
    assert (item.namespace, item.key) == (("notes", "tea"), "first")
    assert item.value == {"said": "green", "n": [1, None, {"ä": 1.5}]}
    assert item.created_at == item.updated_at
    assert store.get(("notes",), "first") is None
    store.put(("notes", "tea"), "first", {"black": True})
    again = store.get(("notes", "tea"), "first")
    assert again is not None
    assert (again.value, again.created_at) == ({"black": True}, item.created_at)
    assert again.updated_at > item.updated_at
    for _ in range(2):
        store.delete(("notes", "tea"), "first")
        assert store.get(("notes", "tea"), "first") is None
    assert count(pool) == 0


@pytest.mark.parametrize("form", ["batch", "abatch"])
async def test_a_batch_reads_what_was_there_before_and_of_several_puts_the_last_counts(
    store: MemdbStore, form: str
) -> None:
    async def done(ops: list[Op]) -> Any:
        return store.batch(ops) if form == "batch" else await store.abatch(ops)

    put = [PutOp(("a",), "kept", {"n": 1}), PutOp(("a", "b"), "twice", {"n": 1}), PutOp(("a",), "gone", {"n": 1})]
    assert await done([*put, PutOp(("a", "b"), "twice", {"n": 2}), PutOp(("a",), "gone", None)]) == [None] * 5
    found = await done(
        [
            ListNamespacesOp(),
            PutOp(("c",), "new", {"n": 3}),
            GetOp(("a", "b"), "twice"),
            GetOp(("a",), "gone"),
            PutOp(("a",), "kept", None),
            GetOp(("a",), "kept"),
            SearchOp(("a",), filter={"n": 2}),
            GetOp(("a", "b"), "twice"),
            GetOp(("c",), "new"),
        ]
    )
    assert found[0] == [("a",), ("a", "b")]
    assert [type(each) for each in found[1:]] == [
        type(None),
        Item,
        type(None),
        type(None),
        Item,
        list,
        Item,
        type(None),
    ]
    assert (found[2].value, found[5].value) == ({"n": 2}, {"n": 1})
    assert isinstance(found[6][0], SearchItem)
    assert await store.abatch([GetOp(("a",), "kept")]) == [None]
    assert [item.value for item in await store.asearch(())] == [{"n": 3}, {"n": 2}]
    assert store.batch([]) == []


def test_namespaces_are_listed_by_their_beginning_and_end_label_by_label(store: MemdbStore) -> None:
    there = [
        ("a",),
        ("a", "b"),
        ("a", "b", "x"),
        ("ab",),
        ("a_", "%"),
        ("u", "1", "x"),
        ("u", "2", "x\n"),
        ("u", "2", "xx"),
    ]
    store.batch([PutOp(namespace, "k", {}) for namespace in there])
    store.put(("a",), "another", {})
    assert store.list_namespaces() == sorted(there)
    assert store.list_namespaces(prefix=("a",)) == [("a",), ("a", "b"), ("a", "b", "x")]
    assert store.list_namespaces(suffix=("x",)) == [("a", "b", "x"), ("u", "1", "x")]
    assert store.list_namespaces(prefix=("u", "*", "xx")) == [("u", "2", "xx")]
    assert store.list_namespaces(prefix=("*", "2"), suffix=("*", "xx")) == [("u", "2", "xx")]
    assert store.list_namespaces(prefix=("a", "b", "x", "y")) == []
    assert store.list_namespaces(prefix=("u",), max_depth=2) == [("u", "1"), ("u", "2")]
    assert store.list_namespaces(limit=2, offset=1) == sorted(there)[1:3]
    (listed,) = store.batch([ListNamespacesOp(match_conditions=(MatchCondition("prefix", ()),), limit=3)])
    assert listed == sorted(there)[:3]
    assert {item.namespace for item in store.search(("a",))} == {("a",), ("a", "b"), ("a", "b", "x")}
    assert {item.namespace for item in store.search(("a_",))} == {("a_", "%")}
    assert store.search(("u", "2", "x")) == []


VALUES: dict[str, dict[str, Any]] = {
    "tea": {"n": 2, "hot": True, "tags": ["a", "b"], "from": {"land": "India", "year": 2020}},
    "rum": {"n": 10, "hot": False, "tags": ["a"], "$price": 3, "v1.0": "x"},
    "gin": {"n": 2.5, "hot": None, "name": "2"},
}


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"n": 2}, {"tea"}),
        ({"n": {"$eq": 2}, "hot": True}, {"tea"}),
        ({"n": {"$gt": 2, "$lt": 10}}, {"gin"}),
        ({"n": {"$gte": 2.5}}, {"rum", "gin"}),
        ({"n": {"$lte": 2.5}}, {"tea", "gin"}),
        ({"n": {"$ne": 10}}, {"tea", "gin"}),
        ({"name": {"$ne": "2"}}, {"tea", "rum"}),
        ({"hot": False}, {"rum"}),
        ({"hot": None}, {"gin"}),
        ({"hot": {"$ne": None}}, {"tea", "rum"}),
        ({"tags": ["a"]}, {"tea", "rum"}),
        ({"tags": "a"}, set()),
        ({"from": {"land": "India", "year": {"$gt": 2019}}}, {"tea"}),
        ({"v1.0": "x"}, {"rum"}),
        ({"v1.0": {"$gt": "w"}}, {"rum"}),
        ({"from": {}}, {"tea"}),
        ({"missing": None}, {"tea", "rum", "gin"}),
        ({}, {"tea", "rum", "gin"}),
    ],
)
def test_items_are_filtered_by_what_is_in_them(by_meaning: MemdbStore, filter: dict[str, Any], found: set[str]) -> None:
    by_meaning.batch([PutOp(("drinks",), key, value | {"said": "0.5"}) for key, value in VALUES.items()])
    assert set(keys(by_meaning.search((), filter=filter))) == found
    assert set(keys(by_meaning.search((), filter=filter, query="1"))) == found


def test_operators_that_there_are_none_of_are_refused(store: MemdbStore) -> None:
    with pytest.raises(InvalidMemory, match=r"the operator '\$near'"):
        store.search((), filter={"n": {"$near": 1}})
    with pytest.raises(InvalidMemory, match="gt compares texts and numbers"):
        store.search((), filter={"n": {"$gt": [1]}})


async def test_an_item_is_found_by_the_nearest_of_its_texts(opened: Opened, pool: Pool) -> None:
    store = opened(index={**BY_MEANING, "fields": ["title", "parts[*].said"]})
    store.put(("a",), "many", {"title": "0.1", "parts": [{"said": "0.9"}, {"said": "0.5"}, {"said": " "}], "said": "1"})
    store.put(("a", "b"), "one", {"title": "0.7"})
    store.put(("a",), "of its own", {"title": "0.95", "said": "0.3"}, index=["said"])
    store.put(("a",), "unseen", {"title": "1"}, index=False)
    store.put(("a",), "without", {"n": 1})
    expected = {"many": 0.9, "one": 0.7, "of its own": 0.3}
    found = store.search((), query="1")
    assert {item.key: item.score for item in found} == pytest.approx(expected)
    assert keys(found) == keys(await store.asearch(("a",), query="1")) == list(expected)
    assert [keys(store.search((), query="1", limit=1, offset=place)) for place in range(4)] == [
        ["many"],
        ["one"],
        ["of its own"],
        [],
    ]
    assert keys(store.search(("a", "b"), query="1")) == ["one"]
    assert {item.key: item.score for item in store.search((), query="")} == dict.fromkeys(
        ["many", "one", "of its own", "unseen", "without"]
    )
    assert count(pool) == 7


def test_nothing_is_left_of_what_an_item_said_before(opened: Opened, pool: Pool) -> None:
    store = opened(index={**BY_MEANING, "fields": ["said[*]"]})
    store.put(("a",), "k", {"said": ["1", "0.9", "0.8"]})
    store.put(("a",), "k", {"said": ["0.2", "0.1"]})
    (found,) = store.search((), query="1")
    assert found.value == {"said": ["0.2", "0.1"]}
    assert found.score == pytest.approx(0.2)
    assert count(pool) == 2
    opened().put(("a",), "k", {"said": ["1"]})
    assert store.search((), query="1") == []
    assert count(pool) == 1
    store.put(("a",), "k", {"said": ["1", "0.9"]})
    store.delete(("a",), "k")
    assert count(pool) == 0


async def test_those_who_write_at_once_leave_whole_items(opened: Opened, pool: Pool) -> None:
    store = opened(index={**BY_MEANING, "fields": ["said[*]"]})
    draw = random.Random(1)
    puts = [
        [
            PutOp(("a",), f"k{key}", None if draw.random() < 0.2 else {"said": [f"{n / 10}" for n in range(texts)]})
            for key in draw.sample(range(4), 3)
        ]
        for texts in itertools.islice(itertools.cycle([1, 5, 2, 4]), 40)
    ]
    await asyncio.gather(*map(store.abatch, puts))
    there = store.search((), limit=10)
    assert {item.key for item in there} <= {f"k{key}" for key in range(4)}
    assert count(pool) == sum(len(item.value["said"]) for item in there)
    assert sorted(keys(store.search((), query="1"))) == sorted(keys(there))


def test_each_user_has_items_of_their_own_and_items_are_nothing_else(opened: Opened, pool: Pool) -> None:
    mine, theirs = opened(index=BY_MEANING), opened(OTHER, index=BY_MEANING)
    mine.put(("a",), "k", {"said": "1"})
    theirs.put(("a",), "k", {"said": "0.5"})
    documents = MemdbVectorStore(Leaning(), pool=pool, user_id=USER, memory_type="task")
    documents.add_texts(["no item 1"])
    for query in (None, "1"):
        assert [item.value for item in mine.search((), query=query)] == [{"said": "1"}]
        assert [item.value for item in theirs.search((), query=query)] == [{"said": "0.5"}]
    mine.delete(("a",), "k")
    assert (mine.list_namespaces(), theirs.list_namespaces()) == ([], [("a",)])
    with pytest.raises(UnknownUser):
        opened(NOBODY).put(("a",), "k", {})


def test_an_item_is_a_memory_like_any_other(by_meaning: MemdbStore, pool: Pool) -> None:
    long = "word " * 4000 + "1"
    by_meaning.put(("a",), "k", {"said": long})

    async def work(session: AsyncSession) -> Any:
        question = pool.question(user_id=USER, embedding=[1, 0, 0, 0, 0, 0])
        (memory,) = await MemoryStore(session, pool.model).nearest(question)
        return memory.memory_type, memory.content, set(memory.extra_data or {})

    assert pool.run(work, USER) == (MemoryType.PROJECT, long[:10_000], {"langgraph"})
    item = by_meaning.get(("a",), "k")
    assert item is not None
    assert item.value == {"said": long}


def test_an_item_expires_unless_it_is_read_or_put_again(server: str, tmp_path: Path) -> None:
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            shapes.make_users(connection, SHORT)
            migrations.migrate(connection, shapes.write(tmp_path, SHORT), chosen=("retention",))
        with Pool(conninfo, MODELS.memory) as pool, database.connect(conninfo, purpose="test") as connection:
            store = MemdbStore(pool, user_id=USER, memory_type="task", index=BY_MEANING | {"fields": ["said[*]"]})

            def minutes() -> list[int]:
                left: LiteralString = "select round(extract(epoch from expires_at - now()) / 60) from memory_retention"
                return [int(each) for (each,) in connection.execute(left)]

            def there() -> tuple[bool, ...]:
                found = (store.search(("a",), refresh_ttl=False), store.search(("a",), query="1", refresh_ttl=False))
                return store.get(("a",), "k", refresh_ttl=False) is not None, *map(bool, found)

            value = {"said": ["0.5", "0.6"]}
            store.put(("a",), "k", value, ttl=5)
            assert minutes() == [5, 5]
            connection.execute("update memory_retention set expires_at = now() + interval '1 minute'")
            assert there() == (True, True, True)
            assert minutes() == [1, 1]
            store.get(("a",), "k")
            assert minutes() == [5, 5]
            connection.execute("update memory_retention set expires_at = now() + interval '1 minute'")
            assert len(store.search(("a",), query="1")) == 1
            assert minutes() == [5, 5]
            connection.execute("update memory_retention set expires_at = now()")
            store.get(("a",), "k")  # too late
            assert (there(), store.list_namespaces()) == ((False, False, False), [])
            store.put(("a",), "k", value)
            connection.execute("update memory_retention set expires_at = expires_at - interval '1 day'")
            assert (there(), store.list_namespaces()) == ((True, True, True), [("a",)])
            assert connection.execute("select from memory_retention where expires_at is not null").fetchall() == []


def test_what_cannot_be_kept_is_refused(opened: Opened, store: MemdbStore) -> None:
    with pytest.raises(DatabaseError, match="no function expire_memories") as refused:
        store.put(("a",), "k", {}, ttl=5)
    assert "--with retention" in refused.value.hint
    assert store.get(("a",), "k") is None
    with pytest.raises(InvalidMemory, match=r"extra_data\.langgraph\.value\.when is of the type object"):
        store.put(("a",), "k", {"when": object()})
    with pytest.raises(InvalidMemory, match="limit: Input should be less than or equal to 1000"):
        store.search((), limit=1001)
    for query in (None, "1"):
        with pytest.raises(InvalidMemory, match="offset: Input should be greater than or equal to 0"):
            opened(index=BY_MEANING).search((), query=query, offset=-1)
    for limit, offset in ((-1, 0), (1, -2)):
        with pytest.raises(InvalidMemory, match=f"limit is {limit} and offset is {offset}"):
            store.list_namespaces(limit=limit, offset=offset)
    with pytest.raises(UsageError, match="of 8 dimensions, and these memories have 6"):
        opened(index={"dims": 8, "embed": Leaning()})
    with pytest.raises(UsageError, match="index has 'distance_type'"):
        opened(index={**BY_MEANING, "distance_type": "l2"})
    assert store.list_namespaces() == []
