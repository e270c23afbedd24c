"""The set citus spreads memories over shards by user, and brings them back as they were."""

import signal
import subprocess
import sys
import threading
from typing import Any
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb.errors import HistoryError, MemdbError
from tests.integration.citus.conftest import CARRIED, NOTED, SETS, Cluster, distributed_database, rows, schema


def distribute(conninfo: str) -> None:
    with memdb.open(conninfo, sets=("citus",)) as db:
        db.migrate()


def bring_back(conninfo: str) -> None:
    with memdb.open(conninfo) as db:
        applied = [item.id for item in db.status().migrations if item.set == "citus" and item.applied_at]
        db.rollback(steps=len(applied), losing=True)


def tables(conninfo: str) -> dict[str, str]:
    """How each distributed table is kept: in shards (h), or whole on each node (n)."""
    with psycopg.connect(conninfo) as connection:
        kept = connection.execute("select logicalrelid::text, partmethod::text from pg_dist_partition").fetchall()
        return dict(kept)


def test_memories_are_spread_with_their_users_and_come_back_exactly(local: str) -> None:
    before, there = schema(local), rows(local)
    distribute(local)
    assert tables(local) == {"users": "h", "memories": "h", "memory_collections": "h"}
    assert rows(local) == there
    with memdb.open(local) as db:
        assert db.verify().ok
    bring_back(local)
    assert (tables(local), rows(local)) == ({}, there)
    assert schema(local) == before


def test_all_sets_that_are_carried_go_and_come_back_together(cluster: Cluster) -> None:
    beside = ("memory_importance", "memory_embedding_sources", "memory_collection_members", "memory_retention")
    of_all = ("memory_recall_weights", "memory_retention_rules")
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=CARRIED) as db:
            db.migrate()
            db.seed(memories=1200, users=12)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(NOTED)
        before, there = schema(conninfo), rows(conninfo, *beside, *of_all)
        distribute(conninfo)
        assert tables(conninfo) == {
            **dict.fromkeys(("users", "memories", "memory_collections", *beside), "h"),
            **dict.fromkeys(of_all, "n"),
        }
        assert rows(conninfo, *beside[2:], *of_all).items() <= there.items()
        with memdb.open(conninfo) as db:
            assert db.verify().ok
        bring_back(conninfo)
        assert rows(conninfo, *beside, *of_all) == there
        assert schema(conninfo) == before


def test_what_is_noted_of_a_memory_is_its_users_and_goes_with_it(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        ((user, id),) = connection.execute(
            "insert into memories (user_id, memory_type, content) select id, 'task', 'a' from users order by id limit 1"
            " returning user_id, id"
        ).fetchall()
        note = "select note_memory_recalls(%(u)s, %(i)s), set_memory_importance(%(u)s, %(i)s, 0.9)"
        assert connection.execute(note, {"u": user, "i": [id, UUID(int=1)]}).fetchone() == (1, 1)
        assert connection.execute(note, {"u": UUID(int=1), "i": [id]}).fetchone() == (0, 0)
        noted = "select recalls, importance from memory_importance where user_id = %s and memory_id = %s"
        assert connection.execute(noted, [user, id]).fetchone() == (1, 0.9)
        connection.execute("delete from memories where user_id = %s and id = %s", [user, id])
        assert connection.execute(noted, [user, id]).fetchone() is None


def test_a_run_that_is_killed_while_rows_move_leaves_all_as_it_was_and_the_next_goes_on(local: str) -> None:
    there = rows(local)
    with memdb.open(local, sets=("citus",)) as db:
        db.migrate(to="4049")
    command = [sys.executable, "-m", "memdb", "migrate", "--with", "citus", "--database-url", local]
    with (
        psycopg.connect(local, autocommit=True) as connection,
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as run,
    ):
        while run.poll() is None and not connection.execute(MOVING).fetchall():
            pass
        run.kill()
        run.wait()
        assert run.returncode == -signal.SIGKILL
        while connection.execute(MOVING).fetchall():
            pass  # the server notices, and takes it back
    assert (tables(local), rows(local)) == ({}, there)
    distribute(local)
    assert (len(tables(local)), rows(local)) == (3, there)


MOVING = """
select 1 from pg_locks where mode = 'ExclusiveLock' and relation = 'memories'::regclass
and database = (select oid from pg_database where datname = current_database())
"""


def test_deleting_a_user_deletes_their_memories_in_the_shard(spread: str) -> None:
    with psycopg.connect(spread, autocommit=True) as connection:
        ((user,),) = connection.execute("insert into users default values returning id").fetchall()
        connection.execute("insert into memories (user_id, memory_type, content) values (%s, 'task', 'a')", [user])
        connection.execute("delete from users where id = %s", [user])
        assert connection.execute("select count(*) from memories where user_id = %s", [user]).fetchone() == (0,)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("insert into memories (user_id, memory_type, content) values (%s, 'task', 'a')", [user])


def test_users_with_another_key_are_on_all_nodes_and_what_else_refers_to_them_keeps_its_cascade(
    cluster: Cluster,
) -> None:
    own = (
        "create table users (id uuid primary key default gen_random_uuid(), email text unique);"
        "create table sessions (id bigserial primary key, user_id uuid references users (id) on delete cascade);"
        "comment on table sessions is 'Who is there.'; comment on column users.email is 'Where they read.'"
    )
    with distributed_database(cluster) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(own)
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        connection.execute("insert into users (email) values ('ann'), ('bob')")
        connection.execute("insert into sessions (user_id) select id from users")
        connection.execute("insert into memories (user_id, memory_type, content) select id, 'task', email from users")
        before = schema(conninfo)
        distribute(conninfo)
        assert {"users": "n", "memories": "h"}.items() <= tables(conninfo).items()
        connection.execute("delete from users where email = 'ann'")
        counts = "select (select count(*) from sessions), (select count(*) from memories), (select count(*) from users)"
        assert connection.execute(counts).fetchone() == (1, 1, 1)
        bring_back(conninfo)
        assert (tables(conninfo), connection.execute(counts).fetchone()) == ({}, (1, 1, 1))
        assert schema(conninfo) == before


def test_all_that_is_in_the_way_is_said_before_anything_is_changed(local: str) -> None:
    in_the_way = (
        "create function stay() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger stays before insert on memories for each row execute function stay();"
        "create unique index by_text on memories (id, content);"
        "create table labels (memory_id uuid references memories (id));"
        "create index by_meaning on memories using hnsw (embedding vector_cosine_ops);"
        "create policy theirs on memories using (user_id = (select gen_random_uuid()))"
    )
    with psycopg.connect(local, autocommit=True) as connection:
        connection.execute(in_the_way)
    before = schema(local)
    with pytest.raises(MemdbError) as refused:
        distribute(local)
    said = str(refused.value)
    for what in (
        "the table memories has the trigger stays",
        "the key by_text of memories does not have the user",
        "the table labels refers to memories",
        "the index by_meaning is an HNSW index: apply the set drop_hnsw first",
        "the policy theirs on memories has a subquery",
    ):
        assert what in said
    assert schema(local) == before


def test_sets_that_are_not_carried_are_named(cluster: Cluster) -> None:
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=("drop_hnsw", "archive", "deduplication")) as db:
            db.migrate()
        with pytest.raises(MemdbError, match="does not carry these sets, which are applied: archive") as said:
            distribute(conninfo)
        assert "deduplication" not in said.value.message
        assert "archive: it keeps rows of whatever table refers to memories" in said.value.hint


def test_a_set_that_comes_too_late_is_refused_before_anything_is_run(local: str) -> None:
    distribute(local)
    before = schema(local)
    with memdb.open(local, sets=("importance",)) as db:
        for call in (db.migrate, db.plan):
            with pytest.raises(HistoryError, match="the set importance has to come before the set citus") as refused:
                call()
            assert "memdb rollback --to 1016_hide_from_filtered_search" in refused.value.hint
        found = [finding for finding in db.lint().findings if finding.rule == "refused"]
        assert [finding.message for finding in found] == [refused.value.message]
    assert schema(local) == before
    with memdb.open(local) as db:
        assert db.migrate().steps == ()


def test_an_id_that_two_users_have_is_said_before_they_come_back(local: str) -> None:
    distribute(local)
    with psycopg.connect(local, autocommit=True) as connection:
        connection.execute(
            "insert into memories (id, user_id, memory_type, content)"
            " select m.id, u.id, 'task', 'twice' from (select id, user_id from memories limit 1) as m"
            " cross join (select id from users order by id limit 2) as u where u.id <> m.user_id limit 1"
        )
        with pytest.raises(MemdbError, match="several users have memories with one id"):
            bring_back(local)
        assert tables(local)["memories"] == "h"
        connection.execute("delete from memories where content = 'twice'")
    bring_back(local)
    assert tables(local) == {}


def test_who_writes_and_reads_meanwhile_loses_nothing_and_meets_no_deadlock(local: str) -> None:
    with psycopg.connect(local) as connection:
        (users,) = connection.execute("select array_agg(id) from users").fetchone() or ([],)
    done, failed, written = threading.Event(), list[Exception](), list[Any]()

    def work(number: int) -> None:
        with psycopg.connect(local, autocommit=True) as connection:
            while not done.is_set():
                try:
                    with connection.transaction():
                        user = users[(len(written) + number) % len(users)]
                        if number:
                            connection.execute(
                                "insert into memory_collections (user_id, collection_type, name) values (%s, 'a', 'b')",
                                [user],
                            )
                        row = connection.execute(
                            "insert into memories (user_id, memory_type, content) values (%s, 'task', 'a')"
                            " returning id",
                            [user],
                        ).fetchone()
                    written.append(row)
                except psycopg.Error as error:
                    failed.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in (0, 1)]
    for thread in threads:
        thread.start()
    try:
        distribute(local)
        bring_back(local)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    with psycopg.connect(local) as connection:
        (count,) = connection.execute("select count(*) from memories where content = 'a'").fetchone() or (0,)
    assert count == len(written)
    assert [str(error) for error in failed] == []
