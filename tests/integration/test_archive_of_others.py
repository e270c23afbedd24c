"""The set archive where users have memories of the same id, as whoever knows an id may write one of their own."""

from collections.abc import Iterator
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database
from memdb.database import Connection
from memdb.errors import DataError
from tests.conftest import new_database
from tests.integration.conftest import as_role

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
SETS = ("archive", "collections", "deduplication", "drop_hnsw", "importance", "retention", "row_security")
ARCHIVED: LiteralString = "select id, user_id, content from memory_archive order by 1, 2"
PLANT: LiteralString = """insert into memory_archive (
    id, user_id, memory_type, content, created_at, accessed_at, valid_from, valid_to, reason, replaced_by
) select %s, %s, 'task', 'planted', now(), now(), now(), now(), case when r is null then 'pruned' else 'merged' end, r
from cast(%s as uuid) as r"""
RESTORE: LiteralString = "select memory_id from restore_memories(%s, %s)"
MERGE: LiteralString = "select kept_id, merged_id from merge_memories(%s, %s)"
UNMERGE: LiteralString = "select restored_id from unmerge_memories(%s, %s)"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann said three things long ago, and recalled each a day later."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content, created_at, accessed_at) "
                "values (%s, %s, 'task', 'tea', now() - interval '90 days', now() - interval '89 days')",
                [(id, ANN) for id in (ONE, TWO, THREE)],
            )
        yield conninfo


@pytest.fixture
def copied(server: str, filled: str) -> Iterator[str]:
    with new_database(server, template=str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])) as conninfo:
        yield conninfo


@pytest.fixture
def connection(copied: str) -> Iterator[Connection]:
    with database.connect(copied, purpose="test") as connection:
        yield connection


def plant(admin: Connection, id: UUID, replaced_by: UUID | None = None) -> None:
    """Bob writes a row with this id into the archive, which policies allow: it is his."""
    with as_role(admin, f"bob_{admin.info.backend_pid}") as role:
        name = role.execute("select current_user").fetchone()[0]  # type: ignore[index]
        admin.execute(f"grant select, insert on memory_archive to {name}".encode())
        role.execute("select set_config('memdb.user_id', %s, false)", [str(BOB)])
        role.execute(PLANT, [id, BOB, replaced_by])


def test_a_row_that_somebody_planted_keeps_nobody_from_pruning(copied: str, connection: Connection) -> None:
    connection.execute("update memory_retention_rules set archive = memory_type = 'task'")
    plant(connection, TWO)
    with memdb.open(copied) as db:
        assert sum(each.memories for each in db.prune().deleted) == 3
        assert db.prune(dry_run=True).left == ()
    kept = [(id, ANN, "tea") for id in (ONE, TWO, THREE)]
    assert connection.execute(ARCHIVED).fetchall() == sorted([*kept, (TWO, BOB, "planted")])
    assert connection.execute(RESTORE, [ANN, [ONE, TWO]]).fetchall() == [(ONE,), (TWO,)]
    assert connection.execute(ARCHIVED).fetchall() == [(TWO, BOB, "planted"), (THREE, ANN, "tea")]


def test_each_brings_back_what_is_theirs_and_nothing_takes_its_place(connection: Connection) -> None:
    plant(connection, ONE)
    assert connection.execute(RESTORE, [BOB, [ONE]]).fetchall() == []  # Ann's is among memories
    connection.execute("select archive_memories(%s, %s, 'pruned')", [ANN, [ONE]])
    assert connection.execute(RESTORE, [BOB, [ONE]]).fetchall() == [(ONE,)]
    assert connection.execute(ARCHIVED).fetchall() == [(ONE, ANN, "tea")]
    assert connection.execute(RESTORE, [ANN, [ONE]]).fetchall() == []
    with memdb.open(connection.info.dsn) as db:
        db.forget(BOB)
    assert connection.execute(RESTORE, [ANN, [ONE]]).fetchall() == [(ONE,)]
    assert connection.execute("select user_id, content from memories where id = %s", [ONE]).fetchall() == [(ANN, "tea")]


def test_a_row_that_somebody_planted_is_no_part_of_a_merge(connection: Connection) -> None:
    plant(connection, TWO, replaced_by=ONE)
    plant(connection, UUID(int=9), replaced_by=ONE)
    assert connection.execute(MERGE, [ANN, [ONE, TWO]]).fetchall() == [(ONE, TWO)]
    assert connection.execute(UNMERGE, [ANN, ONE]).fetchall() == [(TWO,)]
    assert connection.execute("select from memory_merges").fetchall() == []


def test_a_merge_is_not_taken_back_for_whom_only_the_kept_memory_was_given_to(
    copied: str, connection: Connection
) -> None:
    connection.execute("update memories set created_at = now() - interval '99 days' where id = %s", [TWO])
    ((kept, merged),) = connection.execute(MERGE, [ANN, [ONE, TWO]]).fetchall()
    connection.execute("update memories set user_id = %s where id = %s", [BOB, kept])
    with pytest.raises(psycopg.errors.NoDataFound, match="is another user's in the archive"):
        connection.execute(UNMERGE, [BOB, kept])
    with memdb.open(copied) as db, pytest.raises(DataError, match="is another user's in the archive"):
        db.unmerge(kept)
    assert len(connection.execute("select from memory_merges").fetchall()) == 1
    connection.execute("update memory_archive set user_id = %s where id = %s", [BOB, merged])  # as the hint says
    assert connection.execute(UNMERGE, [BOB, kept]).fetchall() == [(merged,)]
    assert connection.execute("select from memory_merges").fetchall() == []
    assert connection.execute("select count(*) from memories where user_id = %s", [BOB]).fetchall() == [(2,)]


def test_who_sees_nothing_of_a_merge_in_the_archive_does_not_use_it_up(connection: Connection) -> None:
    ((kept, merged),) = connection.execute(MERGE, [ANN, [ONE, TWO]]).fetchall()
    connection.execute("update memories set user_id = %s where id = %s", [BOB, kept])
    with as_role(connection, f"bob_{connection.info.backend_pid}") as role:
        name = role.execute("select current_user").fetchone()[0]  # type: ignore[index]
        tables = "memories, memory_archive, memory_merges, memory_importance, memory_retention, "
        tables += "memory_collections, memory_collection_members"
        connection.execute(f"grant select, insert, update, delete on {tables} to {name}".encode())
        role.execute("select set_config('memdb.user_id', %s, false)", [str(BOB)])
        assert role.execute(UNMERGE, [BOB, kept]).fetchall() == []
        connection.execute("update memory_archive set user_id = %s where id = %s", [BOB, merged])
        assert role.execute(UNMERGE, [BOB, kept]).fetchall() == [(merged,)]
