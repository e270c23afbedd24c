"""A worker that is killed at any moment has stored whole summaries and nothing else; the next one does the rest."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

import memdb
from tests.faults.forks import Forks
from tests.faults.test_seed_kills import SIGNALS

WORKER = Path(__file__).parents[2] / "examples" / "consolidate.py"
USERS, EACH = 25, 10
LAPSE: LiteralString = "update memory_consolidation_jobs set available_at = now() where token is not null"
"""Has every lease run out, as if its time had passed."""
OTHERS: LiteralString = "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
KNOWN: LiteralString = """
    select (select count(*) from memory_consolidation_jobs),
        (select count(*) from memories as m where exists (select from memory_sources as s where s.memory_id = m.id)),
        array(select distinct count(*) from memory_sources group by memory_id),
        array(select distinct count(*) from memory_consolidation_sources group by job_id),
        (select count(*) from memory_sources as s join memory_consolidation_sources as j on s.source_id = j.source_id)
"""


@pytest.fixture
def filled(migrated: str) -> str:
    with memdb.open(migrated, sets=["consolidation", "drop_hnsw"]) as db:
        db.migrate()
    with psycopg.connect(migrated) as connection:
        connection.execute("update memory_consolidation_rules set fewest = 1, most = 5")
        connection.execute(
            "alter table memory_consolidation_jobs alter column most_attempts set default 1000"
        )  # each of them may die with any worker
        connection.execute(
            "with made as (insert into users select from generate_series(1, %s) returning id) "
            "insert into memories (user_id, memory_type, content, created_at) "
            "select id, 'task', 'number ' || n || '. And more.', now() - interval '60 days' "
            "from made cross join generate_series(1, %s) as n",
            [USERS, EACH],
        )
    return migrated


def test_a_worker_killed_at_any_moment_leaves_whole_summaries_and_the_rest_to_the_next(
    memdb: Forks, filled: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    jobs, killed = USERS * EACH // 5, 0
    with psycopg.connect(filled, autocommit=True) as connection:
        for number in chance.sample(SIGNALS, k=len(SIGNALS)):
            children = [memdb.start_program(WORKER, filled) for _ in range(2)]
            time.sleep(chance.uniform(0, 0.3))
            for child in children:
                child.send(number)
                assert child.wait() in (0, -number, 130), child.said
                killed += number == signal.SIGKILL
            while connection.execute(OTHERS).fetchall():
                pass
            ((left, done, of_summary, of_job, of_both),) = connection.execute(KNOWN).fetchall()
            assert left + done in (0, jobs)  # what is proposed becomes jobs at once
            assert ({*of_summary, *of_job} <= {5}, of_both) == (True, 0)
            connection.execute(LAPSE)
        record_property("examples/consolidate.py", killed)
        child = memdb.start_program(WORKER, filled)
        assert child.wait() == 0, child.said
        assert connection.execute(KNOWN).fetchall() == [(0, jobs, [5], [], 0)]
        assert connection.execute("select from stale_summaries()").fetchall() == []
        assert connection.execute("select count(distinct source_id) from memory_sources").fetchone() == (USERS * EACH,)
