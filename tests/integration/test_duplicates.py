"""memdb duplicates: what says the same is found and merged, nothing of it is lost, and it can be taken back."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
import psycopg
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from memdb import database
from memdb.cli import main
from memdb.database import Connection
from memdb.door import Database
from memdb.errors import DatabaseError, DataError, LockTimeout
from memdb.lifecycle.duplicates import nearest
from tests.conftest import new_database
from tests.integration.conftest import as_role
from tests.integration.orm.pooling import pooled

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("archive", "collections", "deduplication", "drop_hnsw", "importance", "retention", "row_security")
TEXTS = ("tea", "tea", " tea\n", "coffee", "Tea", "coffee  ")
EVERYTHING: LiteralString = """
select to_jsonb(m) as memory, to_jsonb(i) as importance, to_jsonb(r) as retention from memories as m
left join memory_importance as i on i.memory_id = m.id left join memory_retention as r on r.memory_id = m.id
order by m.id
"""
MEMBERS: LiteralString = "select collection_id, memory_id from memory_collection_members order by 1, 2"
MERGE: LiteralString = "select kept_id, merged_id, memory_type::text from merge_memories(%s, %s)"
MERGE_EXACT: LiteralString = "select kept_id, merged_id from merge_exact_duplicates(%s, %s)"
UNMERGE: LiteralString = "select restored_id from unmerge_memories(%s, %s)"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann and Bob say TEXTS each: number n was made n days before the first, and recalled n days after it."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            register_vector(connection)
            random = np.random.default_rng(1).standard_normal((3, 1536))
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            for user in (ANN, BOB):
                for n, text in enumerate(TEXTS):
                    vector = (
                        None if n == 2 else Vector(random[0] + 0.01 * n if text.strip().lower() == "tea" else random[1])
                    )
                    connection.execute(
                        "insert into memories (id, user_id, memory_type, content, embedding, created_at, accessed_at) "
                        "values (%(id)s, %(user)s, 'task', %(text)s, %(vector)s, "
                        "'2026-02-01'::timestamptz - %(n)s * interval '1 day', "
                        "'2026-03-01'::timestamptz + %(n)s * interval '1 day')",
                        {"id": id_of(n, user), "user": user, "text": text, "vector": vector, "n": n},
                    )
        yield conninfo


def id_of(number: int, user: UUID = ANN) -> UUID:
    return UUID(int=user.int + number)


@pytest.fixture
def merging(filled: str) -> Iterator[Connection]:
    with database.connect(filled, purpose="test") as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def copied(server: str, filled: str) -> Iterator[str]:
    """A database of its own, for what is committed."""
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with new_database(server, template=name) as conninfo:
        yield conninfo


@pytest.fixture
def db(copied: str) -> Database:
    return memdb.open(copied)


def contents(connection: Connection, user: UUID = ANN) -> list[str]:
    rows = connection.execute("select content from memories where user_id = %s order by id", [user])
    return [content for (content,) in rows]


def test_what_has_expired_is_merged_with_nothing(merging: Connection) -> None:
    """As the one that is kept it would be back, and as another one it would stay in the archive."""
    merging.execute("select expire_memories(%s, %s, now())", [ANN, [id_of(1)]])
    groups = merging.execute("select memory_ids from exact_duplicates(%s)", [ANN]).fetchall()
    assert groups
    assert not any(id_of(1) in ids for (ids,) in groups)
    together: LiteralString = "select merged_id from merge_memories(%s, %s)"
    assert merging.execute(together, [ANN, [id_of(0), id_of(1)]]).fetchall() == []
    assert merging.execute(together, [ANN, [id_of(0), id_of(1), id_of(2)]]).fetchall() == [(id_of(2),)]


def test_who_was_kept_and_is_archived_itself_has_to_be_brought_back_first(copied: str, db: Database) -> None:
    with psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("select merge_memories(%s, %s)", [ANN, [id_of(1), id_of(0)]])
        connection.execute("select supersede_memory(%s, %s, %s)", [ANN, id_of(1), id_of(5)])
        with pytest.raises(psycopg.errors.NoDataFound, match="is archived itself"):
            connection.execute(UNMERGE, [ANN, id_of(1)])
        assert connection.execute(UNMERGE, [BOB, id_of(1)]).fetchall() == []  # not his
        with pytest.raises(DataError, match="is archived itself") as raised:
            db.unmerge(id_of(1))
        assert raised.value.hint is not None
        assert "restore_memories" in raised.value.hint
        connection.execute("select restore_memories(%s, %s)", [ANN, [id_of(1)]])
        assert db.unmerge(id_of(1)).restored == (id_of(0),)


def test_what_is_kept_has_the_times_recalls_and_pins_of_all_and_gets_its_own_back(merging: Connection) -> None:
    merging.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of(0), id_of(1)]])
    merging.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of(0)]])
    merging.execute("select set_memory_importance(%s, %s, 0.9)", [ANN, [id_of(2)]])
    merging.execute("select pin_memories(%s, %s)", [ANN, [id_of(0)]])
    merging.execute("select expire_memories(%s, %s, 'tomorrow')", [ANN, [id_of(1)]])
    for number in (1, 2):
        collection = UUID(int=number)
        merging.execute(
            "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, 'a', 'a')",
            [collection, ANN],
        )
        merging.execute("select add_to_collection(%s, %s, %s)", [ANN, collection, [id_of(0), id_of(number)]])
    before, members = merging.execute(EVERYTHING).fetchall(), merging.execute(MEMBERS).fetchall()
    found = merging.execute(MERGE_EXACT, [ANN, 10]).fetchall()
    assert sorted(found) == [(id_of(1), id_of(0)), (id_of(1), id_of(2)), (id_of(5), id_of(3))]  # 2 has no embedding
    assert contents(merging) == ["tea", "Tea", "coffee  "]
    kept = merging.execute(
        "select m.created_at::date::text, m.accessed_at::date::text, i.recalls, i.importance, r.pinned, r.expires_at "
        "from memories as m join memory_importance as i on i.memory_id = m.id "
        "join memory_retention as r on r.memory_id = m.id where m.id = %s",
        [id_of(1)],
    ).fetchall()
    assert merging.execute(MEMBERS).fetchall() == [(UUID(int=1), id_of(1)), (UUID(int=2), id_of(1))]
    assert kept == [("2026-01-30", "2026-03-03", 3, 0.9, True, None)]
    assert merging.execute(MERGE_EXACT, [ANN, 10]).fetchall() == []
    merging.execute("set local timezone = 'Asia/Tokyo'")  # what is noted reads the same in every session
    assert merging.execute(UNMERGE, [ANN, id_of(1)]).fetchall() == [(id_of(0),), (id_of(2),)]
    assert merging.execute(UNMERGE, [ANN, id_of(5)]).fetchall() == [(id_of(3),)]
    merging.execute("set local timezone = 'UTC'")
    assert merging.execute(EVERYTHING).fetchall() == before
    assert merging.execute(MEMBERS).fetchall() == members
    assert merging.execute("select from memory_merges").fetchall() == []
    assert merging.execute(UNMERGE, [ANN, id_of(1)]).fetchall() == []


def test_what_has_changed_since_a_merge_stays_when_it_is_taken_back(merging: Connection) -> None:
    merging.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of(0), id_of(1)]])
    assert len(merging.execute(MERGE, [ANN, [id_of(0), id_of(1)]]).fetchall()) == 1
    merging.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of(1)]])
    merging.execute("select pin_memories(%s, %s)", [ANN, [id_of(1)]])
    merging.execute("update memories set accessed_at = '2026-05-01' where id = %s", [id_of(1)])
    assert len(merging.execute(MERGE, [ANN, [id_of(1), id_of(4)]]).fetchall()) == 1  # 4 is the older one
    assert merging.execute(UNMERGE, [ANN, id_of(4)]).fetchall() == [(id_of(1),)]
    assert merging.execute(UNMERGE, [ANN, id_of(1)]).fetchall() == [(id_of(0),)]
    rows = merging.execute(
        "select m.created_at::date::text, m.accessed_at::date::text, i.recalls, r.pinned from memories as m "
        "left join memory_importance as i on i.memory_id = m.id left join memory_retention as r on r.memory_id = m.id "
        "where m.user_id = %s and m.id <= %s order by m.id",
        [ANN, id_of(1)],
    ).fetchall()
    assert rows == [("2026-02-01", "2026-03-01", 1, None), ("2026-01-31", "2026-05-01", 2, True)]


def test_what_is_brought_back_for_another_user_is_in_a_collection_of_theirs(merging: Connection) -> None:
    merging.execute(
        "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, 'a', 'a')", [BOB, ANN]
    )
    merging.execute("select add_to_collection(%s, %s, %s)", [ANN, BOB, [id_of(4)]])
    merging.execute("select archive_memories(%s, %s, 'pruned')", [ANN, [id_of(4)]])
    for table in ("memory_collections", "memory_archive"):  # as an import does it that maps users
        merging.execute(f"update {table} set user_id = %s".encode(), [BOB])
    merging.execute("select restore_memories(%s, %s)", [BOB, [id_of(4)]])
    found = merging.execute("select collection_id, memory_id, user_id from memory_collection_members").fetchall()
    assert found == [(BOB, id_of(4), BOB)]


def test_what_has_expired_is_no_duplicate(merging: Connection) -> None:
    coffee = [id_of(3), id_of(5)]
    near = "select from near_duplicates(%s, 2) where %s in (memory_id, duplicate_id)"
    once = "select is_new from add_memory_once(%s, 'task', 'coffee', null)"
    assert merging.execute(near, [ANN, id_of(5)]).fetchall()
    assert merging.execute(once, [ANN]).fetchone() == (False,)
    measured = "select memories from near_duplicate_distance(%s)"
    (before,) = merging.execute(measured, [ANN]).fetchone() or (0,)
    merging.execute("select expire_memories(%s, %s, now() - interval '1 day')", [ANN, coffee])
    assert merging.execute(measured, [ANN]).fetchone() == (before - 1,), "nor does it say how near is near"
    assert not merging.execute(near, [ANN, id_of(5)]).fetchall()
    assert merging.execute(once, [ANN]).fetchone() == (True,)


def test_only_ones_own_are_merged_and_only_what_is_there(merging: Connection) -> None:
    before = merging.execute(EVERYTHING).fetchall()
    nobody = UUID(int=5)
    for ids in ([id_of(0), id_of(0, BOB)], [id_of(0), nobody, None], [id_of(0), id_of(0)], [], None):
        assert merging.execute(MERGE, [ANN, ids]).fetchall() == []
    assert merging.execute(MERGE, [None, [id_of(0), id_of(1)]]).fetchall() == []
    assert merging.execute(UNMERGE, [BOB, id_of(1)]).fetchall() == []
    assert merging.execute(EVERYTHING).fetchall() == before
    assert merging.execute(MERGE, [ANN, [id_of(3), id_of(0)]]).fetchall() == [(id_of(3), id_of(0), "task")]
    assert merging.execute(UNMERGE, [BOB, id_of(3)]).fetchall() == []


def test_the_command_lists_merges_and_brings_back(copied: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> str:
        assert main(["duplicates", *arguments, "--database-url", copied]) == 0
        return capsys.readouterr().out

    told = run("--limit", "3")
    assert "Shown are 3 of 4 groups" in told
    assert "4 groups that say the same: 6 memories more than needed: 6 task." in told
    fates = [line.split()[0] for line in told.splitlines() if line.startswith(("keep", "merge"))]
    assert fates[:5] == ["keep", "merge", "keep", "merge", "merge"]
    lines = told.splitlines()
    texts = [text for line, text in pairwise(lines) if line.startswith(("keep", "merge"))]
    assert {text.strip() for text in texts} <= {" ".join(text.split()) for text in TEXTS}, "below, where there is room"
    assert max(len(line) for line in lines if line.startswith(("keep", "merge"))) <= 72
    assert run("--merge", "--dry-run", "--limit", "3") == told
    assert "Merged 3 memories into 2, in 1 transaction" in run("--merge", "--yes", "--user", str(ANN))
    assert "2 groups that say the same" in run()
    assert "Merged 3 memories into 2" in run("--merge", "--yes")
    assert "0 groups that say the same: 0 memories more than needed." in run("--merge")
    assert "2 memories brought back, which had been merged into" in run("--undo", str(id_of(1)))
    with psycopg.connect(copied) as connection:
        assert connection.execute("select count(*) from memories").fetchone() == (8,)


@pytest.mark.once
def test_near_ones_are_merged_when_they_are_named_or_shown_and_it_was_agreed_to(
    copied: str, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    address = ["--database-url", copied]
    assert main(["duplicates", "--near", *address]) == 0
    told = capsys.readouterr().out
    assert "0 groups that say nearly the same" in told
    assert "too few memories with embeddings to tell what is near" in told
    given = ["duplicates", "--near", "--max-distance", "0.05", "--user", str(ANN)]
    assert main([*given, "--format", "json", *address]) == 0
    (group,) = json.loads(capsys.readouterr().out)["shown"]
    assert [member["content"] for member in group["members"]] == ["Tea", "tea"]  # of what says the same, one
    assert main([*given, "--merge", *address]) == 2  # nobody can be asked
    assert "cannot ask for confirmation" in capsys.readouterr().err
    assert main([*given, "--merge", "--yes", "--only", str(id_of(1)), *address]) == 0
    assert "0 groups" in capsys.readouterr().out
    found = db.duplicates(ANN, near=True, max_distance=0.05)
    with psycopg.connect(copied) as connection:
        connection.execute("update memories set content = 'green tea' where id = %s", [id_of(1)])
    assert (db.merge(found).merged, db.merge(found).changed) == ({}, 1)
    kept, other = (member.id for member in db.duplicates(ANN, near=True, max_distance=0.05).shown[0].members)
    merged = db.merge(db.duplicates(ANN, near=True, max_distance=0.05, only=[kept]))
    assert (merged.merged, merged.kept, merged.batches) == ({"task": 1}, 1, 1)
    assert db.unmerge(kept).restored == (other,)
    assert main(["duplicates", "--max-distance", "1", *address]) == 2
    assert main(["duplicates", "--undo", str(id_of(1)), "--merge", *address]) == 2
    for unknown in (UUID(int=5), id_of(3)):
        with pytest.raises(DataError):
            db.unmerge(unknown)
    with pytest.raises(DataError, match="has no memories"):
        db.duplicates(UUID(int=5))


@pytest.mark.once
def test_no_chain_of_near_ones_joins_what_is_far_apart() -> None:
    a, b, c, d = (UUID(int=number) for number in range(4))
    assert nearest([(b, c, 0.1), (a, b, 0.2), (c, d, 0.3)]) == {b: [(c, 0.1)]}
    assert nearest([(a, b, 0.1), (a, c, 0.2), (b, c, 0.2), (c, d, 0.3)]) == {a: [(b, 0.1), (c, 0.2)]}


def test_runs_at_the_same_time_merge_each_group_once_also_through_a_transaction_pooler(copied: str) -> None:
    with pooled(copied) as conninfo, ThreadPoolExecutor(3) as threads:
        found = memdb.open(conninfo).duplicates()
        runs = [threads.submit(memdb.open(conninfo).merge, found) for _ in range(3)]
        merged = [sum(run.result(60).merged.values()) for run in runs]
    assert sum(merged) == 6
    with psycopg.connect(copied) as connection:
        assert connection.execute("select count(*), count(distinct replaced_by) from memory_archive").fetchone() == (
            6,
            4,
        )


def test_merges_and_recalls_of_several_groups_never_wait_each_for_the_other(copied: str) -> None:
    """The group that is merged first has higher ids, and recalls are noted in the order of the ids."""
    everything, first = [id_of(n) for n in range(6)], [id_of(0), id_of(1)]
    with (
        psycopg.connect(copied) as holding,
        psycopg.connect(copied) as merging,
        psycopg.connect(copied) as noting,
        psycopg.connect(copied, autocommit=True) as looking,
        ThreadPoolExecutor(2) as threads,
    ):
        looking.execute("update memories set created_at = '2020-01-01' where content like 'coffee%'")
        note: LiteralString = "select note_memory_recalls(%s, %s)"
        looking.execute(note, [ANN, everything])

        def submit(connection: psycopg.Connection[Any], statement: LiteralString, given: Any) -> Any:
            run = threads.submit(lambda: connection.execute(statement, given).fetchall())
            while looking.execute("select pg_blocking_pids(%s)", [connection.info.backend_pid]).fetchone() == ([],):
                pass
            return run

        holding.execute("select from memory_importance where memory_id = %s for update", [id_of(5)])
        merges = submit(merging, MERGE_EXACT, [ANN, 100])
        recalls = submit(noting, note, [ANN, [*first, id_of(3)]])
        holding.rollback()
        assert len(merges.result(60)) == 3
        merging.commit()
        assert recalls.result(60)


def test_a_group_of_which_one_goes_while_it_is_waited_for_is_merged_without_it(copied: str) -> None:
    with (
        psycopg.connect(copied) as replacing,
        psycopg.connect(copied) as merging,
        psycopg.connect(copied, autocommit=True) as looking,
        ThreadPoolExecutor(1) as thread,
    ):
        looking.execute("delete from memories where id = %s", [id_of(5)])  # so there is one group
        ((group,),) = looking.execute("select memory_ids from exact_duplicates(%s)", [ANN])
        replacing.execute("select supersede_memory(%s, %s, %s)", [ANN, group[0], id_of(4)])
        merges = thread.submit(lambda: merging.execute(MERGE_EXACT, [ANN, 100]).fetchall())
        while looking.execute("select pg_blocking_pids(%s)", [merging.info.backend_pid]).fetchone() == ([],):
            pass
        replacing.commit()
        assert merges.result(60) == [(group[1], group[2])]


def test_what_somebody_takes_out_of_a_collection_while_a_merge_waits_does_not_come_back(copied: str) -> None:
    group, collection = [id_of(n) for n in range(3)], UUID(int=7)
    with (
        psycopg.connect(copied) as removing,
        psycopg.connect(copied) as merging,
        psycopg.connect(copied, autocommit=True) as looking,
        ThreadPoolExecutor(1) as thread,
    ):
        looking.execute(
            "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, 'journal', 'x')",
            [collection, ANN],
        )
        looking.execute("select add_to_collection(%s, %s, %s)", [ANN, collection, group])
        removing.execute("select remove_from_collection(%s, %s, %s)", [ANN, collection, group])
        merges = thread.submit(lambda: merging.execute(MERGE, [ANN, group]).fetchall())
        while looking.execute("select pg_blocking_pids(%s)", [merging.info.backend_pid]).fetchone() == ([],):
            pass
        removing.commit()
        assert len(merges.result(60)) == 2
        assert merging.execute(MEMBERS).fetchall() == []


def test_many_users_are_merged_with_few_locks(merging: Connection) -> None:
    merging.execute("insert into users select from generate_series(1, 2000)")
    merging.execute("select count(*) from users as u cross join lateral merge_exact_duplicates(u.id) as m")
    locks = merging.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone()
    assert (0,) < locks <= (1024,)  # type: ignore[operator]


def test_whoever_keeps_it_waiting_too_long_is_told_of(db: Database, copied: str) -> None:
    found = db.duplicates()
    with psycopg.connect(copied) as other:
        other.execute("lock table memories in share mode")
        with pytest.raises(LockTimeout, match="others have locked"):
            db.merge(found, wait_seconds=0.05)


def test_a_role_that_is_held_to_policies_merges_its_own_and_not_for_all(copied: str) -> None:
    with database.connect(copied, purpose="test") as admin:
        name = f"merger_{admin.info.backend_pid}"
        with as_role(admin, name) as role:
            beside = "memory_merges, memory_importance, memory_retention, memory_collection_members"
            granted = f"memories, memory_collections, memory_archive, {beside}"
            admin.execute(f"grant all on {granted} to {name}".encode())
            admin.execute(MERGE_EXACT, [BOB, 1])
            role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
            assert role.execute(MERGE_EXACT, [BOB, 10]).fetchall() == []
            assert len(role.execute(MERGE_EXACT, [ANN, 10]).fetchall()) == 3
            assert role.execute("select count(*) from memory_merges").fetchone() == (2,)
            assert role.execute(UNMERGE, [ANN, id_of(1)]).fetchall() == [(id_of(0),), (id_of(2),)]
            address = psycopg.conninfo.make_conninfo(copied, options=f"-c role={name}")
            with pytest.raises(DatabaseError, match="row-level security may hide"):
                memdb.open(address).duplicates()


@pytest.mark.once
def test_it_says_which_sets_it_needs(migrated: str) -> None:
    with memdb.open(migrated, sets=["deduplication"]) as db:
        with pytest.raises(DatabaseError, match="deduplication is not applied") as refused:
            db.duplicates()
        assert "--with deduplication" in refused.value.hint
        db.migrate()
        found = db.duplicates()
        with pytest.raises(DatabaseError, match="sets deduplication and archive are not applied") as missing:
            db.merge(found)
        assert "--with deduplication --with archive" in missing.value.hint


def test_what_was_merged_is_taken_along_and_can_be_taken_back_under_new_ids(
    db: Database, copied: str, tmp_path: Path
) -> None:
    with psycopg.connect(copied) as connection:
        connection.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of(0), id_of(1)]])
        connection.execute(
            "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, 'a', 'a')", [BOB, ANN]
        )
        connection.execute("select add_to_collection(%s, %s, %s)", [ANN, BOB, [id_of(0)]])
    db.merge(db.duplicates(ANN))
    file = db.export(tmp_path / "memories.jsonl", user=ANN).path
    assert db.import_(file, on_conflict="new-ids").beside["memory_merges"] == 2
    with psycopg.connect(copied) as connection:
        ((kept,),) = connection.execute(
            "select memory_id from memory_merges join memory_importance using (memory_id) where memory_id <> %s",
            [id_of(1)],
        ).fetchall()
        restored = db.unmerge(kept).restored
        assert len(restored) == 2
        ((member,),) = connection.execute(
            "select memory_id from memory_collection_members where collection_id <> %s", [BOB]
        ).fetchall()
        assert member in restored  # and what was kept is in its collection no more
        recalls = connection.execute("select memory_id, recalls from memory_importance order by recalls").fetchall()
    assert [number for _, number in recalls] == [1, 1, 2]
    assert recalls[2][0] == id_of(1)
