"""A prune that is killed at any moment has deleted whole batches and nothing else; the next one deletes the rest."""

import random
import signal
import time
from collections.abc import Callable

import psycopg
import pytest

import memdb
from tests.faults.forks import Forks
from tests.faults.test_seed_kills import SIGNALS

MEMORIES, EXPIRED, BATCH = 4000, 500, 50


@pytest.fixture
def filled(migrated: str) -> str:
    with memdb.open(migrated, sets=["drop_hnsw", "retention"]) as db:
        db.migrate()
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "with made as (insert into users default values returning id) "
            "insert into memories (user_id, memory_type, content, created_at, accessed_at) "
            "select id, case when n %% 2 = 0 then 'task' else 'personal' end::memory_type, 'a', "
            "now() - interval '60 days', now() - interval '40 days' from made cross join generate_series(1, %s) as n",
            [2 * MEMORIES],
        )
        connection.execute("select pin_memories(user_id, array[id]) from memories where memory_type = 'task' limit 100")
        connection.execute(
            "select expire_memories(user_id, array_agg(id), now()) from ("
            "select user_id, id from memories where memory_type = 'personal' limit %s) as m group by user_id",
            [EXPIRED],
        )
    return migrated


def test_a_prune_killed_at_any_moment_leaves_whole_batches_to_the_next(
    memdb: Forks, filled: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    command, killed = ["prune", "--batch", str(BATCH), "--database-url", filled], 0
    with psycopg.connect(filled, autocommit=True) as connection:

        def left() -> dict[str, int]:
            rows = connection.execute("select memory_type::text, count(*) from memories group by 1").fetchall()
            return dict(rows)

        for number in chance.sample(SIGNALS, k=len(SIGNALS)):
            child = memdb.start(*command)
            time.sleep(chance.uniform(0, 0.3))
            child.send(number)
            assert child.wait() in (0, -number, 130), child.said
            killed += number == signal.SIGKILL
            while connection.execute("select from pg_locks where locktype = 'advisory'").fetchall():
                pass
            assert sum(left().values()) % BATCH == 0, child.said
            assert left()["personal"] >= MEMORIES - EXPIRED
        record_property("memdb prune", killed)
        code, said = memdb.run(*command)
        assert code == 0, said
        assert left() == {"personal": MEMORIES - EXPIRED, "task": 100}
