"""A forget that is killed at any moment has deleted all of one user's rows or none, and nothing of others."""

import random
import signal
import time
from collections.abc import Callable

import psycopg
import pytest

import memdb
from tests.faults.forks import Forks

MEMORIES = 3000
SIGNALS = [signal.SIGKILL] * 6 + [signal.SIGTERM, signal.SIGINT]


@pytest.mark.once
def test_a_forget_killed_at_any_moment_deletes_all_or_nothing(
    memdb: Forks, filled: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    killed = gone = 0
    with psycopg.connect(filled, autocommit=True) as connection:
        for number in SIGNALS:
            (user,) = connection.execute("select user_id from memories limit 1").fetchone() or (None,)
            child = memdb.start("forget", "--user", str(user), "--yes", "--database-url", filled)
            time.sleep(chance.uniform(0.1, 0.8))
            child.send(number)
            assert child.wait() in (0, -number, 130), child.said
            killed += number == signal.SIGKILL
            while connection.execute(
                "select from pg_stat_activity where application_name = 'memdb forget' and datname = current_database()"
            ).fetchall():
                pass
            rows = connection.execute(
                "select count(*), (select count(*) from memory_retention as r join memories as m on memory_id = id "
                "where m.user_id = %(user)s), exists(select from memory_forgotten_users where digest = "
                "memory_user_digest(%(user)s)) from memories where user_id = %(user)s",
                {"user": user},
            ).fetchone()
            assert rows in ((MEMORIES, MEMORIES, False), (0, 0, True)), child.said
            gone += rows == (0, 0, True)
        record_property("memdb forget", killed)
        left = connection.execute("select count(*) from memories").fetchone()
        assert left == ((len(SIGNALS) + 1 - gone) * MEMORIES,)


@pytest.fixture
def filled(migrated: str) -> str:
    with memdb.open(migrated, sets=["drop_hnsw", "erasure", "retention"]) as db:
        db.migrate()
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "with made as (insert into users select from generate_series(0, %s) returning id) "
            "insert into memories (user_id, memory_type, content) "
            "select id, 'task', 'a' from made cross join generate_series(1, %s) as n",
            [len(SIGNALS), MEMORIES],
        )
        connection.execute(
            "insert into memory_retention (memory_id, user_id, pinned) select id, user_id, true from memories"
        )
    return migrated
