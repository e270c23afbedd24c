"""What has expired is not found from that moment on, by no function, and answers are as long as without it."""

import json
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import UUID

import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict

import memdb
from memdb import Question, database, shipped
from memdb.cli import main
from memdb.database import Connection
from memdb.values import Where
from tests.conftest import new_database

FEW, MANY = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("drop_hnsw", "fast_search", "hybrid_search", "importance", "retention", "row_security")
ALL = {"user": MANY, "embedding": Vector([1.0] + [0.0] * 1535), "text": "walk", "k": 10}
EXPIRE: LiteralString = "select expire_memories(%s, %s, %s::timestamptz)"
SEARCHES: dict[str, LiteralString] = {
    "search_memories": "select id from search_memories(%(user)s, %(embedding)s, %(k)s)",
    "candidates": "select id from search_memories(%(user)s, %(embedding)s, %(k)s, candidates => 20)",
    "metadata": "select id from search_memories(%(user)s, %(embedding)s, %(k)s, metadata => '{\"n\": 1}')",
    "search_memories_where": "select id from search_memories_where(%(user)s, %(embedding)s, '$.n == 1', %(k)s)",
    "recall_memories": "select id from recall_memories(%(user)s, %(embedding)s, %(k)s)",
    "recall_candidates": "select id from recall_memories(%(user)s, %(embedding)s, %(k)s, metadata => '{\"n\": 1}')",
    "search_memories_by_words": "select id from search_memories_by_words(%(user)s, %(text)s, %(k)s)",
    "search_memories_hybrid": "select id from search_memories_hybrid(%(user)s, %(text)s, %(embedding)s, %(k)s)",
}

GONE = UUID(int=MANY.int + 1398)
GRANT = (shipped.sql_directory() / "retention" / "3318_grant_what_searches_read.sql").read_bytes()
LAST = {"retention": "3318_grant_what_searches_read", "fast_search": "1016_hide_from_filtered_search"}


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """One user has 60 memories, the other 1,400, each farther than the one before; one of these has expired."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            register_vector(connection)
            for user, count in ((FEW, 60), (MANY, 1400)):
                connection.execute("insert into users (id) values (%s)", [user])
                rows = [(id_of(n, user), user, leaning(n / count), f'{{"n": {n % 2}}}') for n in range(count)]
                connection.cursor().executemany(
                    "insert into memories (id, user_id, memory_type, content, embedding, metadata) "
                    "values (%s, %s, 'task', 'a walk', %s, %s)",
                    rows,
                )
            connection.execute(EXPIRE, [MANY, [GONE], "yesterday"])
            connection.execute("vacuum analyze memories")
        yield conninfo


def id_of(number: int, user: UUID = MANY) -> UUID:
    return UUID(int=user.int + number)


def leaning(share: float) -> Vector:
    return Vector([1 - share, (1 - (1 - share) ** 2) ** 0.5] + [0.0] * 1534)


@pytest.fixture
def searching(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        register_vector(connection)
        yield connection


def found(connection: Connection, search: str, **given: Any) -> list[UUID]:
    return [id for (id,) in connection.execute(SEARCHES[search].encode(), ALL | given)]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("user", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize("k", [10, 15])
def test_what_has_expired_is_not_found_and_others_take_its_place(
    searching: Connection, search: str, user: UUID, k: int
) -> None:
    before = found(searching, search, user=user, k=k)
    assert len(before) == k
    searching.execute(EXPIRE, [user, before[:-1], "yesterday"])
    after = found(searching, search, user=user, k=k)
    assert len(after) == k
    assert not set(after) & set(before[:-1])


def test_the_moment_counts_and_what_was_said_last(searching: Connection) -> None:
    nearest = found(searching, "search_memories")[0]
    for at, is_found in (("now", False), ("tomorrow", True), ("-infinity", False), (None, True)):
        searching.execute(EXPIRE, [MANY, [nearest], at])
        assert (nearest in found(searching, "search_memories")) is is_found
    searching.execute(EXPIRE, [MANY, [nearest], "yesterday"])
    searching.execute("select pin_memories(%s, %s)", [MANY, [nearest]])
    assert nearest in found(searching, "search_memories")


def test_an_explanation_says_that_it_has_expired(filled: str) -> None:
    db = memdb.open(filled)
    for question in (Question("walk", user=MANY), Question("walk", user=MANY, where=[Where("n", gte=0)])):
        explained = db.explain(question, GONE)
        assert (explained.place, len(explained.reasons)) == (None, 1)
        assert explained.reasons[0].startswith("It has expired")


def test_no_recall_revives_what_has_expired(searching: Connection) -> None:
    nearest = found(searching, "recall_memories")[0]
    searching.execute(EXPIRE, [MANY, [nearest], "yesterday"])
    searching.execute("select note_memory_recalls(%s, %s)", [MANY, [nearest]])
    searching.execute("update memories set accessed_at = now() where id = %s", [nearest])
    assert nearest not in found(searching, "recall_memories")
    assert searching.execute("select rule, memories from prune_memories()").fetchall() == [("expired", 2)]  # GONE, too


def test_whoever_is_held_to_policies_does_not_find_it_either(filled: str) -> None:
    with database.connect(filled, purpose="test") as admin, admin.transaction(force_rollback=True):
        name = f"searcher_{admin.info.backend_pid}"
        admin.execute(f"create role {name}".encode())
        admin.execute(f"grant select on memories, memory_importance, memory_recall_weights to {name}".encode())
        admin.execute(GRANT)  # what the migration does for roles that are there
        register_vector(admin)
        nearest = {search: found(admin, search)[:3] for search in SEARCHES}
        for ids in nearest.values():
            admin.execute(EXPIRE, [MANY, ids, "yesterday"])
        admin.execute("select set_config('memdb.user_id', %s, true)", [str(MANY)])
        admin.execute(f"set local role {name}".encode())
        for search, ids in nearest.items():
            assert not set(ids) & set(found(admin, search)), search


def test_a_prune_proves_what_searches_were_before_and_are_after(
    server: str, filled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with new_database(server, template=str(conninfo_to_dict(filled)["dbname"])) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            for user, last in ((MANY, 600), (FEW, 60)):  # of one user, nothing is left
                connection.execute(EXPIRE, [user, [id_of(n, user) for n in range(last)], "yesterday"])
        assert main(["prune", "--prove", "--format", "json", "--database-url", conninfo]) == 0
        pruned = json.loads(capsys.readouterr().out)
        proof = pruned["proof"]
        assert [due["memories"] for due in pruned["deleted"]] == [661]
        assert (proof["strategy"], proof["before"]["recall"], proof["after"]["recall"]) == ("search_memories", 1, 1)
        assert 0 < proof["after"]["queries"] == proof["before"]["queries"] < 200  # what has expired asks nothing
        assert min(proof["before"]["p95_ms"], proof["after"]["p95_ms"]) > 0
        assert main(["prune", "--prove", "--database-url", conninfo]) == 0
        told = capsys.readouterr().out
        assert "before: recall 1.000" in told
        assert "after:  recall 1.000" in told
        assert main(["prune", "--prove", "--dry-run", "--database-url", conninfo]) == 2
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("update memories set embedding = null")
        assert main(["prune", "--prove", "--database-url", conninfo]) == 3
        assert "hint:  Nothing was deleted. Prune without --prove.\n" in capsys.readouterr().err


def test_sets_may_come_and_go_in_any_order(server: str, template: str) -> None:
    with new_database(server, template=template) as conninfo, database.connect(conninfo, purpose="test") as connection:
        register_vector(connection)
        connection.execute("insert into users (id) values (%s)", [MANY])
        for sets in (("retention", "fast_search"), ("fast_search", "retention")):
            for name in sets:
                with memdb.open(conninfo, sets=("drop_hnsw", name)) as db:
                    db.migrate()
            connection.execute(
                "insert into memories (id, user_id, memory_type, content, embedding) values (%s, %s, 'task', 'a', %s)",
                [id_of(1), MANY, leaning(0)],
            )
            connection.execute(EXPIRE, [MANY, [id_of(1)], "yesterday"])
            assert found(connection, "search_memories") == []
            memdb.open(conninfo).rollback(to=LAST[sets[0]], losing=True)
            if "fast_search" in sets[0]:
                assert found(connection, "search_memories") == [id_of(1)]
            connection.execute("delete from memories")
            memdb.open(conninfo).rollback(to="2002_drop_embedding_index", losing=True)
