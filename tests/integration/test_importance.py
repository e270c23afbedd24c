"""The set importance: recent and important memories come first, none is hidden, and noting costs memories nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg.rows import dict_row

import memdb
from memdb import database
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from tests.conftest import new_database
from tests.integration.conftest import as_role

ANN, BOB, MANY = (UUID(int=number << 96) for number in range(1, 4))
SETS = ("drop_hnsw", "fast_search", "importance", "row_security")
RECALL: LiteralString = "select * from recall_memories(%(user)s, %(embedding)s, %(k)s)"
SEARCH: LiteralString = "select * from search_memories(%(user)s, %(embedding)s, %(k)s)"
NOTE: LiteralString = "select note_memory_recalls(%s, %s)"
WEIGH: LiteralString = "select set_memory_importance(%s, %s, %s)"
NOTED: LiteralString = "select memory_id, importance, recalls from memory_importance order by memory_id"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann and Bob have three memories at the same distances, one of each tier and a month old; one user has 300."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            register_vector(connection)
            connection.cursor().executemany("insert into users (id) values (%s)", [[ANN], [BOB], [MANY]])
            tiers = ("personal", "project", "task")
            rows = [(id_of(n, user), user, tiers[n], leaning(n / 10)) for user in (ANN, BOB) for n in range(3)]
            rows += [(id_of(n, MANY), MANY, tiers[n % 3], leaning(n / 300)) for n in range(300)]
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content, embedding, created_at) "
                "values (%s, %s, %s, 'a walk', %s, now() - interval '30 days')",
                rows,
            )
        yield conninfo


@pytest.fixture
def recalling(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        register_vector(connection)
        yield connection


def id_of(number: int, user: UUID = ANN) -> UUID:
    return UUID(int=user.int + number)


def leaning(share: float) -> Vector:
    """At the cosine 1 - share from the embedding that is asked for."""
    return Vector([1 - share, (1 - (1 - share) ** 2) ** 0.5] + [0.0] * 1534)


def recalled(connection: Connection, user: UUID | None = ANN, k: int | None = 10, asked: Any = None) -> list[Any]:
    given = {"user": user, "embedding": leaning(0) if asked is None else asked, "k": k}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(RECALL, given).fetchall()


def test_a_score_is_the_product_of_the_factors_that_stand_beside_it(recalling: Connection) -> None:
    recalling.execute(WEIGH, [ANN, [id_of(0)], 1])
    recalling.execute(WEIGH, [ANN, [id_of(2)], 0.25])
    recalling.execute("update memory_importance set recalls = 3, recalled_at = now() - interval '7 days' "
                      "where memory_id = %s", [id_of(2)])  # fmt: skip
    personal, project, task = sorted(recalled(recalling), key=lambda row: row["id"])
    assert (personal["recency"], personal["recency_factor"], personal["importance_factor"]) == (None, 1, 1.05)
    assert (project["recency"], project["recency_factor"]) == (pytest.approx(0.5), pytest.approx(1))
    assert (project["importance"], project["importance_factor"], project["recalls"]) == (0.5, 1, 0)
    assert (task["recency"], task["importance_factor"], task["recalls"]) == (pytest.approx(0.5), 0.975, 3)
    for place, row in enumerate((personal, project, task)):
        assert row["relevance"] == pytest.approx(1 - place / 10, abs=1e-6)
        product = row["relevance"] * row["recency_factor"] * row["importance_factor"]
        assert row["score"] == pytest.approx(product, rel=1e-12)


def test_what_is_noted_or_important_comes_first_and_nothing_is_hidden(recalling: Connection) -> None:
    assert [row["id"] for row in recalled(recalling)] == [id_of(0), id_of(1), id_of(2)]
    recalling.execute("update memories set memory_type = 'task' where user_id = %s", [ANN])
    recalling.execute("update memory_recall_weights set recency_weight = 0.2, importance_weight = 0.2")
    recalling.execute(NOTE, [ANN, [id_of(1)]])
    assert [row["id"] for row in recalled(recalling)] == [id_of(1), id_of(0), id_of(2)]
    recalling.execute(WEIGH, [ANN, [id_of(1)], 0])
    assert [row["id"] for row in recalled(recalling)] == [id_of(0), id_of(1), id_of(2)]
    recalling.execute("update memory_recall_weights set recency_weight = 0, importance_weight = 0")
    assert [row["score"] for row in recalled(recalling)] == [row["relevance"] for row in recalled(recalling)]
    recalling.execute("delete from memory_recall_weights")
    assert {row["recency"] for row in recalled(recalling)} == {None}


@pytest.mark.parametrize("user", [ANN, MANY], ids=["all compared", "by signature"])
def test_the_nearest_are_weighed_and_ties_come_in_the_order_of_ids(recalling: Connection, user: UUID) -> None:
    for k in (1, 3, 10, 20, 75):
        nearest = recalling.execute(SEARCH, {"user": user, "embedding": leaning(0), "k": 4 * k}).fetchall()
        weighed = recalled(recalling, user, k)
        assert {row["id"] for row in weighed} <= {row[0] for row in nearest}
        assert len(weighed) == min(k, len(nearest))
        assert [-row["score"] for row in weighed] == sorted(-row["score"] for row in weighed)
    recalling.execute("update memories set embedding = %s where user_id = %s", [leaning(0.5), user])
    recalling.execute("update memory_recall_weights set recency_weight = 0")
    ids = [row["id"] for row in recalled(recalling, user, 3)]
    assert ids == sorted(ids)


def test_filters_are_those_of_search_memories(recalling: Connection) -> None:
    recalling.execute("update memories set metadata = '{\"n\": 1}' where id = any(%s)", [[id_of(1), id_of(299, MANY)]])
    asked: LiteralString = "select id from recall_memories(%s, %s, 10, %s, %s, %s)"
    where: LiteralString = "select id from recall_memories(%s, %s, metadata => %s, condition => '$.n < 2')"
    for user, id in ((ANN, id_of(1)), (MANY, id_of(299, MANY))):
        assert recalling.execute(asked, [user, leaning(0), None, None, '{"n": 1}']).fetchall() == [(id,)]
        for metadata, passing in ((None, [(id,)]), ('{"n": 2}', [])):
            assert recalling.execute(where, [user, leaning(0), metadata]).fetchall() == passing
    assert recalling.execute(asked, [ANN, leaning(0), ["task"], None, None]).fetchall() == [(id_of(2),)]
    for user, found in ((ANN, 2), (MANY, 10)):
        rows = recalling.execute(asked, [user, leaning(0), None, 0.15, None]).fetchall()
        assert len(rows) == found
    assert recalling.execute(asked, [MANY, leaning(0), ["task", "personal"], 0.001, None]).fetchall() == [
        (id_of(0, MANY),)
    ]


TIMES = ["infinity", "-infinity", "0044-03-15 BC", "2999-01-01", "1970-01-01"]


@pytest.mark.parametrize("half_life", ["1 microsecond", "7 days", "100000 years"])
def test_any_time_and_any_half_life_give_a_recency_from_0_to_1(recalling: Connection, half_life: str) -> None:
    recalling.execute("update memory_recall_weights set half_life = %s::interval", [half_life])
    for time in TIMES:
        recalling.execute("update memories set created_at = %s::text::timestamptz where user_id = %s", [time, ANN])
        assert all(0 <= row["recency"] <= 1 and row["score"] > 0 for row in recalled(recalling)), time
    recalling.execute("update memories set created_at = 'infinity' where user_id = %s", [ANN])
    assert {row["recency"] for row in recalled(recalling)} == {1}


@pytest.mark.parametrize(
    ("asked", "found"),
    [({"k": None}, 10), ({"k": 0}, 0), ({"k": 2**31 - 1}, 300), ({"user": UUID(int=9)}, 0), ({"user": None}, 0),
     ({"asked": Vector([0.0] * 1536)}, 0), ({"asked": Vector([1e-30] + [0.0] * 1535)}, 10)],
    ids=str,
)  # fmt: skip
def test_whatever_can_be_asked_is_answered(recalling: Connection, asked: dict[str, Any], found: int) -> None:
    assert len(recalled(recalling, **({"user": MANY} | asked))) == found


@pytest.mark.parametrize(
    ("statement", "given"),
    [(RECALL, {"user": MANY, "embedding": leaning(0), "k": -1}), (RECALL, {"user": ANN, "embedding": "[1]", "k": 1}),
     (RECALL, {"user": ANN, "embedding": f"[{'NaN,' * 1535}1]", "k": 1}), (WEIGH, [ANN, [id_of(0)], float("nan")]),
     (WEIGH, [ANN, [id_of(0)], 2]), (WEIGH, [ANN, [id_of(0)], -0.1]),
     ("update memory_recall_weights set recency_weight = %s", [1.5]),
     ("update memory_recall_weights set half_life = %s::interval", ["-1 day"]),
     ("update memory_recall_weights set importance_weight = %s", [float("nan")])],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error(recalling: Connection, statement: LiteralString, given: Any) -> None:
    with pytest.raises((psycopg.errors.DataError, psycopg.errors.IntegrityError)), recalling.transaction():
        recalling.execute(statement, given)


def test_only_memories_of_the_user_are_noted_each_once_a_call(recalling: Connection) -> None:
    ids = [id_of(1), id_of(0), id_of(1), id_of(0, BOB), UUID(int=5), None]
    assert recalling.execute(NOTE, [ANN, ids]).fetchone() == (2,)
    assert recalling.execute(NOTE, [ANN, [id_of(0)]]).fetchone() == (1,)
    assert recalling.execute(WEIGH, [ANN, [id_of(0), id_of(2), id_of(0, BOB)], 0.75]).fetchone() == (2,)
    assert recalling.execute(WEIGH, [ANN, [id_of(2)], None]).fetchone() == (1,)
    for nothing in (list[UUID](), None):
        assert recalling.execute(NOTE, [ANN, nothing]).fetchone() == (0,)
    assert recalling.execute(NOTED).fetchall() == [(id_of(0), 0.75, 2), (id_of(1), 0.5, 1), (id_of(2), 0.5, 0)]
    recalling.execute("delete from memories where id = %s", [id_of(0)])
    assert len(recalling.execute(NOTED).fetchall()) == 2


def test_noting_writes_no_memory_and_no_index(recalling: Connection) -> None:
    ids = [id_of(n, MANY) for n in range(0, 300, 6)]
    for _ in range(2):
        recalling.execute(NOTE, [MANY, ids])
    counted: LiteralString = """
        select relname, n_tup_ins + n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables
        where relname in ('memories', 'memory_importance') order by relname
    """
    assert recalling.execute(counted).fetchall() == [("memories", 0, 0), ("memory_importance", 100, 50)]


def test_sessions_that_note_the_same_wait_for_one_another_and_what_is_deleted_is_passed_over(
    server: str, filled: str
) -> None:
    with (
        new_database(server, template=database_name(filled)) as conninfo,
        psycopg.connect(conninfo) as one,
        psycopg.connect(conninfo) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        ids = [id_of(n, MANY) for n in range(100)]
        one.execute(NOTE, [MANY, ids])
        waiting = thread.submit(lambda: other.execute(NOTE, [MANY, ids[::-1]]).fetchone())
        wait_until_blocked(one, other)
        one.execute(NOTE, [MANY, ids[50:]])
        one.commit()
        assert waiting.result(30) == (100,)
        other.commit()
        one.execute("delete from memories where id = any(%s)", [[id_of(200, MANY), id_of(202, MANY)]])
        other.execute("set lock_timeout = 1")
        fresh = [id_of(n, MANY) for n in range(200, 204)]
        assert other.execute(NOTE, [MANY, fresh]).fetchone() == (2,)
        one.commit()
        other.execute("reset lock_timeout")
        other.commit()
        one.execute("delete from memories where id = %s", [ids[0]])  # and what was noted of it
        waiting = thread.submit(lambda: other.execute(NOTE, [MANY, ids[:2]]).fetchone())
        wait_until_blocked(one, other)
        one.commit()
        assert waiting.result(30) == (1,)
        other.commit()
        counts = [row[2] for row in one.execute(NOTED).fetchall()]
    assert counts == [3] + [2] * 48 + [3] * 50 + [1] * 2


def database_name(conninfo: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])


def wait_until_blocked(looking: psycopg.Connection[Any], blocked: psycopg.Connection[Any]) -> None:
    pid = blocked.info.backend_pid
    asked: LiteralString = "select %s = any(pg_blocking_pids(%s))"
    while looking.execute(asked, [looking.info.backend_pid, pid]).fetchone() != (True,):
        pass


def test_whoever_is_held_to_policies_sees_and_notes_what_is_theirs(recalling: Connection, filled: str) -> None:
    with database.connect(filled, purpose="test") as admin, as_role(admin, f"reader_{admin.info.backend_pid}") as role:
        name = f"reader_{admin.info.backend_pid}"
        admin.execute(f"grant all on memories, memory_importance, memory_recall_weights to {name}".encode())
        admin.execute(WEIGH, [BOB, [id_of(0, BOB)], 1])
        register_vector(role)
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        assert role.execute(NOTE, [ANN, [id_of(2)]]).fetchone() == (1,)
        assert role.execute(NOTE, [BOB, [id_of(0, BOB)]]).fetchone() == (0,)
        assert role.execute(NOTED).fetchall() == [(id_of(2), 0.5, 1)]
        assert scores(recalled(role)) == scores(recalled(recalling))
        assert recalled(role, BOB) == []
        assert role.execute("update memory_importance set importance = 0").rowcount == 1
        assert role.execute("update memory_recall_weights set recency_weight = 0").rowcount == 0
        for statement in (
            f"insert into memory_importance (memory_id) values ('{id_of(1, BOB)}')",
            f"insert into memory_importance (memory_id) values ('{UUID(int=5)}')",
            "insert into memory_recall_weights values ('task', 0, null, 0)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                role.execute(statement.encode())
        admin.execute("delete from memory_importance")


def scores(rows: list[Any]) -> list[Any]:
    return [(row["id"], pytest.approx(row["score"], rel=1e-6), row["recalls"]) for row in rows]


def test_rights_that_no_policy_restrains_are_taken_and_the_owner_can_be_held(server: str, template: str) -> None:
    with new_database(server, template=template) as conninfo:
        with psycopg.connect(conninfo) as admin:
            admin.execute("alter default privileges in schema public grant all on tables to pg_monitor")
        with memdb.open(conninfo, sets=(*SETS, "force_row_security")) as db:
            db.migrate()
            assert db.verify().ok
        with psycopg.connect(conninfo) as admin:
            held = admin.execute(
                "select table_name, string_agg(privilege_type, ', ' order by privilege_type) "
                "from information_schema.role_table_grants where grantee = 'pg_monitor' and table_schema = 'public' "
                "and table_name like 'memory\\_%' and table_name <> 'memory_collections' group by 1 order by 1"
            ).fetchall()
            forced = admin.execute("select relname from pg_class where relforcerowsecurity order by 1").fetchall()
    assert held == [(name, "DELETE, INSERT, SELECT, UPDATE") for name in ("memory_importance", "memory_recall_weights")]
    assert [name for (name,) in forced] == ["memories", "memory_collections", "memory_importance"]


@pytest.mark.parametrize("chosen", [["importance"], ["fast_search", "importance"]], ids=" ".join)
def test_recalls_can_be_noted_without_the_search_that_weighs_them(sets: Sets, chosen: list[str]) -> None:
    active = {migration.id for migration in sets.active((), chosen)}
    assert "3203_create_note_memory_recalls" in active
    assert ("3206_create_recall_memories" in active) == ("fast_search" in chosen)
