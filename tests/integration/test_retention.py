"""The set retention and memdb prune: what is due goes, by which rule is said, and nothing else is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database, target, trust
from memdb.cli import main
from memdb.database import Connection
from memdb.door import Database
from memdb.errors import DatabaseError, LockTimeout, UsageError
from memdb.lifecycle.pruning import Due
from tests.conftest import new_database
from tests.integration.conftest import as_role
from tests.integration.orm.pooling import pooled

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("drop_hnsw", "importance", "retention", "row_security")
PIN: LiteralString = "select pin_memories(%s, %s, %s)"
EXPIRE: LiteralString = "select expire_memories(%s, %s, %s::timestamptz)"
NOTE: LiteralString = "select note_memory_recalls(%s, %s)"
PRUNE: LiteralString = "select memory_type::text, rule, memories from prune_memories(%s)"
DUE: LiteralString = "select memory_id, rule from memories_due() order by memory_id"
LEFT: LiteralString = "select id from memories order by id"


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ann and Bob have ten memories each of each tier, made 100 days ago; number n was recalled 10 n days ago."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute(
                "insert into users (id) values (%(ann)s), (%(bob)s);"
                "insert into memories (id, user_id, memory_type, content, created_at, accessed_at) "
                "select (left(u.id::text, 23) || lpad((t.place * 10 + n)::text, 13, '-000000000000'))::uuid, "
                "u.id, t.tier, 'a', now() - interval '101 days', now() - n * interval '10 days' "
                "from users as u cross join unnest(enum_range(null::memory_type)) with ordinality as t (tier, place) "
                "cross join generate_series(0, 9) as n".replace("%(ann)s", f"'{ANN}'").replace("%(bob)s", f"'{BOB}'")
            )
        yield conninfo


def id_of(tier: str, number: int, user: UUID = ANN) -> UUID:
    place = ("personal", "project", "task").index(tier) + 1
    return UUID(f"{str(user)[:23]}-{place * 10 + number:012}")


@pytest.fixture
def pruning(filled: str) -> Iterator[Connection]:
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


def due(connection: Connection) -> dict[UUID, str]:
    rows = connection.execute(DUE).fetchall()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


@pytest.mark.parametrize("by", ["the owner", "a role with rights of its own"])
def test_what_is_noted_of_a_memory_goes_along_to_the_user_it_is_given_to(pruning: Connection, by: str) -> None:
    pinned, expired = id_of("task", 9), id_of("task", 8)
    pruning.execute(PIN, [ANN, [pinned], True])
    pruning.execute(EXPIRE, [ANN, [expired], "yesterday"])
    if by != "the owner":
        pruning.execute("create role mover bypassrls; grant select, update on memories to mover")
        pruning.execute("grant select (memory_id), update (user_id) on memory_retention to mover; set role mover")
    pruning.execute("update memories set user_id = %s where user_id = %s", [BOB, ANN])
    pruning.execute("reset role")
    assert pruning.execute("select memory_id from memories_expired(%s)", [BOB]).fetchall() == [(expired,)]
    pruning.execute("delete from users where id = %s", [ANN])
    due = dict(pruning.execute(DUE).fetchall())
    assert pinned not in due
    assert due[expired] == "expired"


def test_what_is_due_is_told_once_with_the_first_rule_that_applies_and_goes(pruning: Connection) -> None:
    assert pruning.execute(EXPIRE, [ANN, [id_of("personal", 3), id_of("task", 9)], "yesterday"]).fetchone() == (2,)
    assert pruning.execute(EXPIRE, [ANN, [id_of("personal", 4)], "tomorrow"]).fetchone() == (1,)
    assert pruning.execute(PIN, [ANN, [id_of("task", 8), id_of("project", 9)], True]).fetchone() == (2,)
    pruning.execute("update memory_retention_rules set most_per_user = 7 where memory_type = 'project'")
    pruning.execute("update memory_retention_rules set most_per_user = 2 where memory_type = 'task'")
    pruning.execute("insert into memory_importance (memory_id, recalled_at) values (%s, now())", [id_of("task", 7)])
    expected = {id_of("personal", 3): "expired", id_of("task", 9): "expired"}
    expected |= {id_of("task", n): "idle" for n in (3, 4, 5, 6)} | {id_of("task", n, BOB): "idle" for n in range(3, 10)}
    expected |= {id_of("project", n): "most per user" for n in (7, 8)}  # 9 is pinned, and does not count
    expected |= {id_of("project", n, BOB): "most per user" for n in (7, 8, 9)}
    expected |= {id_of("task", n): "most per user" for n in (1, 2)}  # 7 was recalled just now
    expected |= {id_of("task", 2, BOB): "most per user"}
    before = {id for (id,) in pruning.execute(LEFT)}
    assert due(pruning) == expected
    gone: dict[tuple[str, str], int] = {}
    while batch := pruning.execute(PRUNE, [4]).fetchall():
        assert sum(memories for *_, memories in batch) <= 4
        for tier, rule, memories in batch:
            gone[tier, rule] = gone.get((tier, rule), 0) + memories
    assert gone == {
        ("personal", "expired"): 1, ("task", "expired"): 1, ("task", "idle"): 11,
        ("project", "most per user"): 5, ("task", "most per user"): 3,
    }  # fmt: skip
    assert {id for (id,) in pruning.execute(LEFT)} == before - expected.keys()
    assert len(pruning.execute("select from memory_retention").fetchall()) == 3


def test_nothing_is_idle_until_a_recall_was_noted_and_what_expires_goes_all_the_same(pruning: Connection) -> None:
    pruning.execute("update memories set created_at = accessed_at")
    pruning.execute(EXPIRE, [BOB, [id_of("project", 1, BOB)], "-infinity"])
    assert due(pruning) == {id_of("project", 1, BOB): "expired"}
    pruning.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of("personal", 1)]])
    assert len(due(pruning)) == 15
    pruning.execute("delete from memory_importance")
    pruning.execute("update memories set accessed_at = now() where id = %s", [id_of("task", 9)])
    assert len(due(pruning)) == 14


@pytest.mark.once
def test_what_was_deleted_as_idle_is_not_said_to_count_as_idle_never(copied: str, db: Database) -> None:
    with psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("update memories set created_at = accessed_at where memory_type <> 'task'")
        connection.execute(
            "delete from memories where memory_type = 'task' and accessed_at > now() - interval '35 days'"
        )
    done = db.prune()
    assert [(due.tier, due.rule) for due in done.deleted] == [("task", "idle")]
    assert done.refused == ()
    assert db.prune(dry_run=True).refused == ("task",)


def test_the_last_that_was_said_of_a_memory_counts_and_only_ones_own_are_changed(pruning: Connection) -> None:
    ids = [id_of("task", 1), id_of("task", 0), id_of("task", 1), id_of("task", 0, BOB), UUID(int=5), None]
    assert pruning.execute(PIN, [ANN, ids, None]).fetchone() == (2,)
    assert pruning.execute(EXPIRE, [ANN, ids[:1], "infinity"]).fetchone() == (1,)
    kept: LiteralString = "select memory_id, pinned, expires_at is null from memory_retention order by 1"
    assert pruning.execute(kept).fetchall() == [(ids[1], True, True), (ids[0], False, False)]
    pruning.execute(PIN, [ANN, ids[:1], True])
    pruning.execute(EXPIRE, [ANN, ids[:2], None])  # does not take a pin away
    assert pruning.execute(kept).fetchall() == [(ids[1], True, True), (ids[0], True, True)]
    pruning.execute(PIN, [ANN, ids[:2], False])
    assert pruning.execute(kept).fetchall() == [(ids[1], False, True), (ids[0], False, True)]
    for nothing in (list[UUID](), None):
        assert pruning.execute(PIN, [ANN, nothing, True]).fetchone() == (0,)
        assert pruning.execute(EXPIRE, [None, nothing, None]).fetchone() == (0,)


@pytest.mark.parametrize(
    ("statement", "given"),
    [("update memory_retention_rules set idle_for = %s::interval", ["-1 day"]),
     ("update memory_retention_rules set idle_for = %s::interval", ["100000 years"]),
     ("update memory_retention_rules set most_per_user = %s", [0]),
     ("insert into memory_retention (memory_id, user_id, pinned, expires_at) values (%s, %s, true, now())",
      [id_of("task", 1), ANN]),
     ("insert into memory_retention (memory_id, user_id) values (%s, %s)", [UUID(int=5), ANN]), (PRUNE, [-1])],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error(pruning: Connection, statement: LiteralString, given: Any) -> None:
    with pytest.raises((psycopg.errors.DataError, psycopg.errors.IntegrityError)), pruning.transaction():
        pruning.execute(statement, given)


def test_what_others_are_changing_or_have_just_recalled_is_passed_over(copied: str) -> None:
    with psycopg.connect(copied) as other, psycopg.connect(copied, autocommit=True) as connection:
        other.execute("update memories set accessed_at = now() where id = %s", [id_of("task", 9)])
        other.execute(PIN, [ANN, [id_of("task", 8)], True])
        assert connection.execute(PRUNE, [3]).fetchall() == [("task", "idle", 3)]
        assert connection.execute(PRUNE, [None]).fetchall() == [("task", "idle", 9)]
        other.commit()
        assert connection.execute(PRUNE, [None]).fetchall() == []
        assert {id_of("task", 8), id_of("task", 9)} < {id for (id,) in connection.execute(LEFT)}


def test_what_is_pinned_recalled_or_changed_while_a_batch_is_put_together_is_kept(copied: str) -> None:
    """A statement does not see what others commit after it has begun: here, it waits once it has found what is due."""
    expired = [id_of("personal", n) for n in (1, 2, 3)]
    slowly: LiteralString = """
        create table due as select * from memories_due();
        create or replace function memories_due() returns table (
            memory_id uuid, memory_type memory_type, rule text, accessed_at timestamptz, recalled_at timestamptz
        ) language plpgsql volatile as $$ begin
            return query select * from public.due;
            perform pg_advisory_xact_lock(7);
        end $$;
        select pg_advisory_lock(7);
    """
    with psycopg.connect(copied) as pruner, psycopg.connect(copied, autocommit=True) as connection:
        connection.execute(EXPIRE, [ANN, expired, "yesterday"])
        connection.execute(slowly)
        with ThreadPoolExecutor(1) as thread:
            pruning = thread.submit(lambda: pruner.execute(PRUNE, [None]).fetchall())
            wait_until_blocked(connection, pruner)
            assert connection.execute(PIN, [ANN, [expired[0], id_of("task", 9)], True]).fetchone() == (2,)
            assert connection.execute(EXPIRE, [ANN, [expired[1]], None]).fetchone() == (1,)
            assert connection.execute("select note_memory_recalls(%s, %s)", [ANN, [id_of("task", 8)]]).fetchone() == (
                1,
            )
            connection.execute("update memories set accessed_at = now() where id = %s", [id_of("task", 7)])
            connection.execute("update memories set memory_type = 'personal' where id = %s", [id_of("task", 6)])
            connection.execute("select pg_advisory_unlock(7)")
            assert pruning.result(60) == [("personal", "expired", 1), ("task", "idle", 10)]
        pruner.commit()
        kept = {*expired[:2], *(id_of("task", n) for n in (6, 7, 8, 9))}
        assert kept < {id for (id,) in connection.execute(LEFT)}


def test_who_has_a_memory_locked_is_waited_for_and_its_pin_is_not_lost(copied: str) -> None:
    memory = id_of("task", 9)
    asked: list[tuple[LiteralString, Any]] = [
        (PIN, [ANN, [memory], True]), (EXPIRE, [ANN, [memory], None]),
        ("select set_memory_importance(%s, %s, 1)", [ANN, [memory]]),
    ]  # fmt: skip
    with psycopg.connect(copied) as locking, psycopg.connect(copied) as pinning, ThreadPoolExecutor(1) as thread:
        for statement, given in asked:
            locking.execute("select from memories where id = %s for update", [memory])
            waiting = thread.submit(first, pinning, statement, given)
            wait_until_blocked(locking, pinning)
            locking.rollback()
            assert waiting.result(60) == (1,)
            pinning.rollback()
        locking.execute("delete from memories where id = %s", [memory])
        waiting = thread.submit(first, pinning, PIN, [ANN, [memory], True])
        wait_until_blocked(locking, pinning)
        locking.commit()
        assert waiting.result(60) == (0,)


def first(connection: psycopg.Connection[Any], statement: LiteralString, given: Any) -> Any:
    return connection.execute(statement, given).fetchone()


def wait_until_blocked(looking: psycopg.Connection[Any], blocked: psycopg.Connection[Any]) -> None:
    asked: LiteralString = "select %s = any(pg_blocking_pids(%s))"
    while looking.execute(asked, [looking.info.backend_pid, blocked.info.backend_pid]).fetchone() != (True,):
        pass


def test_the_command_says_what_is_due_deletes_it_and_goes_on_where_it_was_stopped(
    db: Database, copied: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = db.prune(dry_run=True)
    assert (counted.left, counted.deleted, counted.dry_run) == ((Due("task", "idle", 14),), (), True)
    assert main(["prune", "--batch", "5", "--time-limit", "0", "--database-url", copied]) == 0
    told = capsys.readouterr().out
    assert "Deleted 5 memories, in 1 transaction" in told
    assert "9 memories due, and left: 9 task (idle)." in told
    assert "vacuum (analyze) public.memories;" in told
    heard: list[int] = []
    rest = db.prune(pace=memdb.Pace(batch=4, pause_seconds=0), on_batch=heard.append)
    assert (rest.deleted, rest.left, heard) == ((Due("task", "idle", 9),), (), [4, 4, 1])
    assert db.prune().deleted == ()


@pytest.mark.once
def test_the_command_says_which_rules_do_not_count_and_what_is_to_be_reviewed(
    copied: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(copied) as connection:
        connection.execute("update memories set created_at = accessed_at")
        connection.execute(
            "insert into memory_retention (memory_id, user_id, review_at) "
            "select id, user_id, now() from memories limit 3"
        )
    assert main(["prune", "--database-url", copied]) == 0
    told = capsys.readouterr().out
    assert "Deleted 0 memories." in told
    assert "No task memory counts as idle" in told
    assert "3 memories to be reviewed" in told


@pytest.mark.once
@pytest.mark.parametrize(
    "given",
    [{"batch": 0}, {"batch": 100_001}, {"pause_seconds": -1}, {"pause_seconds": float("nan")}, {"limit_seconds": -1}],
)
def test_a_pace_that_cannot_be_kept_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        memdb.Pace(**given)


def test_runs_take_turns_also_through_a_transaction_pooler(copied: str) -> None:
    with pooled(copied) as conninfo, ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(memdb.open(conninfo).prune, pace=memdb.Pace(batch=2)) for _ in range(3)]
        deleted = [sum(found.memories for found in run.result(60).deleted) for run in runs]
    assert sum(deleted) == 14


def test_whoever_keeps_it_waiting_too_long_is_told_of(db: Database, copied: str) -> None:
    with psycopg.connect(copied) as other:
        other.execute("lock table memories in share mode")
        with pytest.raises(LockTimeout, match="others have locked"):
            db.prune(wait_seconds=0.05)


def test_a_memory_to_which_another_table_refers_is_told_of_with_what_helps(db: Database, copied: str) -> None:
    with psycopg.connect(copied, autocommit=True) as other:
        other.execute("create table notes (memory_id uuid references memories)")
        other.execute("insert into notes select memory_id from memories_due() limit 1")
        with pytest.raises(DatabaseError, match=r'refer to a memory that is due: .* on table "notes"') as refused:
            db.prune()
        assert "Pin what is still needed" in (refused.value.hint or "")


def test_a_role_that_is_held_to_policies_keeps_its_own_and_does_not_prune_for_all(copied: str) -> None:
    with database.connect(copied, purpose="test") as admin:
        name = f"pruner_{admin.info.backend_pid}"
        with as_role(admin, name) as role:
            granted = "memories, memory_importance, memory_retention, memory_retention_rules"
            admin.execute(f"grant all on {granted} to {name}".encode())
            admin.execute(PIN, [BOB, [id_of("task", 9, BOB)], True])
            role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
            assert role.execute(PIN, [ANN, [id_of("task", 9)], True]).fetchone() == (1,)
            assert role.execute(EXPIRE, [BOB, [id_of("task", 0, BOB)], "yesterday"]).fetchone() == (0,)
            assert role.execute("select memory_id from memory_retention").fetchall() == [(id_of("task", 9),)]
            assert role.execute("update memory_retention_rules set idle_for = '1 day'").rowcount == 0
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                role.execute(
                    "insert into memory_retention (memory_id, user_id) values (%s, %s)", [id_of("task", 1, BOB), ANN]
                )
            assert role.execute(PRUNE, [None]).fetchall() == [("task", "idle", 6)]
        left = {id for (id,) in admin.execute(LEFT)}
    assert {id_of("task", n, BOB) for n in range(10)} | {id_of("task", 9)} < left


@pytest.mark.once
def test_it_is_refused_where_it_would_see_only_some_run_others_code_or_is_not_there(
    connection: Connection, copied: str
) -> None:
    with pytest.raises(DatabaseError, match="retention is not applied") as refused:
        memdb.open(connection.info.dsn).prune()
    assert "--with retention" in refused.value.hint
    with database.connect(copied, purpose="test") as admin:
        name = f"mallory_{admin.info.backend_pid}"
        with as_role(admin, name):
            admin.execute(f"grant all on memories, memory_retention, memory_retention_rules to {name}".encode())
            address = psycopg.conninfo.make_conninfo(copied, options=f"-c role={name}")
            with pytest.raises(DatabaseError, match="row-level security may hide"):
                memdb.open(address).prune(dry_run=True)
            admin.execute(f"alter function memory_recalls() owner to {name}".encode())
            with pytest.raises(DatabaseError, match="memory_recalls"):
                memdb.open(copied).prune()
            admin.execute("alter function memory_recalls() owner to current_user")
            # Up to PostgreSQL 17, a trigger of a table that changes along at second hand would run as whoever prunes.
            admin.execute("create table deeper (id uuid references memory_retention on delete cascade)")
            admin.execute(f"alter table deeper owner to {name}".encode())
            with pytest.raises(DatabaseError, match=f"deeper belongs to '{name}'"):
                memdb.open(copied).prune()
            admin.execute("drop table deeper")
            with database.connect(copied, purpose="test") as pruner, pruner.transaction():
                trust.held_referrers(pruner, [target.enter(pruner).memories])
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    admin.execute("set lock_timeout = 20; create table deeper (id uuid references memory_retention)")
