"""The set deduplication: what says the same is added once, and what is near is told by the user's own memories."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString, TypeAlias
from uuid import UUID

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from memdb import database
from memdb.database import Connection
from tests.conftest import new_database
from tests.integration.orm.pooling import pooled

Vectors: TypeAlias = NDArray[np.float32]

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
MANY, PLANTED = 700, 50
SETS = ("drop_hnsw", "deduplication", "row_security")
KEY: LiteralString = "select memory_content_key(%s)"
ONCE: LiteralString = "select memory_id, is_new from add_memory_once(%s, 'task', %s, null)"
NEAR: LiteralString = "select memory_id, duplicate_id, distance from near_duplicates(%s, %s)"
CALIBRATED: LiteralString = "select * from near_duplicate_distance(%s)"


@pytest.fixture(scope="module")
def prepared(server: str, template: str) -> Iterator[str]:
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
        yield conninfo


@pytest.fixture
def adding(prepared: str) -> Iterator[Connection]:
    with database.connect(prepared, purpose="test") as connection, connection.transaction(force_rollback=True):
        register_vector(connection)
        yield connection


@pytest.fixture
def copied(server: str, prepared: str) -> Iterator[str]:
    """A database of its own, for what is committed."""
    name = str(psycopg.conninfo.conninfo_to_dict(prepared)["dbname"])
    with new_database(server, template=name) as conninfo:
        yield conninfo


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like tea", "\n I\u3000like \t\u00a0tea\u2028"),
        ("caf\u00e9", "cafe\u0301"),
        ("", " \r\n"),
        ("\u212b", "\u00c5"),
    ],
)
def test_texts_that_differ_in_white_space_or_form_alone_have_one_key(adding: Connection, one: str, other: str) -> None:
    assert adding.value(KEY, [one]) == adding.value(KEY, [other]) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("Kx9", "KX9"), ("10\u00b2", "102"), ("5\u00bd", "51/2"), ("a part", "apart"), ("tea", "tea."), ("\u200b", "")],
)
def test_what_may_change_the_meaning_counts(adding: Connection, one: str, other: str) -> None:
    assert adding.value(KEY, [one]) != adding.value(KEY, [other])


def test_a_memory_is_added_once_for_each_user_and_what_is_there_stays(adding: Connection) -> None:
    ((first, is_new),) = adding.execute(ONCE, [ANN, "I like tea"])
    assert is_new
    before = adding.execute("select * from memories").fetchall()
    assert adding.execute(ONCE, [ANN, " I  like tea\n"]).fetchall() == [(first, False)]
    assert adding.execute("select * from memories").fetchall() == before
    for user, text in ((BOB, "I like tea"), (ANN, "i like tea")):
        ((other, is_new),) = adding.execute(ONCE, [user, text])
        assert is_new
        assert other != first
    with pytest.raises(psycopg.errors.ForeignKeyViolation), adding.transaction():
        adding.execute(ONCE, [UUID(int=5), "I like tea"])
    with pytest.raises(psycopg.errors.NotNullViolation), adding.transaction():
        adding.execute(ONCE, [ANN, None])


@pytest.mark.parametrize("level", ["read committed", "serializable"])
def test_of_several_that_add_the_same_at_a_time_one_does(copied: str, level: str) -> None:
    def add(number: int) -> bool:
        with psycopg.connect(conninfo, prepare_threshold=None) as connection:
            connection.execute(f"set transaction isolation level {level}".encode())
            try:
                (is_new,) = connection.execute(ONCE, [ANN, f"said {number % 5}"]).fetchall()
                return bool(is_new[1])
            except psycopg.errors.SerializationFailure:
                connection.rollback()
        return add(number)

    with pooled(copied) as conninfo, ThreadPoolExecutor(4) as threads:
        added = list(threads.map(add, range(40)))
    with psycopg.connect(copied) as connection:
        rows = connection.execute("select content, count(*) from memories group by 1 order by 1").fetchall()
    assert rows == [(f"said {number}", 1) for number in range(5)]
    assert sum(added) == 5


@pytest.mark.once
def test_a_transaction_that_could_not_see_what_others_add_is_refused(copied: str) -> None:
    with psycopg.connect(copied) as connection:
        connection.execute("set transaction isolation level repeatable read")
        with pytest.raises(psycopg.errors.InvalidTransactionState, match="does not see what others have added"):
            connection.execute(ONCE, [ANN, "tea"])


def test_a_text_is_looked_up_in_the_index(adding: Connection) -> None:
    adding.execute(
        "insert into memories (user_id, memory_type, content) "
        "select %s, 'task', 'memory ' || n from generate_series(1, 2000) as n",
        [ANN],
    )
    adding.execute("analyze memories")
    plan = adding.execute(
        "explain select id from memories where user_id = %s and memory_content_key(content) = memory_content_key('a')",
        [ANN],
    ).fetchall()
    assert "ix_memories_content_key" in str(plan)


def test_groups_of_the_same_text_begin_with_the_one_to_keep(adding: Connection) -> None:
    vector = Vector(np.ones(1536))
    rows = [
        (1, ANN, "task", "tea", vector, "1 day"), (2, ANN, "personal", "tea ", None, "1 day"),
        (3, ANN, "personal", " tea", vector, "2 days"), (4, ANN, "personal", "tea", vector, "3 days"),
        (5, ANN, "task", "b", None, "9 days"), (6, ANN, "task", "b", None, "9 days"),
        (7, ANN, "task", "c", None, "1 day"), (8, BOB, "task", "c", None, "1 day"),
    ]  # fmt: skip
    for id, *row in rows:
        adding.execute(
            "insert into memories (id, user_id, memory_type, content, embedding, created_at) "
            "values (%s, %s, %s, %s, %s, now() - %s::interval)",
            [UUID(int=id), *row],
        )
    found = adding.execute("select memory_ids from exact_duplicates(%s)", [ANN]).fetchall()
    assert found == [([UUID(int=5), UUID(int=6)],), ([UUID(int=number) for number in (4, 3, 2, 1)],)]
    assert adding.execute("select from exact_duplicates(%s)", [BOB]).fetchall() == []


def add(connection: Connection, vectors: Vectors, user: UUID = ANN, text: str = "memory {}") -> None:
    """The memory of a row has its number as id, and is older than that of the next."""
    columns = "id, user_id, memory_type, content, embedding, created_at"
    with connection.cursor().copy(f"copy memories ({columns}) from stdin (format binary)".encode()) as copy:
        copy.set_types(["uuid", "uuid", "text", "text", "vector", "timestamptz"])  # an enum is sent as text
        for n, vector in enumerate(vectors, 1):
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n)
            copy.write_row([UUID(int=user.int + n), user, "task", text.format(n), Vector(vector), moment])


def moved(vectors: Vectors, distances: Vectors) -> Vectors:
    """Each at its distance, in the direction in which two others of them differ."""
    ways = np.roll(vectors, 1, axis=0) - np.roll(vectors, 2, axis=0)
    ways -= (ways * vectors).sum(axis=1, keepdims=True) * vectors
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    cosines = 1 - distances[:, None]
    return np.asarray(cosines * vectors + np.sqrt(1 - cosines**2) * ways, np.float32)


def real(name: str) -> Vectors:
    """700 embeddings of a model."""
    path = Path(os.environ.get("MEMDB_TEST_DATA", "")) / name
    if not path.is_file():
        pytest.skip(f"{name} is not at hand: MEMDB_TEST_DATA names no folder with it")
    with np.load(path) as file:
        vectors = file["embedding"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors[np.random.default_rng(1).permutation(len(vectors))[:MANY]])


@pytest.mark.parametrize(
    ("name", "expected"), [("openai-ada002-6k.npz", (0.03, 0.06)), ("openai-3small-4k.npz", (0.09, 0.14))]
)
def test_what_is_near_is_told_by_the_users_own_memories_whatever_the_model(
    adding: Connection, name: str, expected: tuple[float, float]
) -> None:
    vectors = real(name)
    usual = np.median(1 - vectors[:300] @ vectors[300:600].T)
    planted = moved(vectors[:PLANTED], np.linspace(0.01, 0.1, PLANTED).astype(np.float32) * usual)
    everything = np.concatenate([vectors, planted])
    add(adding, everything)
    ((memories, random, neighbour, same_text, most),) = adding.execute(CALIBRATED, [ANN])
    assert (memories, same_text) == (MANY + PLANTED, None)
    assert random == pytest.approx(usual, rel=0.1)
    assert most == min(0.15 * random, 0.5 * neighbour)
    assert expected[0] < most < expected[1]
    pairs = {(one.int - ANN.int, other.int - ANN.int) for one, other, _ in adding.execute(NEAR, [ANN, None])}
    assert {(n, MANY + n) for n in range(1, PLANTED + 1)} <= pairs
    assert len(pairs) - PLANTED < 0.001 * MANY * (MANY - 1) / 2
    distances = 1 - everything @ everything.T
    exact = {(a + 1, b + 1) for a, b in np.argwhere(distances <= most).tolist() if a < b}
    assert len(exact ^ pairs) <= 0.01 * len(exact)


def test_where_all_memories_are_alike_less_is_near_and_where_there_are_few_nothing(adding: Connection) -> None:
    random = np.random.default_rng(1)
    one, other, *different = random.standard_normal((14, 1536)).astype(np.float32)
    alike = np.repeat([one, other], 24, axis=0) + 0.1 * random.standard_normal((48, 1536))
    add(adding, np.concatenate([alike, different]))
    ((_, usual, neighbour, _, most),) = adding.execute(CALIBRATED, [ANN])
    assert most == 0.5 * neighbour < 0.1 * usual
    assert adding.execute(NEAR, [ANN, None]).fetchall() == []
    add(adding, np.repeat([one], 19, axis=0), BOB)
    assert adding.execute(CALIBRATED, [BOB]).fetchone() == (19, 0, 0, None, None)
    assert adding.execute(NEAR, [BOB, None]).fetchall() == []
    assert len(adding.execute(NEAR, [BOB, 0.01]).fetchall()) == 19 * 18 / 2
    assert adding.execute(NEAR, [BOB, float("nan")]).fetchall() == []  # which is greater than any distance


def test_times_beyond_what_python_holds_stop_no_search_for_duplicates(copied: str) -> None:
    with database.connect(copied, purpose="test") as connection:
        connection.execute(
            "insert into memories (user_id, memory_type, content, created_at) "
            "select %s, 'task', 'tea', t::timestamptz from unnest('{-infinity,0044-01-01 BC,infinity}'::text[]) as t",
            [ANN],
        )
    with memdb.open(copied) as db:
        (group,) = db.duplicates().shown
    assert [member.created_at.year for member in group.members] == [2, 2, 9998]
