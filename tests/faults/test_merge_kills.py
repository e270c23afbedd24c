"""A merge that is killed at any moment has merged whole groups and nothing else; the next one merges the rest."""

import random
import signal
import time
from collections.abc import Callable

import psycopg
import pytest

import memdb
from tests.faults.forks import Forks
from tests.faults.test_seed_kills import SIGNALS

GROUPS, EACH = 600, 3


@pytest.fixture
def filled(migrated: str) -> str:
    with memdb.open(migrated, sets=["archive", "deduplication", "drop_hnsw", "importance"]) as db:
        db.migrate()
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "with made as (insert into users default values returning id) "
            "insert into memories (user_id, memory_type, content) "
            "select id, 'task', 'number ' || n %% %(groups)s from made cross join generate_series(1, %(all)s) as n",
            {"groups": GROUPS, "all": GROUPS * EACH},
        )
        connection.execute("select note_memory_recalls(user_id, array_agg(id)) from memories group by user_id")
    return migrated


def test_a_merge_killed_at_any_moment_leaves_whole_groups_to_the_next(
    memdb: Forks, filled: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    command, killed = ["duplicates", "--merge", "--yes", "--database-url", filled], 0
    with psycopg.connect(filled, autocommit=True) as connection:

        def left() -> set[tuple[int, int]]:
            """How many memories of a group there are, and how many recalls these have in all."""
            rows = connection.execute(
                "select count(*), sum(recalls)::integer from memories join memory_importance on memory_id = id "
                "group by content"
            )
            return {(memories, recalls) for memories, recalls in rows}

        for number in chance.sample(SIGNALS, k=len(SIGNALS)):
            child = memdb.start(*command)
            time.sleep(chance.uniform(0, 0.4))
            child.send(number)
            assert child.wait() in (0, -number, 130), child.said
            killed += number == signal.SIGKILL
            while connection.execute("select from pg_locks where locktype = 'advisory'").fetchall():
                pass
            assert left() <= {(1, EACH), (EACH, EACH)}, child.said
        record_property("memdb duplicates --merge", killed)
        code, said = memdb.run(*command)
        assert code == 0, said
        assert left() == {(1, EACH)}
        archived = connection.execute("select count(*), count(distinct replaced_by) from memory_archive").fetchone()
    assert archived == (GROUPS * (EACH - 1), GROUPS)
