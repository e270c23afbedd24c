"""The set collections: memories are gathered, listed and searched within a collection, of one user alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database
from memdb.database import Connection
from tests.conftest import new_database
from tests.helpers import vectors
from tests.integration.conftest import as_role
from tests.integration.orm.pooling import pooled

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
JOURNAL, GOALS, HIS = (UUID(int=number) for number in (1, 2, 3))
SETS = ("collections", "retention", "row_security")
ADD: LiteralString = "select add_to_collection(%s, %s, %s)"
REMOVE: LiteralString = "select remove_from_collection(%s, %s, %s)"
LISTED: LiteralString = "select id from memories_in_collection(%s, %s) order by id"
MEMBERS: LiteralString = "select collection_id, memory_id from memory_collection_members order by 1, 2"
JOIN: LiteralString = "insert into memory_collection_members (collection_id, memory_id, user_id) values (%s, %s, %s)"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann has 40 memories and two collections, Bob 40 and one; number 0 has no embedding, and 1 one of zeros."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            numbers = [None, [0.0] * 1536, *vectors(38)]
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content, embedding, metadata) "
                "values (%s, %s, %s, %s, %s::real[]::vector, jsonb_build_object('n', %s::integer))",
                [
                    (id_of(n, user), user, "task" if n % 2 else "project", str(n), numbers[n], n)
                    for n in range(40)
                    for user in (ANN, BOB)
                ],
            )
            connection.cursor().executemany(
                "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, 'x', 'y')",
                [(JOURNAL, ANN), (GOALS, ANN), (HIS, BOB)],
            )
        yield conninfo


def id_of(number: int, user: UUID = ANN) -> UUID:
    return UUID(int=user.int + number)


@pytest.fixture
def connected(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def copied(server: str, filled: str) -> Iterator[str]:
    """A database of its own, for what is committed."""
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with new_database(server, template=name) as conninfo:
        yield conninfo


def test_ones_own_memories_are_added_once_listed_and_taken_out_again(connected: Connection) -> None:
    ids = [id_of(3), id_of(2), id_of(3), id_of(4, BOB), UUID(int=9), None]
    assert connected.value(ADD, [ANN, JOURNAL, ids]) == 2
    assert connected.value(ADD, [ANN, JOURNAL, [id_of(1), *ids]]) == 1
    assert connected.value(ADD, [ANN, GOALS, ids[:1]]) == 1
    for nobody, nothing in ((BOB, ids), (ANN, None), (None, ids), (ANN, list[UUID]())):
        assert connected.value(ADD, [nobody, GOALS, nothing]) == 0
        assert connected.value(REMOVE, [nobody, GOALS, nothing]) == (1 if (nobody, nothing) == (ANN, ids) else 0)
    assert connected.value(ADD, [ANN, HIS, ids]) == 0
    assert connected.execute(LISTED, [ANN, JOURNAL]).fetchall() == [(id_of(n),) for n in (1, 2, 3)]
    assert connected.execute(LISTED, [BOB, JOURNAL]).fetchall() == []
    assert connected.value(REMOVE, [ANN, JOURNAL, ids]) == 2
    assert connected.execute(MEMBERS).fetchall() == [(JOURNAL, id_of(1)), (GOALS, id_of(3))]
    assert connected.value("select count(*) from memories") == 80


@pytest.mark.parametrize(
    ("statement", "given"),
    [(JOIN, [HIS, id_of(2), ANN]), (JOIN, [JOURNAL, id_of(2, BOB), ANN]), (JOIN, [JOURNAL, id_of(2, BOB), BOB]),
     (JOIN, [HIS, id_of(2), BOB]), (JOIN, [JOURNAL, id_of(2), None]),
     ("update memories set user_id = %s where id = %s", [BOB, id_of(1)]),
     ("update memory_collections set user_id = %s where id = %s", [BOB, JOURNAL]),
     ("update memory_collection_members set user_id = %s", [BOB])],
)  # fmt: skip
def test_the_database_joins_no_memory_and_collection_of_two_users(
    connected: Connection, statement: LiteralString, given: Any
) -> None:
    assert connected.value(ADD, [ANN, JOURNAL, [id_of(1)]]) == 1
    with pytest.raises(psycopg.errors.IntegrityError), connected.transaction():
        connected.execute(statement, given)


def test_what_is_deleted_is_in_no_collection_and_a_collection_takes_no_memory_along(connected: Connection) -> None:
    for collection in (JOURNAL, GOALS):
        connected.execute(ADD, [ANN, collection, [id_of(n) for n in range(3)]])
    connected.execute(ADD, [BOB, HIS, [id_of(1, BOB)]])
    connected.execute("delete from memories where id = %s", [id_of(0)])
    connected.execute("delete from memory_collections where id = %s", [JOURNAL])
    assert connected.execute(MEMBERS).fetchall() == [(GOALS, id_of(1)), (GOALS, id_of(2)), (HIS, id_of(1, BOB))]
    assert connected.value("select count(*) from memories") == 79
    connected.execute("delete from users where id = %s", [ANN])
    assert connected.execute(MEMBERS).fetchall() == [(HIS, id_of(1, BOB))]


def test_all_that_is_in_a_collection_is_compared_and_nothing_else(connected: Connection) -> None:
    connected.execute(ADD, [ANN, JOURNAL, [id_of(n) for n in range(20)]])
    connected.execute(ADD, [ANN, GOALS, [id_of(n) for n in range(40)]])
    nearest: LiteralString = (
        "select id, embedding <=> %s::real[]::vector as d from memories where user_id = %s "
        "and metadata @> %s and (metadata ->> 'n')::integer between 2 and 19 order by d, id limit %s"
    )
    found: LiteralString = "select id, distance from search_memories_in_collection(%s, %s, %s::real[]::vector, %s, {})"
    question = vectors(1, random_seed=5)[0]

    def asked(embedding: list[float], k: int | None, more: LiteralString = "null") -> list[Any]:
        return connected.execute(found.replace("{}", more), [ANN, JOURNAL, embedding, k]).fetchall()

    exact = connected.execute(nearest, [question, ANN, "{}", 18]).fetchall()
    assert asked(question, 100) == exact  # neither the one without an embedding nor the one of zeros
    assert asked(question, None) == exact[:10]
    assert [row[0] for row in asked([1e25 * number for number in question], 3)] == [row[0] for row in exact[:3]]
    assert asked([0.0] * 1536, 3) == []
    assert asked(question, 100, "array['task']::memory_type[]") == [row for row in exact if row[0].int % 2]
    assert asked(question, 100, f"null, {exact[3][1]!r}") == exact[:4]
    assert [row[0] for row in asked(question, 9, """null, null, '{"n": 7}'""")] == [id_of(7)]
    assert {row[0] for row in asked(question, 9, "null, null, null, '$.n > 17'")} == {id_of(18), id_of(19)}
    assert connected.execute(found.replace("{}", "null"), [BOB, JOURNAL, question, 5]).fetchall() == []


def test_a_search_reads_as_many_memories_as_the_collection_has(copied: str) -> None:
    with database.connect(copied, purpose="test") as connection, connection.transaction():
        connection.execute(ADD, [ANN, JOURNAL, [id_of(n) for n in range(12)]])
    with database.connect(copied, purpose="test") as connection, connection.transaction():
        found: LiteralString = "select * from search_memories_in_collection(%s, %s, %s::real[]::vector)"
        assert len(connection.execute(found, [ANN, JOURNAL, vectors(1)[0]]).fetchall()) == 10
        read = connection.execute(
            "select seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'memories'"
        ).fetchone()
    assert read == (0, 12)


def test_what_has_expired_is_not_found_in_a_collection(connected: Connection) -> None:
    connected.execute(ADD, [ANN, JOURNAL, [id_of(n) for n in range(2, 5)]])
    connected.execute("select expire_memories(%s, %s, now())", [ANN, [id_of(2)]])
    connected.execute("select expire_memories(%s, %s, now() + interval '1 day')", [ANN, [id_of(3)]])
    assert connected.execute(LISTED, [ANN, JOURNAL]).fetchall() == [(id_of(3),), (id_of(4),)]
    found: LiteralString = "select id from search_memories_in_collection(%s, %s, %s::real[]::vector) order by id"
    assert connected.execute(found, [ANN, JOURNAL, vectors(1)[0]]).fetchall() == [(id_of(3),), (id_of(4),)]


def test_two_add_the_same_at_once_and_wait_for_who_deletes_some_of_it(copied: str) -> None:
    ids = [id_of(n) for n in range(40)]

    def add(conninfo: str, order: list[UUID]) -> int:
        with psycopg.connect(conninfo, prepare_threshold=None) as connection:
            return int(connection.execute(ADD, [ANN, JOURNAL, order]).fetchone()[0])  # type: ignore[index]

    with (
        psycopg.connect(copied) as deleting,
        psycopg.connect(copied, autocommit=True) as looking,
        pooled(copied) as conninfo,
        ThreadPoolExecutor(2) as threads,
    ):
        deleting.execute("delete from memories where id = %s", [ids[5]])
        adding = [threads.submit(add, conninfo, order) for order in (ids, ids[::-1])]
        blocked: LiteralString = "select count(*) from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
        while looking.execute(blocked, [deleting.info.backend_pid]).fetchone() == (0,):
            pass
        deleting.commit()
        assert sorted(run.result(60) for run in adding) == [0, 39]


def test_a_role_that_is_held_to_policies_gathers_its_own(copied: str) -> None:
    with database.connect(copied, purpose="test") as admin:
        name = f"gatherer_{admin.info.backend_pid}"
        with as_role(admin, name) as role:
            admin.execute(f"grant all on memories, memory_collections, memory_collection_members to {name}".encode())
            admin.execute(f"grant select on memory_retention to {name}".encode())
            admin.execute(ADD, [BOB, HIS, [id_of(1, BOB)]])
            role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
            assert role.execute(ADD, [ANN, JOURNAL, [id_of(1), id_of(2)]]).fetchone() == (2,)
            assert role.execute(ADD, [BOB, HIS, [id_of(2, BOB)]]).fetchone() == (0,)
            assert role.execute(REMOVE, [BOB, HIS, [id_of(1, BOB)]]).fetchone() == (0,)
            assert role.execute(LISTED, [BOB, HIS]).fetchall() == []
            assert role.execute(MEMBERS).fetchall() == [(JOURNAL, id_of(1)), (JOURNAL, id_of(2))]
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                role.execute(JOIN, [HIS, id_of(2, BOB), BOB])
            with pytest.raises(psycopg.errors.ForeignKeyViolation):  # the same as for a collection that is not there
                role.execute(JOIN, [HIS, id_of(3), ANN])
            assert role.execute(REMOVE, [ANN, JOURNAL, [id_of(1)]]).fetchone() == (1,)
