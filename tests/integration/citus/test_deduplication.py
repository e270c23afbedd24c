"""What says the same, or nearly, is found on a user's shard as on one server, and nothing is added twice there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import memdb
from memdb import files
from memdb.errors import DatabaseError
from memdb.lifecycle.duplicates import Duplicates
from memdb.models import MemoryType
from memdb.project import shipping
from memdb.schemas import MemoryCreate
from memdb.shape import Shape
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address
from tests.integration.citus.conftest import SETS, Cluster, distributed_database, schema
from tests.integration.citus.secured import KEYS, USERS
from tests.integration.citus.test_distributing import bring_back, distribute
from tests.integration.citus.test_searching import TOLD, Heard

FUNCTIONS: tuple[LiteralString, ...] = (
    "exact_duplicates(%(user)s)",
    "near_duplicate_distance(%(user)s)",
    "near_duplicates(%(user)s)",
    "near_duplicates(%(user)s, 0.3)",
    "near_duplicates(%(user)s, 'NaN')",
)
ONCE: LiteralString = "select memory_id, is_new from add_memory_once(%s, 'task', %s, null)"
EXPIRE: LiteralString = """
insert into memory_retention (memory_id, user_id, expires_at) values (%s, %s, now() - interval '1 hour')
on conflict (user_id, memory_id) do update set expires_at = excluded.expires_at, pinned = false
"""
TOLD_BEFORE: LiteralString = """
insert into memories (user_id, memory_type, content, embedding, created_at)
select u.id, t.t, 'the sea of ' || u.id || ' no ' || n.n || a.said,
    array(select sin(n.n * d.d + length(u.id::text)) from generate_series(1, 1536) as d (d))::vector,
    '2026-02-01'::timestamptz + n.n * interval '1 day' + length(a.said) * interval '1 hour'
from users as u cross join generate_series(1, 40) as n (n) cross join unnest('{task,project}'::memory_type[]) as t (t)
cross join (values (''), ('!')) as a (said)
where a.said = '' or n.n < 20
"""
WAITING: LiteralString = "select from pg_locks where locktype = 'advisory' and not granted and pid = %s"


class World(NamedTuple):
    """A distributed database, and what was found there when it was on one server."""

    conninfo: str
    users: list[Any]
    answers: dict[str, list[Any]]
    found: tuple[Duplicates, Duplicates]


def answers(conninfo: str, users: list[Any]) -> dict[str, list[Any]]:
    with psycopg.connect(conninfo) as connection:
        return {
            call: [connection.execute(f"select * from {call}", {"user": user}).fetchall() for user in users]
            for call in FUNCTIONS
        }


def proposals(conninfo: str) -> tuple[Duplicates, Duplicates]:
    with memdb.open(conninfo) as db:
        return db.duplicates(), db.duplicates(near=True, max_distance=0.3)


@pytest.fixture(scope="module", params=USERS)
def world(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    key, folder = request.param, tmp_path_factory.mktemp("project") / "sql"
    files.create({folder / path: text for path, text in shipping.texts(Shape(USERS[key])).items()})
    with distributed_database(cluster) as conninfo, pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMDB_SQL_DIR", str(folder))
        users = KEYS[key]
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"create table users (id {key} primary key)".encode())
            with memdb.open(conninfo, sets=(*SETS, "retention", "deduplication")) as db:
                db.migrate()
            connection.cursor().executemany("insert into users (id) values (%s)", [[user] for user in users])
            connection.execute(TOLD_BEFORE)
        before = schema(conninfo)
        there = World(conninfo, users, answers(conninfo, users), proposals(conninfo))
        distribute(conninfo)
        yield there
        bring_back(conninfo)
        assert schema(conninfo) == before


def test_duplicates_are_those_of_one_server(world: World) -> None:
    assert all(any(found) for call, found in world.answers.items() if "NaN" not in call)
    assert answers(world.conninfo, world.users) == world.answers
    assert all(found.groups > 0 for found in world.found)
    assert proposals(world.conninfo) == world.found


@pytest.mark.parametrize("call", [*FUNCTIONS, "add_memory_once(%(user)s, 'task', 'of one shard', null)"])
def test_one_shard_is_asked_however_often(world: World, call: LiteralString) -> None:
    with psycopg.connect(make_conninfo(world.conninfo, options=TOLD), autocommit=True) as connection:
        heard = Heard()
        connection.add_notice_handler(heard)
        for _ in range(7):  # from the sixth on, PostgreSQL may plan for any user
            connection.execute(f"select * from {call}", {"user": world.users[0]})
            assert len(heard.shards()) == 1


def test_the_index_on_the_shard_finds_a_text(world: World) -> None:
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("set local citus.propagate_set_commands = 'local'")
        connection.execute("set local enable_seqscan = off")
        plan = connection.execute(
            "explain select id from memories where user_id = %s"
            " and memory_content_key(content) = memory_content_key('a')",
            [world.users[0]],
        ).fetchall()
    assert "ix_memories_content_key" in str(plan)


@pytest.mark.parametrize("isolation", [psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.SERIALIZABLE])
def test_of_two_who_add_the_same_at_a_time_one_adds_it(world: World, isolation: psycopg.IsolationLevel) -> None:
    user, text = world.users[0], f"told twice at a time, {isolation.name}"
    with (
        psycopg.connect(world.conninfo) as first,
        psycopg.connect(world.conninfo) as second,
        psycopg.connect(world.conninfo, autocommit=True) as watch,
        ThreadPoolExecutor(1) as pool,
    ):
        for connection in (first, second):
            connection.isolation_level = isolation
        ((id, is_new),) = first.execute(ONCE, [user, text]).fetchall()
        assert is_new
        other = pool.submit(add_or_fail, second, user, text)
        while not watch.execute(WAITING, [second.info.backend_pid]).fetchall():
            assert not other.done()
        first.commit()
        assert other.result() in ((id, False), None)
        count = "select count(*) from memories where user_id = %s and content = %s"
        assert watch.execute(count, [user, text]).fetchone() == (1,)
        assert add_or_fail(second, user, f" {text}\n") == (id, False)


def add_or_fail(connection: psycopg.Connection, user: object, text: str) -> Any:
    """Which memory says it and whether it is new; None where the transaction is to be tried again."""
    try:
        found = connection.execute(ONCE, [user, text]).fetchone()
        connection.commit()
    except psycopg.errors.SerializationFailure:
        connection.rollback()
        return None
    return found


def test_what_has_expired_is_added_again_and_is_no_duplicate(world: World) -> None:
    user, other = world.users[:2]
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        ((first, _),) = connection.execute(ONCE, [user, "for an hour"]).fetchall()
        assert connection.execute(ONCE, [user, "for an hour"]).fetchone() == (first, False)
        connection.execute(EXPIRE, [first, user])
        ((second, is_new),) = connection.execute(ONCE, [user, "for an hour"]).fetchall()
        assert (is_new, second != first) == (True, True)
        found = connection.execute("select memory_ids from exact_duplicates(%s)", [user]).fetchall()
        assert not any({first, second} & set(ids) for (ids,) in found)
        ((of_other, is_new),) = connection.execute(ONCE, [other, "for an hour"]).fetchall()
        assert (is_new, of_other in (first, second)) == (True, False)


@pytest.mark.parametrize("world", ["uuid"], indirect=True)
async def test_a_store_adds_what_is_new(world: World) -> None:
    memories = [
        MemoryCreate[Any](user_id=user, memory_type=MemoryType.TASK, content=text)
        for user in world.users[:2]
        for text in ("from a store", " from  a store", f"the sea of {user} no 7")
    ]
    engine = create_engine(address(world.conninfo, "psycopg"))
    try:
        for expected in (2, 0):
            async with sessions(engine).begin() as session:
                assert len(await MemoryStore(session).add_many(memories, skip_duplicates=True)) == expected
    finally:
        await engine.dispose()


def test_merging_is_refused_and_says_why(world: World) -> None:
    with memdb.open(world.conninfo) as db:
        found = db.duplicates()
        for call in (lambda: db.merge(found), lambda: db.unmerge(found.shown[0].members[0].id)):
            with pytest.raises(DatabaseError, match="distributed cannot be merged: that needs the set archive"):
                call()
        assert db.duplicates() == found
