"""Over shards, the same is due as on one server, and pruned shard by shard, with nothing that somebody still wants."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import memdb
from memdb.lifecycle.pruning import Pace
from tests.integration.citus.conftest import SETS, Cluster, distributed_database

IDLE = """
update memory_retention_rules set most_per_user = 30 where memory_type = 'project';
update memories set created_at = now() - interval '90 days', accessed_at = now() - interval '60 days'
where id in (select id from memories order by id limit 700);
insert into memory_importance (memory_id, recalls, recalled_at)
select id, 1, now() - interval '1 day' from memories order by id limit 50;
insert into memory_retention (memory_id, user_id, pinned)
select id, user_id, true from memories order by id offset 50 limit 50;
insert into memory_retention (memory_id, user_id, expires_at)
select id, user_id, now() - interval '1 hour' from memories order by id offset 100 limit 50
"""
DUE = "select memory_id::text, memory_type::text, rule, accessed_at, recalled_at from memories_due() order by 1"


def due(connection: psycopg.Connection) -> list[Any]:
    return connection.execute(DUE).fetchall()


@pytest.fixture
def told(cluster: Cluster) -> Iterator[tuple[str, list[Any]]]:
    """A distributed database, and what was due there before its memories were spread."""
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=(*SETS, "importance", "retention")) as db:
            db.migrate()
            db.seed(memories=1200, users=12)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(IDLE)
            before = due(connection)
        with memdb.open(conninfo, sets=("citus",)) as db:
            db.migrate()
        yield conninfo, before


def test_what_is_due_is_pruned_from_all_shards_but_for_what_others_want(told: tuple[str, list[Any]]) -> None:
    conninfo, before = told
    assert {rule for _, _, rule, _, _ in before} == {"expired", "idle", "most per user"}
    with psycopg.connect(conninfo, autocommit=True) as connection, psycopg.connect(conninfo) as other:
        assert due(connection) == before
        wanted, recalled, *_ = (id for id, _, rule, _, _ in before if rule == "idle")
        owner = "(select user_id from memories where id = %s)"
        assert other.execute(f"select pin_memories({owner}, array[%s]::uuid[])", [wanted, wanted]).fetchone() == (1,)
        connection.execute(f"select note_memory_recalls({owner}, array[%s]::uuid[])", [recalled, recalled])
        with memdb.open(conninfo) as db:
            done = db.prune(pace=Pace(batch=70))
        assert sum(part.memories for part in done.deleted) == len(before) - 2
        assert [part.memories for part in done.left] == [1]  # as long as the pin is not committed
        other.commit()
        assert due(connection) == []
        left = connection.execute(
            "select count(*) from memories where id = any(%s::uuid[])", [[id for id, *_ in before]]
        )
        assert left.fetchone() == (2,)
        for table in ("memory_retention", "memory_importance"):
            orphans = f"select count(*) from {table} as b where not exists (select from memories as m where "
            assert connection.execute(
                f"{orphans} m.user_id = b.user_id and m.id = b.memory_id)".encode()
            ).fetchone() == (0,)
