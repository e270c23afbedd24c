"""A user is forgotten on their shard, from SQL and by memdb forget, with all that is noted beside their memories."""

from pathlib import Path

import psycopg
import pytest

import memdb
from memdb.errors import MemdbError
from tests.integration.citus.conftest import CARRIED, NOTED, Cluster, distributed_database

BESIDE = (
    "memories",
    "memory_collections",
    "memory_collection_members",
    "memory_importance",
    "memory_retention",
    "memory_embedding_sources",
)


def held(connection: psycopg.Connection, user: object) -> dict[str, int]:
    """How many rows of a user each table has."""
    counts = {}
    for table in BESIDE:
        counts[table], *_ = connection.execute(f"select count(*) from {table} where user_id = %s".encode(), [user])
    return {table: count for table, (count,) in counts.items()}


def test_all_that_is_a_users_goes_and_nobody_brings_them_back(cluster: Cluster, tmp_path: Path) -> None:
    with distributed_database(cluster) as conninfo, memdb.open(conninfo, sets=(*CARRIED, "citus")) as db:
        with memdb.open(conninfo, sets=CARRIED) as before:
            before.migrate()
            before.seed(memories=1200, users=12)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(NOTED)
            db.migrate()
            first, second, third = (id for (id,) in connection.execute("select id from users order by id limit 3"))
            theirs, others = held(connection, first), held(connection, third)
            assert min(theirs.values()) > 0
            db.export(tmp_path / "all.jsonl")
            forgotten = connection.execute("select * from forget_user(%s)", [first]).fetchall()
            assert {table.removeprefix("public."): count for table, count in forgotten} == theirs
            deleted = db.forget(second, and_user=True)
            assert (deleted.is_noted, deleted.deleted["public.users"]) == (True, 1)
            for user in (first, second):
                assert set(held(connection, user).values()) == {0}
                assert connection.execute("select is_forgotten_user(%s)", [user]).fetchone() == (True,)
            assert held(connection, third) == others
            with pytest.raises(MemdbError, match="forgotten"):
                db.import_(tmp_path / "all.jsonl")
