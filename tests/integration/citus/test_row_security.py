"""Under row_security, shards compare their rows with the user for whom a transaction asks. Else they show nothing."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb.models import MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, act_for, create_engine, sessions
from tests.helpers import address
from tests.integration.citus.conftest import Cluster
from tests.integration.citus.secured import OF_USERS, USERS, filled
from tests.integration.citus.test_distributing import distribute

NEAR = "array(select sin(d.d) from generate_series(1, 1536) as d (d))::vector"
SEARCHES = (
    f"search_memories(%(user)s, {NEAR})",
    f"search_memories(%(user)s, {NEAR}, 30, '{{task}}', metadata => '{{\"of\": \"sea\"}}')",
    f"search_memories_where(%(user)s, {NEAR}, '$.of == \"sea\"')",
    "search_memories_by_words(%(user)s, 'the sea of no 7')",
    f"search_memories_hybrid(%(user)s, 'the sea of no 7', {NEAR})",
    f"recall_memories(%(user)s, {NEAR})",
    f"search_memories_in_collection(%(user)s, %(collection)s, {NEAR})",
    "memories_in_collection(%(user)s, %(collection)s)",
    "(select unnest(memory_ids) as id from exact_duplicates(%(user)s)) as d",
    "(select duplicate_id as id from near_duplicates(%(user)s, 2)) as d",
)


class World(NamedTuple):
    """A distributed database, its address for a role that owns nothing, and the collection of each user there."""

    owner: str
    app: str
    collections: dict[Any, UUID]

    @property
    def users(self) -> list[Any]:
        return list(self.collections)


@pytest.fixture(scope="module", params=USERS)
def world(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with filled(cluster, request.param, tmp_path_factory.mktemp("project") / "sql") as (conninfo, role):
        distribute(conninfo)
        with psycopg.connect(conninfo) as connection:
            made = connection.execute("select user_id, id from memory_collections order by 1").fetchall()
        yield World(conninfo, make_conninfo(conninfo, user=role), dict(made))


@contextlib.contextmanager
def asking_for(world: World, user: object) -> Iterator[psycopg.Connection]:
    """A transaction of the role, which is taken back."""
    with psycopg.connect(world.app) as connection:
        connection.execute("select hand_on_memory_user(%s)", [str(user)])
        yield connection
        connection.rollback()


def seen(connection: psycopg.Connection, table: str) -> dict[Any, int]:
    """How many rows of which users."""
    user = "id" if table == "users" else "user_id"
    return dict(connection.execute(f"select {user}, count(*) from {table} group by 1".encode()).fetchall())


@pytest.mark.parametrize("table", OF_USERS)
def test_all_that_is_seen_is_that_of_the_user_for_whom_a_transaction_asks(world: World, table: str) -> None:
    with psycopg.connect(world.owner) as connection:
        there = seen(connection, table)
    assert set(there) == set(world.users)
    for user in world.users:
        with asking_for(world, user) as connection:
            assert seen(connection, table) == {user: there[user]}


@pytest.mark.parametrize("table", OF_USERS)
def test_where_it_does_not_reach_the_shards_nothing_is_seen(world: World, table: str) -> None:
    user = world.users[0]
    with psycopg.connect(world.app, autocommit=True) as connection:
        assert seen(connection, table) == {}
        connection.execute("select hand_on_memory_user(%s)", [str(user)])  # a transaction of its own
        assert seen(connection, table) == {}
        with connection.transaction():
            connection.execute("select set_config('memdb.user_id', %s, true)", [str(user)])
            assert seen(connection, table) == {}
            connection.execute("select hand_on_memory_user()")
            assert set(seen(connection, table)) == {user}
        connection.execute("select set_config('memdb.user_id', %s, false)", [str(user)])
        assert seen(connection, table) == {}


def test_what_is_said_ends_with_its_transaction_or_savepoint(world: World) -> None:
    ann, bob, *_ = world.users
    with psycopg.connect(world.app, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("select hand_on_memory_user(%s)", [str(ann)])
            with connection.transaction(force_rollback=True):
                connection.execute("select hand_on_memory_user(%s)", [str(bob)])
                assert set(seen(connection, "memories")) == {bob}
            assert set(seen(connection, "memories")) == {ann}
            assert connection.execute("show citus.propagate_set_commands").fetchone() == ("none",)
        assert seen(connection, "memories") == {}
        with connection.transaction():
            assert seen(connection, "memories") == {}


def test_claims_of_a_token_reach_the_shards_and_alone_count(world: World) -> None:
    ann, bob, *_ = world.users
    for claims, expected in (
        (f'{{"sub": "{ann}", "name": "O\'\'Hara"}}'.replace("''", "'"), {ann}),
        (r'{"name": "a \" \\ b"}', set()),
    ):
        with psycopg.connect(world.app) as connection:
            connection.execute("select set_config('memdb.user_id', %s, true)", [str(bob)])
            connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
            connection.execute("select hand_on_memory_user()")
            assert set(seen(connection, "memories")) == expected


@pytest.mark.parametrize("search", SEARCHES)
def test_each_search_finds_ones_own_and_nothing_of_others(world: World, search: str) -> None:
    ann, bob, *_ = world.users
    asked = {user: {"user": user, "collection": world.collections[user]} for user in (ann, bob)}
    query = f"select id from {search}".encode()
    with psycopg.connect(world.owner) as connection:
        expected = connection.execute(query, asked[ann]).fetchall()
    assert len(expected) > 0
    with asking_for(world, ann) as connection:
        for _ in range(7):  # from the sixth on, plans are made for any user
            assert connection.execute(query, asked[ann], prepare=True).fetchall() == expected
            assert connection.execute(query, asked[bob], prepare=True).fetchall() == []
    with psycopg.connect(world.app, autocommit=True) as connection:
        assert connection.execute(query, asked[ann]).fetchall() == []


@pytest.mark.parametrize("table", OF_USERS)
def test_rows_of_others_are_not_added_changed_or_deleted(world: World, table: str) -> None:
    ann, bob, *_ = world.users
    same = {"memories": "content = content", "memory_collections": "name = name"}
    change = same.get(table, "memory_id = memory_id")
    columns = {
        "memories": "(user_id, memory_type, content) values (%s, 'task', 'planted')",
        "memory_collections": "(user_id, collection_type, name) values (%s, 'journal', 'planted')",
    }
    add = columns.get(table, f"select * from {table} where user_id = %s")
    with psycopg.connect(world.owner) as connection:
        there = seen(connection, table)
    with asking_for(world, ann) as connection:
        for statement in (f"update {table} set {change} where user_id = %s", f"delete from {table} where user_id = %s"):
            assert connection.execute(statement.encode(), [bob]).rowcount == 0
        assert (
            connection.execute(f"update {table} set {change} where user_id = %s".encode(), [ann]).rowcount == there[ann]
        )
        if table in columns:
            assert connection.execute(f"insert into {table} {add}".encode(), [ann]).rowcount == 1
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(f"insert into {table} {add}".encode(), [bob])
    with psycopg.connect(world.owner) as connection:
        assert seen(connection, table) == there


@pytest.mark.parametrize("world", ["uuid"], indirect=True)
def test_users_of_the_stand_in_see_themselves(world: World) -> None:
    ann, *_ = world.users
    with asking_for(world, ann) as connection:
        assert seen(connection, "users") == {ann: 1}
    with psycopg.connect(world.app) as connection:
        assert seen(connection, "users") == {}


@pytest.mark.parametrize("world", ["uuid"], indirect=True)
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_a_session_that_acts_for_a_user_has_the_shards_know(world: World, driver: str) -> None:
    ann, bob, *_ = world.users
    engine = create_engine(address(world.app, driver))
    near = [0.5] * 1536
    async with sessions(engine)() as session:
        store = MemoryStore(session)
        assert await store.list(MemoryQuery(user_id=ann)) == []
        await session.rollback()
        act_for(session, ann)
        for _ in range(2):  # each transaction says it anew
            found = await store.list(MemoryQuery(user_id=ann, limit=2))
            assert [memory.user_id for memory in found] == [ann, ann]
            hers = found[0].id
            for other in (
                await store.list(MemoryQuery(user_id=bob)),
                await store.nearest(MemorySimilarityQuery(user_id=bob, embedding=near)),
                await store.search(bob, "the sea of no 7", near),
                await store.recall(bob, near),
            ):
                assert other == []
            assert len(await store.search(ann, "the sea of no 7", near, k=3)) == 3
            await session.rollback()
        act_for(session, bob)
        assert await store.get(hers, user_id=ann) is None
        assert await store.update(hers, MemoryUpdate(content="planted"), user_id=ann) is None
        assert await store.delete([hers], user_id=ann) == 0
        made = MemoryCreate(user_id=bob, memory_type=MemoryType.TASK, content="a", embedding=near)
        (id,) = await store.add_many([made])
        assert await store.delete([id], user_id=bob) == 1
        with pytest.raises(Exception, match="row-level security"):
            await store.add_many([made.model_copy(update={"user_id": ann})])
        await session.rollback()
    await engine.dispose()
