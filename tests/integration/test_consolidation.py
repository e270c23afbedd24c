"""The set consolidation: a queue of memories to be summed up, and workers of which any may die."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

import memdb
from memdb import database
from memdb.database import Connection
from memdb.door import Database
from memdb.errors import DatabaseError, UsageError
from memdb.lifecycle.consolidating import Source, Summary, Terms
from tests.conftest import new_database
from tests.integration.conftest import as_role
from tests.integration.orm.pooling import pooled

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("consolidation", "drop_hnsw", "retention", "row_security")
ROOT = Path(__file__).parents[2]
ENQUEUE: LiteralString = "select enqueue_consolidation(%s, %s)"
CLAIM: LiteralString = "select job_id, token, memories from claim_consolidation(%s, %s::interval, %s)"
COMPLETE: LiteralString = "select complete_consolidation(%s, %s, %s, null)"
FAIL: LiteralString = "select fail_consolidation(%s, %s, %s)"
SOURCES: LiteralString = "select memory_id, place, source_id from memory_sources order by memory_id, place"
STALE: LiteralString = "select memory_id, sources, deleted, changed from stale_summaries() order by 1"
LAPSE: LiteralString = "update memory_consolidation_jobs set available_at = now() where token is not null"
"""Has every lease run out, as if its time had passed."""


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann and Bob have 45 task memories and 5 personal ones each: number n is n days old."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content, created_at) "
                "values (%s, %s, %s, %s, now() - make_interval(days => %s))",
                [
                    (id_of(n, user), user, "personal" if n > 45 else "task", f"memory {n}", n)
                    for n in range(1, 51)
                    for user in (ANN, BOB)
                ],
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


@pytest.fixture
def db(copied: str) -> Database:
    return memdb.open(copied)


class Joining:
    """A summarizer that needs no model."""

    def summarize(self, memories: Sequence[Source]) -> Summary:
        return Summary(" / ".join(memory.content for memory in memories), [1.0] * 1536, {"source": "consolidation"})


def claimed(connection: Any, lease: str = "5 minutes", batch: int | None = 1) -> list[Any]:
    return list(connection.execute(CLAIM, ["tester", lease, batch]).fetchall())


def test_what_is_old_enough_and_in_no_summary_is_proposed_in_batches_of_a_user_and_tier(connected: Connection) -> None:
    proposed: LiteralString = "select memory_type::text, memory_ids from consolidation_proposals() where user_id = %s"
    oldest, newest = (
        ("task", [id_of(n) for n in range(45, 25, -1)]), ("task", [id_of(n) for n in range(25, 6, -1)])
    )  # fmt: skip
    assert connected.execute(proposed, [ANN]).fetchall() == [oldest, newest]  # not those of the last 6 days
    connected.execute("update memory_consolidation_rules set fewest = 20")
    assert connected.execute(proposed, [ANN]).fetchall() == [oldest]
    job = connected.value(ENQUEUE, [ANN, oldest[1]])
    connected.execute("update memory_consolidation_rules set fewest = 1")
    assert connected.execute(proposed, [ANN]).fetchall() == [newest]
    ((id, token, _),) = claimed(connected)
    assert connected.value(COMPLETE, [id, token, "a summary"]) == job
    connected.execute("update memories set created_at = now() - interval '1 year' where id = %s", [job])
    assert connected.execute(proposed, [ANN]).fetchall() == [newest]  # neither the summary nor its sources
    connected.execute("delete from memories where id = %s", [job])
    assert connected.execute(proposed, [ANN]).fetchall() == [oldest, newest]
    with pytest.raises(psycopg.errors.CheckViolation):
        connected.execute("update memory_consolidation_rules set fewest = 21")


def test_many_users_take_few_locks_and_no_job_reads_the_others(copied: str) -> None:
    """The server's table of locks holds some thousand, and the queue is empty when the plans are made."""
    with psycopg.connect(copied) as connection:
        connection.execute(
            "with made as (insert into users select from generate_series(1, 2000) returning id) "
            "insert into memories (user_id, memory_type, content, created_at) "
            "select id, 'task', 'a', now() - interval '60 days' from made"
        )
        connection.execute("update memory_consolidation_rules set fewest = 1")
        connection.commit()
        connection.execute("analyze memory_consolidation_jobs, memory_consolidation_sources")
        made = connection.execute(
            "select count(enqueue_consolidation(p.user_id, p.memory_ids)) from consolidation_proposals() as p"
        ).fetchone()
        assert made == (2004,)
        locks = connection.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone()
        assert (0,) < locks <= (1024,)  # type: ignore[operator]
        read: LiteralString = (
            "select sum(seq_tup_read) from pg_stat_xact_user_tables where relname like 'memory_consolidation_%s'"
        )
        assert connection.execute(read.replace("%s", "jobs")).fetchone() == (0,)
        assert connection.execute(read.replace("%s", "sources")).fetchone() == (0,)
        fetched: LiteralString = (
            "select sum(idx_tup_fetch) from pg_stat_xact_user_tables where relname like 'memory_consolidation_%'"
        )
        (before,) = connection.execute(fetched).fetchone() or (0,)
        assert before < 20_000
        jobs = connection.execute(CLAIM, ["worker", "5 minutes", 3]).fetchall()
        assert len(jobs) == 3
        for id, token, _ in jobs:
            assert connection.execute(COMPLETE, [id, token, "a summary"]).fetchone() == (id,)
        (after,) = connection.execute(fetched).fetchone() or (0,)
        assert after - before < 200


@pytest.mark.parametrize("lease", ["0", "-5 minutes", "25 hours", "-1 month"])
def test_a_lease_that_would_give_a_job_to_two_workers_or_keep_it_from_all_is_refused(
    connected: Connection, lease: str
) -> None:
    connected.value(ENQUEUE, [ANN, [id_of(9)]])
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="a lease of"), connected.transaction():
        claimed(connected, lease)
    assert len(claimed(connected, "1 day")) == 1


def test_a_memory_is_in_one_job_at_a_time_of_its_user(connected: Connection) -> None:
    ids = [id_of(9), id_of(47), id_of(8), id_of(9), id_of(1, BOB), UUID(int=5), None]
    job = connected.value(ENQUEUE, [ANN, ids])
    for again in (ids, [], None):
        assert connected.value(ENQUEUE, [ANN, again]) is None
    assert connected.value(ENQUEUE, [None, ids]) is None
    ((id, _, memories),) = claimed(connected, batch=None)
    assert id == job
    assert [UUID(memory["id"]) for memory in memories] == [id_of(47), id_of(9), id_of(8)]  # the oldest first
    assert memories[0]["content"] == "memory 47"
    assert (
        connected.value("select memory_type::text from memory_consolidation_jobs") == "personal"
    )  # which is kept longest
    assert claimed(connected) == []


def test_a_summary_is_a_memory_that_says_of_what_it_was_made(connected: Connection) -> None:
    job = connected.value(ENQUEUE, [ANN, [id_of(9), id_of(8)]])
    ((id, token, _),) = claimed(connected)
    assert connected.value(COMPLETE, [id, uuid4(), "of nobody"]) is None
    assert connected.value(COMPLETE, [uuid4(), token, "of nothing"]) is None
    assert connected.value(COMPLETE, [id, None, "without a token"]) is None
    assert connected.value(COMPLETE, [id, token, "both"]) == job
    kept: LiteralString = "select user_id, memory_type::text, content from memories where id = %s"
    assert connected.execute(kept, [job]).fetchone() == (ANN, "task", "both")
    assert connected.execute(SOURCES).fetchall() == [(job, 1, id_of(9)), (job, 2, id_of(8))]
    for table in ("memory_consolidation_jobs", "memory_consolidation_sources"):
        assert connected.value(f"select count(*) from {table}".encode()) == 0
    assert connected.value(COMPLETE, [id, token, "twice"]) is None
    assert connected.value("select count(*) from memories") == 101
    assert connected.execute(STALE).fetchall() == []


def test_a_summary_is_known_to_be_stale_when_a_source_is_deleted_or_says_something_else(connected: Connection) -> None:
    job = connected.value(ENQUEUE, [ANN, [id_of(n) for n in (8, 9, 10, 11)]])
    ((id, token, _),) = claimed(connected)
    connected.execute("delete from memories where id = %s", [id_of(10)])  # after the worker has read it
    connected.execute("update memories set content = 'other' where id = %s", [id_of(11)])
    connected.value(COMPLETE, [id, token, "a summary"])
    assert connected.execute(STALE).fetchall() == [(job, 4, 1, 1)]
    connected.execute("update memories set content = 'memory 11', accessed_at = now() where id = %s", [id_of(11)])
    assert connected.execute(STALE).fetchall() == [(job, 4, 1, 0)]
    connected.execute("delete from memories where id = %s", [id_of(8)])
    assert connected.execute(STALE).fetchall() == [(job, 4, 2, 0)]
    connected.execute("select expire_memories(%s, %s, now())", [ANN, [id_of(9)]])
    assert connected.execute(STALE).fetchall() == [(job, 4, 3, 0)]
    connected.execute("delete from memories where id = %s", [job])
    assert connected.execute(SOURCES).fetchall() == []


def test_what_has_expired_is_no_part_of_a_summary(connected: Connection) -> None:
    expire: LiteralString = "select expire_memories(%s, %s, now() - interval '1 day')"
    proposed: LiteralString = "select from consolidation_proposals() where %s = any(memory_ids)"
    assert connected.execute(proposed, [id_of(45)]).fetchall()
    for memories in ([id_of(45)], [id_of(43), id_of(44)]):
        connected.execute(ENQUEUE, [ANN, memories])
    connected.execute(expire, [ANN, [id_of(42), id_of(44), id_of(45)]])
    assert not connected.execute(proposed, [id_of(42)]).fetchall()
    [(_, _, memories)] = connected.execute(CLAIM, ["worker", "5 minutes", 10]).fetchall()
    assert [memory["id"] for memory in memories] == [str(id_of(43))]


def test_however_many_have_expired_each_is_looked_at_once(connected: Connection) -> None:
    """Where they do not fit into work_mem, each memory was compared with all of them."""
    connected.execute(
        "with made as (insert into memories (user_id, memory_type, content, created_at) "
        "select %s, 'task', 'a', now() - interval '60 days' from generate_series(1, 20000) returning id) "
        "insert into memory_retention (memory_id, user_id, expires_at) select id, %s, now() from made",
        [ANN, ANN],
    )
    connected.execute("analyze memories, memory_retention")
    connected.execute("set local work_mem = '64kB'")
    connected.execute("set local statement_timeout = '8s'")
    assert connected.execute("select from consolidation_proposals()").fetchall()


def test_a_worker_and_whoever_deletes_memories_never_wait_each_for_the_other(copied: str) -> None:
    """The oldest memory, which has the highest id, is the first of its job; and who deletes begins with the lowest."""
    low, high = id_of(41), id_of(45)
    with (
        psycopg.connect(copied) as deleting,
        psycopg.connect(copied) as worker,
        psycopg.connect(copied, autocommit=True) as looking,
        ThreadPoolExecutor(1) as thread,
    ):
        looking.execute(ENQUEUE, [ANN, [id_of(n) for n in range(41, 46)]])
        looking.execute("select expire_memories(%s, array(select id from memories), now())", [ANN])
        deleting.execute("delete from memories where id = %s", [low])
        claiming = thread.submit(claimed, worker)  # so the job is deleted, with what it was to sum up
        blocked: LiteralString = "select pg_blocking_pids(%s)"
        while looking.execute(blocked, [worker.info.backend_pid]).fetchone() == ([],):
            pass
        deleting.execute("delete from memories where id = %s", [high])
        deleting.commit()
        assert claiming.result(60) == []


def test_a_worker_does_not_wait_for_who_deletes_and_is_not_given_what_goes(db: Database, copied: str) -> None:
    with psycopg.connect(copied) as deleting, psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("set lock_timeout = '1ms'")
        (emptied,) = connection.execute(ENQUEUE, [ANN, [id_of(43)]]).fetchone() or ()
        deleting.execute("delete from memories where id = any(%s)", [[id_of(45), id_of(43)]])
        done = db.consolidate(Joining(), terms=Terms(propose=False))
        assert (done.summaries, done.failed) == ((), 1)
        connection.execute("update memory_consolidation_jobs set available_at = now()")
        assert [(id, memories) for id, _, memories in claimed(connection)] == [(emptied, [])]
        deleting.commit()
        connection.execute(LAPSE)
        assert db.consolidate(Joining(), terms=Terms(propose=False)).failed == 0
        assert connection.execute("select count(*) from memory_consolidation_jobs").fetchone() == (0,)
        connection.execute(ENQUEUE, [ANN, [id_of(41), id_of(42)]])
        deleting.execute("delete from memories where id = %s", [id_of(41)])
        [(_, _, memories)] = claimed(connection)
        assert [memory["id"] for memory in memories] == [str(id_of(42))]


def test_a_memory_that_nobody_can_read_keeps_no_worker_from_the_rest(db: Database, copied: str) -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    with psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("update memories set metadata = %s where id = %s", [deep, id_of(45)])
        for memory in (id_of(45), id_of(44)):
            connection.execute(ENQUEUE, [ANN, [memory]])
        done = db.consolidate(Joining(), terms=Terms(propose=False))
        assert (len(done.summaries), done.failed) == (1, 1)
        (error,) = connection.execute("select last_error from memory_consolidation_jobs").fetchone() or ()
        assert "deep" in error


def test_what_was_given_to_another_user_is_no_part_of_a_summary(connected: Connection) -> None:
    gone, job = (connected.value(ENQUEUE, [ANN, memories]) for memories in ([id_of(45)], [id_of(43), id_of(44)]))
    connected.execute("update memories set user_id = %s where id = any(%s)", [BOB, [id_of(44), id_of(45)]])
    [(id, _, memories)] = claimed(connected, batch=2)
    assert (id, [memory["id"] for memory in memories]) == (job, [str(id_of(43))])
    assert connected.value("select count(*) from memory_consolidation_jobs where id = %s", [gone]) == 0


def test_what_is_deleted_before_a_worker_reads_it_is_no_part_of_a_summary(connected: Connection) -> None:
    emptied = connected.value(ENQUEUE, [ANN, [id_of(12)]])
    job = connected.value(ENQUEUE, [ANN, [id_of(8), id_of(9)]])
    claimed(connected, batch=2)
    connected.execute("delete from memories where id = any(%s)", [[id_of(9), id_of(12)]])
    connected.execute(LAPSE)
    ((id, token, memories),) = claimed(connected, batch=2)
    assert (id, len(memories)) == (job, 1)
    connected.value(COMPLETE, [id, token, "a summary"])
    assert connected.execute(SOURCES).fetchall() == [(job, 2, id_of(8))]
    assert connected.value("select count(*) from memory_consolidation_jobs where id = %s", [emptied]) == 0
    assert connected.execute(STALE).fetchall() == []


def test_a_job_that_fails_is_tried_again_ever_later_and_then_set_aside(connected: Connection) -> None:
    job = connected.value(ENQUEUE, [ANN, [id_of(8)]])
    waits = []
    for _ in range(5):
        ((id, token, _),) = claimed(connected)
        assert connected.value(FAIL, [id, uuid4(), "not mine"]) is False
        assert connected.value(FAIL, [id, token, "too long " * 500]) is True
        assert connected.value(FAIL, [id, token, "twice"]) is False
        assert connected.value(COMPLETE, [id, token, "after all"]) is None
        assert claimed(connected) == []
        waits.append(connected.value("select available_at - now() from memory_consolidation_jobs").total_seconds())
        connected.execute("update memory_consolidation_jobs set available_at = now()")
    assert waits == [60, 120, 240, 480, 960]
    assert claimed(connected) == []
    aside: LiteralString = (
        "select id, attempts, length(last_error) from memory_consolidation_jobs where set_aside_at <= now()"
    )
    assert connected.execute(aside).fetchall() == [(job, 5, 1000)]
    connected.execute("update memory_consolidation_jobs set attempts = 0, set_aside_at = null")
    assert len(claimed(connected)) == 1


def test_a_job_with_which_every_worker_dies_is_set_aside(connected: Connection) -> None:
    connected.value(ENQUEUE, [ANN, [id_of(8)]])
    for _ in range(5):
        assert len(claimed(connected)) == 1
        connected.execute(LAPSE)
    assert claimed(connected) == []
    assert "lease ran out" in connected.value(
        "select last_error from memory_consolidation_jobs where set_aside_at is not null"
    )


def test_whoever_listens_hears_of_a_job_at_the_commit_and_nothing_of_whose_it_is(copied: str) -> None:
    with psycopg.connect(copied, autocommit=True) as listening, pooled(copied) as conninfo:
        listening.execute("listen memory_consolidation")
        with psycopg.connect(conninfo, prepare_threshold=None) as enqueuing:
            enqueuing.execute(ENQUEUE, [ANN, [id_of(8)]])
            enqueuing.execute(ENQUEUE, [ANN, [id_of(8)]])
            assert list(listening.notifies(timeout=0)) == []
        (heard,) = listening.notifies(timeout=10, stop_after=1)
    assert (heard.channel, heard.payload) == ("memory_consolidation", "")


WORKER = """
import sys
import memdb
from memdb.lifecycle import consolidating
with memdb.open(sys.argv[1]) as db, db.connected("consolidate") as connection:
    job = consolidating.claim(connection, consolidating.Terms(worker="the one that dies"))
    print(job.id, job.token, flush=True)
    sys.stdin.read()
"""


def test_a_worker_that_dies_leaves_its_job_to_the_next_and_comes_too_late_if_it_did_not(
    db: Database, copied: str
) -> None:
    with psycopg.connect(copied, autocommit=True) as connection:
        for user in (ANN, BOB):
            connection.execute(ENQUEUE, [user, [id_of(8, user), id_of(9, user)]])
        command = [sys.executable, "-c", WORKER, copied]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dying:
            assert dying.stdout is not None
            job, token = map(UUID, dying.stdout.readline().split())
            dying.kill()
        other = db.consolidate(Joining(), terms=Terms(propose=False))
        assert (len(other.summaries), job in other.summaries) == (1, False)  # the lease of the dead one still lasts
        connection.execute(LAPSE)
        second = db.consolidate(Joining(), terms=Terms(propose=False))
        assert second.summaries == (job,)
        assert connection.execute(COMPLETE, [job, token, "from beyond"]).fetchone() == (None,)
        assert connection.execute(FAIL, [job, token, "from beyond"]).fetchone() == (False,)
        said: LiteralString = "select content, metadata from memories where id = %s"
        content, metadata = connection.execute(said, [job]).fetchone() or (None, None)
    assert (content, metadata) == ("memory 9 / memory 8", {"source": "consolidation"})


def test_many_workers_do_each_job_once_also_through_a_transaction_pooler(copied: str) -> None:
    with pooled(copied) as conninfo, ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(memdb.open(conninfo).consolidate, Joining()) for _ in range(3)]
        results = [run.result(60) for run in runs]
    assert sum(result.proposed for result in results) == 4
    summaries = [id for result in results for id in result.summaries]
    with psycopg.connect(copied) as connection:
        counted = connection.execute("select count(*), count(distinct source_id) from memory_sources").fetchone()
        left = connection.execute("select count(*) from memory_consolidation_jobs").fetchone()
    assert (len(set(summaries)), len(summaries), counted, left) == (4, 4, (78, 78), (0,))


def test_a_worker_gives_back_what_it_cannot_do_and_goes_on(db: Database, copied: str) -> None:
    class Picky:
        def summarize(self, memories: Sequence[Source]) -> Summary:
            if len(memories) == 1:
                raise ValueError("too few\0")
            return Summary(" " if len(memories) == 2 else "fine", [1.0] if len(memories) == 3 else None)

    with psycopg.connect(copied) as connection:
        for ids in ([8], [9, 10], [11, 12, 13], [14, 15, 16, 17]):
            connection.execute(ENQUEUE, [ANN, [id_of(n) for n in ids]])
    heard: list[str] = []
    done = db.consolidate(Picky(), terms=Terms(propose=False, limit=9), on_job=heard.append)
    assert (done.failed, len(done.summaries), done.refused) == (3, 1, 0)
    assert sorted(heard) == ["completed", "failed", "failed", "failed"]
    with psycopg.connect(copied) as connection:
        errors = connection.execute("select last_error from memory_consolidation_jobs order by 1").fetchall()
    assert [error.partition(":")[0] for (error,) in errors] == ["InvalidMemory", "InvalidMemory", "ValueError"]

    class Slow(Joining):
        def summarize(self, memories: Sequence[Source]) -> Summary:
            with psycopg.connect(copied) as connection:  # somebody else gets the job meanwhile
                connection.execute(LAPSE)
                claimed(connection, batch=9)
            return super().summarize(memories)

    with psycopg.connect(copied) as connection:
        connection.execute(ENQUEUE, [ANN, [id_of(20)]])
    assert db.consolidate(Slow(), terms=Terms(propose=False, limit=1)).refused == 1


@pytest.mark.once
def test_a_worker_is_refused_where_it_would_see_only_some_run_others_code_or_nothing_is_there(
    connection: Connection, copied: str
) -> None:
    with pytest.raises(DatabaseError, match="consolidation is not applied"):
        memdb.open(connection.info.dsn).consolidate(Joining())
    with database.connect(copied, purpose="test") as admin:
        name = f"mallory_{admin.info.backend_pid}"
        with as_role(admin, name):
            admin.execute(f"grant all on all tables in schema public to {name}".encode())
            address = psycopg.conninfo.make_conninfo(copied, options=f"-c role={name}")
            with pytest.raises(DatabaseError, match="row-level security may hide"):
                memdb.open(address).consolidate(Joining())
            admin.execute(f"alter function stale_summaries() owner to {name}".encode())
            with pytest.raises(DatabaseError, match="stale_summaries"):
                memdb.open(copied).consolidate(Joining())
            admin.execute("alter function stale_summaries() owner to current_user")
    for terms in ({"lease_seconds": 0}, {"lease_seconds": float("nan")}, {"limit": 0}):
        with pytest.raises(UsageError):
            Terms(**terms)


def test_a_role_that_is_held_to_policies_sums_up_its_own(copied: str) -> None:
    with database.connect(copied, purpose="test") as admin:
        name = f"worker_{admin.info.backend_pid}"
        with as_role(admin, name) as role:
            admin.execute(f"grant all on all tables in schema public to {name}".encode())
            admin.execute(ENQUEUE, [BOB, [id_of(8, BOB)]])
            role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
            rows = role.execute("select distinct user_id from consolidation_proposals()").fetchall()
            assert rows == [(ANN,)]
            assert role.execute(ENQUEUE, [ANN, [id_of(8), id_of(9)]]).fetchone() != (None,)
            assert role.execute(ENQUEUE, [BOB, [id_of(9, BOB)]]).fetchone() == (None,)
            ((id, token, memories),) = claimed(role, batch=5)
            assert len(memories) == 2
            assert role.execute(COMPLETE, [id, token, "Ann's"]).fetchone() == (id,)
            assert role.execute("select count(*) from memory_sources").fetchone() == (2,)
            assert role.execute("select count(*) from memory_consolidation_jobs").fetchone() == (0,)
            assert role.execute("update memory_consolidation_rules set most = 30").rowcount == 0
            for statement in (
                f"insert into memory_sources values ('{id}', 7, '{id_of(8, BOB)}', '')",
                f"insert into memory_consolidation_jobs (user_id, memory_type) values ('{BOB}', 'task')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                    role.execute(statement.encode())
        assert admin.value("select count(*) from memory_consolidation_jobs") == 1


@pytest.mark.once
def test_sources_of_summaries_are_taken_along_and_the_queue_stays(db: Database, copied: str, tmp_path: Path) -> None:
    with psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("delete from memories where id = %s", [id_of(45)])
        summaries = db.consolidate(Joining()).summaries
        connection.execute(ENQUEUE, [ANN, [id_of(1)]])
        connection.execute("delete from memories where id = %s", [id_of(44)])
        before = connection.execute(SOURCES).fetchall()
        file = db.export(tmp_path / "memories.jsonl").path
        connection.execute("delete from memories")
        db.import_(file)
        assert connection.execute(SOURCES).fetchall() == before
        assert len(connection.execute(STALE).fetchall()) == 1
        connection.execute("delete from memories")
        db.import_(file, on_conflict="new-ids")
        after = connection.execute(SOURCES).fetchall()
        assert len(after) == len(before)
        assert not {id for row in after for id in (row[0], row[2]) if id} & {id for row in before for id in row}
        assert len(summaries) == 4
        assert connection.execute("select count(*) from memory_consolidation_jobs").fetchone() == (1,)


@pytest.mark.once
def test_the_example_sums_up_without_a_model(copied: str) -> None:
    command = [sys.executable, str(ROOT / "examples" / "consolidate.py"), copied]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "4 summaries" in done.stdout
    with psycopg.connect(copied) as connection:
        row = connection.execute(
            "select m.content from memories as m join memory_sources as s on s.memory_id = m.id where "
            "user_id = %s order by length(content) desc limit 1",
            [ANN],
        ).fetchone()
    assert row is not None
    assert "memory 45" in row[0]
