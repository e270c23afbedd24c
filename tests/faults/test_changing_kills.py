"""A switch to another model, or the end of the former one, that is killed at any moment is whole or not begun."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import memdb as door
from memdb import project
from tests.faults.forks import Forks

pytestmark = pytest.mark.once

SETS = ["collections", "drop_hnsw", "fast_search"]


def test_a_stage_that_is_killed_goes_on_and_all_that_compares_embeddings_changes_in_one_moment(
    memdb: Forks,
    migrated: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    sql_dir = project.init(tmp_path).sql_dir
    project.begin(sql_dir, "m", 8)
    with door.open(migrated, sql_dir=sql_dir, sets=SETS) as db:
        db.migrate()
    chosen = [part for name in SETS for part in ("--with", name)]
    command = ["migrate", "--sql-dir", str(sql_dir), *chosen, "--database-url", migrated]
    killed = 0
    with psycopg.connect(migrated, autocommit=True) as connection:

        def answers(dimensions: int) -> tuple[bool, bool]:
            """Whether questions of so many numbers are answered by searches, and in collections."""
            return (
                is_answered("search_memories(gen_random_uuid(), {})", dimensions),
                is_answered("search_memories_in_collection(gen_random_uuid(), gen_random_uuid(), {})", dimensions),
            )

        def is_answered(call: str, dimensions: int) -> bool:
            question = f"array_fill(1::real, array[{dimensions}])::vector"
            try:
                connection.execute(f"select from {call.format(question)}".encode())
            except psycopg.errors.DataException:
                return False
            return True

        for write, dimensions, wanted in ((project.switch, 8, True), (project.retire, 1536, False)):
            write(sql_dir, "m")
            for _ in range(4):
                child = memdb.start(*command)
                time.sleep(chance.uniform(0, 0.6))
                child.send(signal.SIGKILL)
                assert child.wait() in (0, -signal.SIGKILL), child.said
                killed += 1
                while connection.execute("select from pg_locks where locktype = 'advisory'").fetchall():
                    pass
                assert len({*answers(dimensions)}) == 1, child.said
            code, said = memdb.run(*command)
            assert (code, answers(dimensions)) == (0, (wanted, wanted)), said
    record_property("memdb migrate to another model", killed)
