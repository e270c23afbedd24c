"""Prune after a merge: what a merge writes is not taken for a recall, and nothing is deleted by age because of it."""

from collections.abc import Iterator
from typing import LiteralString
from uuid import UUID

import pytest

import memdb
from memdb import database
from memdb.database import Connection
from tests.conftest import new_database
from tests.integration.conftest import as_role

ANN = UUID(int=1 << 96)
SETS = ("archive", "deduplication", "drop_hnsw", "importance", "retention", "row_security")
DUE: LiteralString = "select count(*) from memories_due()"
MERGE: LiteralString = "select kept_id from merge_exact_duplicates(%s)"
FIXED: LiteralString = "select proconfig from pg_proc where oid = 'memories_are_recalled()'::regprocedure"


@pytest.fixture
def merged(server: str, template: str) -> Iterator[Connection]:
    """Ann said nine things, the first two of which are the same, from 90 days ago on; nothing was ever recalled."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s)", [ANN])
            connection.execute(
                "insert into memories (user_id, memory_type, content, created_at, accessed_at) "
                "select %s, 'task', greatest(n, 2), now() - n * interval '10 days', now() - n * interval '10 days' "
                "from generate_series(1, 9) as n",
                [ANN],
            )
            assert connection.value(DUE) == 0
            assert len(connection.execute(MERGE, [ANN]).fetchall()) == 1
            yield connection


def test_a_merge_is_no_recall_and_one_after_it_is(merged: Connection) -> None:
    assert merged.value(DUE) == 0
    merged.execute("update memories as m set accessed_at = now() from memory_merges as g where g.memory_id = m.id")
    assert merged.value(DUE) == 7


def test_recalls_of_other_memories_count_after_a_merge(merged: Connection) -> None:
    merged.execute("update memories set accessed_at = accessed_at + interval '1 day' where content = '9'")
    assert merged.value(DUE) == 7


def test_whoever_pruned_before_there_were_merges_prunes_on(server: str, template: str) -> None:
    with new_database(server, template=template) as conninfo, database.connect(conninfo, purpose="test") as admin:
        with memdb.open(conninfo, sets=("drop_hnsw", "retention", "row_security")) as db:
            db.migrate()
        name = f"pruner_{admin.info.backend_pid}"
        with as_role(admin, name) as role:
            admin.execute(f"grant select, update, delete on memories to {name}".encode())
            admin.execute(f"grant select on memory_retention, memory_retention_rules to {name}".encode())
            with memdb.open(conninfo, sets=("archive", "deduplication")) as db:
                db.migrate()
                admin.execute(f"grant select, insert, update, delete on memory_archive to {name}".encode())
                assert role.execute("select prune_memories()").fetchall() == []
                assert admin.value(FIXED) == ['search_path=""']
                db.rollback(to="3326_create_retention_follows_memory", losing=True)
            assert role.execute("select prune_memories()").fetchall() == []
            assert admin.value(FIXED) == ['search_path=""']
