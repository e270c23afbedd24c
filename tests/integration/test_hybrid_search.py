"""The set hybrid_search: memories are found by words, by meaning, and by both, whoever asks and whatever is asked."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from memdb import Question, database
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.values import Where
from tests.conftest import new_database
from tests.integration.conftest import as_role
from tests.integration.orm.pooling import pooled

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text()

ANN, BOB, MANY, CODED = (UUID(int=number << 96) for number in range(1, 5))
TEXTS = {
    1: "My sister Zoë lives in Lyon",
    2: "The invoice number is B1742-X",
    3: "It's Ann's 'quoted' \\ back & slash | bar !",
    4: "I like the sea and the sand",
    5: "the the the the",
    6: "🦊 emoji and Привет мир",
    7: "INV-2026-0815 of <ann@example.com> is in /srv/nginx.conf, from v2.1.0 on",
}
CODES = ["v3.2.4", "2024-03-05", "10.2.3.4", "ann4.lee3@b2.example", "inv-2024-0352", "build/a2-b3-c4.tar.gz"]
CODED_TEXTS: LiteralString = """
    insert into memories (user_id, memory_type, content)
    select %(user)s, 'task', replace(replace(replace(text, '<a>', a::text), '<b>', b::text), '<c>', c::text)
    from generate_series(1, 6) as a, generate_series(1, 6) as b, generate_series(1, 6) as c, (values
        ('deployed v<a>.<b>.<c>'), ('on 202<a>-0<b>-0<c> a walk'), ('host 10.<a>.<b>.<c> is up'),
        ('wrote to <Ann<c>.Lee<b>@b<a>.example>'), ('paid INV-202<a>-0<b><c>2'), ('unpack build/a<a>-b<b>-c<c>.tar.gz')
    ) as t (text)
"""
BY_WORDS: LiteralString = "select * from search_memories_by_words(%(user)s, %(question)s, %(k)s)"
BOTH: LiteralString = "select * from search_memories_hybrid(%(user)s, %(question)s, %(embedding)s, %(k)s)"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """A database in which Ann has the texts, all but the fourth with an embedding, Bob the same, and one user 1,200."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=("drop_hnsw", "fast_search", "hybrid_search", "row_security")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            register_vector(connection)
            connection.cursor().executemany("insert into users (id) values (%s)", [[ANN], [BOB], [MANY], [CODED]])
            rows = [
                (UUID(int=user.int + n), user, text, None if n == 4 else axis(n), "{}" if n % 2 else '{"even": true}')
                for user in (ANN, BOB)
                for n, text in TEXTS.items()
            ]
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content, embedding, metadata) "
                "values (%s, %s, 'task', %s, %s, %s)",
                rows,
            )
            connection.execute(
                "insert into memories (user_id, memory_type, content) select %s, 'task', 'every day word' || n "
                "|| case when n > 900 then ' later' else '' end || case n when 1100 then ' pangolin' else '' end "
                "from generate_series(1, 1200) as n",
                [MANY],
            )
            connection.execute(CODED_TEXTS, {"user": CODED})
        yield conninfo


@pytest.fixture
def searchable(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        register_vector(connection)
        yield connection


@contextmanager
def held_to_policies(filled: str, user: UUID) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as admin, as_role(admin, f"reader_{admin.info.backend_pid}") as role:
        admin.execute(f"grant select on memories to reader_{admin.info.backend_pid}".encode())
        register_vector(role)
        role.execute("select set_config('memdb.user_id', %s, false)", [str(user)])
        yield role


def axis(number: int) -> Vector:
    return Vector([float(place == number) for place in range(1536)])


def by_words(connection: Connection, question: str | None, user: UUID | None = ANN, k: int | None = 10) -> list[Any]:
    return connection.execute(BY_WORDS, {"user": user, "question": question, "k": k}).fetchall()


def both(connection: Connection, question: str | None, embedding: Vector | None, k: int | None = 10) -> list[Any]:
    given = {"user": ANN, "question": question, "embedding": embedding, "k": k}
    return connection.execute(BOTH, given).fetchall()


def numbers(rows: list[Any], user: UUID = ANN) -> list[int]:
    return [row[0].int - user.int for row in rows]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What is the number of invoice b1742?", 2),
        ("where does ZOË live", 1),
        ("sea", 4),
        ("привет", 6),
        *((code, 7) for code in ("0815", "inv-2026-0815", "example.com", "nginx.conf", "2.1.0", "srv")),
    ],
)
def test_a_memory_is_found_by_its_words(searchable: Connection, question: str, found: int) -> None:
    assert numbers(by_words(searchable, question))[0] == found
    assert set(by_words(searchable, "sea sand lyon")[0][5]) == {"sea", "sand"}


@pytest.mark.parametrize(
    "question",
    ["", "   ", None, "&|!<->:*()", "'", "\\", "a' & !b:*", "🦊🦊🦊", "sea " * 300_000, "x" * 1_000_000,
     " ".join(f"word{n}" for n in range(2_000))],
    ids=lambda question: repr(question)[:12],
)  # fmt: skip
def test_nothing_that_is_asked_is_an_error(searchable: Connection, question: str | None) -> None:
    found = by_words(searchable, question)
    assert numbers(found) == ([4] if question and question.startswith("sea") else [])
    assert numbers(both(searchable, question, axis(2)))[:1] in ([2], [4])
    assert by_words(searchable, question, None) == []


@pytest.mark.parametrize("word", ["it's", "ann's", "'quoted'", "back\\", "slash|bar"])
def test_quotes_and_operators_in_memories_are_words_like_others(searchable: Connection, word: str) -> None:
    assert numbers(by_words(searchable, word))[0] == 3


def test_lists_are_merged_by_their_places(searchable: Connection) -> None:
    merged = both(searchable, "invoice sister sand", axis(1))
    by_id = {row[0].int - ANN.int: row for row in merged}
    assert merged[0][0].int - ANN.int == 1
    assert by_id[4][5:7] == (None, None)
    assert [by_id[4][8] is not None, by_id[5][8] is None] == [True, True]
    for row in merged:
        assert row[4] == pytest.approx(sum(1 / (60 + place) for place in (row[6], row[8]) if place))
    assert [(-row[4], row[0]) for row in merged] == sorted((-row[4], row[0]) for row in merged)
    assert merged[:2] == both(searchable, "invoice sister sand", axis(1), k=10)[:2]
    assert [row[6] for row in both(searchable, "sea", None)] == [None]
    assert {row[8] for row in both(searchable, "", axis(1))} == {None}
    assert both(searchable, "", None) == []


def test_filters_hold_for_both_lists(searchable: Connection) -> None:
    found = searchable.execute(
        "select id from search_memories_hybrid(%s, 'sister invoice', %s, 10, '{task}', 0.5, '{\"even\": true}')",
        [ANN, axis(1)],
    ).fetchall()
    assert numbers(found) == [2]
    none = "select * from search_memories_by_words(%s, 'sister', 10, '{personal}')"
    assert searchable.execute(none, [ANN]).fetchall() == []


def test_rare_words_are_found_among_common_ones_and_common_ones_together(searchable: Connection) -> None:
    assert by_words(searchable, "every day pangolin", MANY)[0][1].endswith("pangolin")
    assert all("later" in row[1] for row in by_words(searchable, "later", MANY))
    assert len(by_words(searchable, "every day", MANY)) == 10
    assert len(by_words(searchable, "word7", MANY, None)) == 1


@pytest.mark.parametrize("code", CODES)
def test_a_code_comes_first_among_hundreds_that_share_its_parts(searchable: Connection, filled: str, code: str) -> None:
    """With the index, for a role that is held to policies, and where all memories are read, alone and in a sentence."""
    with memdb.open(filled) as db, held_to_policies(filled, CODED) as role:
        for question in (code.upper(), f"Do you remember ({code}), and what it was?", f"我的{code}是什么"):
            found = by_words(searchable, question, CODED)
            assert (code in found[0][5], [row for row in found if code in row[1].lower()]) == (True, found[:1])
            assert by_words(role, question, CODED) == found
            read = db.search(Question(question, user=CODED, where=[Where("place", exists=False)]))
            assert (read.functions, read.matches[0].id, read.matches[0].word_score) == ((), found[0][0], found[0][4])


def test_what_has_a_whole_code_comes_before_shorter_memories_of_its_rare_parts(searchable: Connection) -> None:
    searchable.execute(
        "insert into memories (user_id, memory_type, content) values (%(user)s, 'task', 'zulu yankee'), "
        "(%(user)s, 'task', 'yankee xray'), (%(user)s, 'task', 'the report of ' || repeat('and so on ', 12) || "
        "'is in zulu-yankee/xray.pdf'), (%(user)s, 'task', 'xray zulu pdf')",
        {"user": BOB},
    )
    assert by_words(searchable, "zulu-yankee_xray.pdf", BOB)[0][1].startswith("the report")


def test_of_many_codes_the_longest_are_looked_up(searchable: Connection) -> None:
    asked = " ".join(f"x{n}.y" for n in range(200)) + " build/a2-b3-c4.tar.gz " + "b-" * 700 + "b"
    assert by_words(searchable, asked, CODED)[0][1] == "unpack build/a2-b3-c4.tar.gz"


def test_an_answer_is_the_same_for_a_role_that_is_held_to_policies(searchable: Connection, filled: str) -> None:
    with held_to_policies(filled, ANN) as role:
        for question in ("sister sand the", "b1742-x", ""):
            assert by_words(role, question) == by_words(searchable, question)
            assert both(role, question, axis(1)) == both(searchable, question, axis(1))
        assert by_words(role, "sister", BOB) == []


def test_what_a_word_is_can_be_chosen(server: str, template: str) -> None:
    """As docs/search.md shows it, and with words that hold spaces and quotes, as pieces of three letters do."""
    english, pairs = re.findall(r"```sql\n(create or replace function memory_words.*?;)\nreindex", PAGE, re.DOTALL)
    spaced = re.sub(r"return to_tsvector.*", "return array_to_tsvector(string_to_array(content, '|'));", english)
    texts = [
        (1, "They lived at the seas"),
        (2, "我去了绿禾公园，看到樱花"),
        (3, "서울에서 만났다"),
        (4, "a |b | '|it's|x\\ y"),
    ]
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=("hybrid_search",)) as db:
            db.migrate()
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("insert into users values (%s)", [ANN])
            statement = "insert into memories (id, user_id, memory_type, content) values (%s, %s, 'task', %s)"
            connection.cursor().executemany(statement, [(UUID(int=ANN.int + n), ANN, text) for n, text in texts])
            for function, asked, found in (
                (english, "living by the sea", [1]),
                (pairs, "我在绿禾公园看到了什么景色？", [2]),
                (pairs, "서울은?", [3]),
                (pairs, "They?", [1]),
                (spaced, "b | '", [4]),
                (spaced, "x\\ y|it's", [4]),
            ):
                connection.execute(function.encode())
                connection.execute("reindex index concurrently ix_memories_words")
                rows = connection.execute("select * from search_memories_by_words(%s, %s)", [ANN, asked]).fetchall()
                assert numbers(rows) == found, asked


def test_searches_work_through_a_transaction_pooler(filled: str) -> None:
    with pooled(filled) as conninfo, psycopg.connect(conninfo, prepare_threshold=None) as connection:
        found = connection.execute(BY_WORDS, {"user": ANN, "question": "sea 🦊 привет", "k": 10}).fetchall()
        assert set(numbers(found)) == {4, 6}


@pytest.mark.parametrize("chosen", [["hybrid_search"], ["fast_search", "hybrid_search"]], ids=" ".join)
def test_both_ways_are_merged_where_there_are_both(sets: Sets, chosen: list[str]) -> None:
    active = {migration.id for migration in sets.active((), chosen)}
    assert "3105_create_search_by_words" in active
    assert ("3106_create_hybrid_search" in active) == ("fast_search" in chosen)
