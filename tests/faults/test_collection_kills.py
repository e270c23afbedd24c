"""Sessions that end at any moment: what one call was to gather is in the collection whole, or not at all."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb

ANN, JOURNAL = UUID(int=1), UUID(int=2)
MEMORIES, KILLS = 300, 25
CALLS: tuple[LiteralString, ...] = (
    "select add_to_collection(%s, %s, array(select id from memories order by random()))",
    "select remove_from_collection(%s, %s, array(select id from memories order by random()))",
)


@pytest.fixture
def filled(migrated: str) -> str:
    with memdb.open(migrated, sets=["collections", "drop_hnsw"]) as db:
        db.migrate()
    with psycopg.connect(migrated) as connection:
        connection.execute("insert into users (id) values (%s)", [ANN])
        connection.execute(
            "insert into memory_collections (id, user_id, collection_type, name) values (%s, %s, 'journal', 'a')",
            [JOURNAL, ANN],
        )
        connection.execute(
            "insert into memories (user_id, memory_type, content) select %s, 'task', 'a' from generate_series(1, %s)",
            [ANN, MEMORIES],
        )
    return migrated


def test_sessions_killed_while_they_gather_leave_all_of_a_call_or_nothing(
    filled: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    chance, is_over = random.Random(pytestconfig.getoption("--fault-seed", default="1")), Event()

    def work(statement: LiteralString) -> None:
        """Goes on in another session where one was ended."""
        while not is_over.is_set():
            try:
                with psycopg.connect(filled, autocommit=True, application_name="gathering") as connection:
                    while not is_over.is_set():
                        connection.execute(statement, [ANN, JOURNAL])
            except psycopg.OperationalError as error:
                if isinstance(error, psycopg.errors.DeadlockDetected):
                    raise

    with psycopg.connect(filled, autocommit=True) as connection, ThreadPoolExecutor(4) as threads:
        working = [threads.submit(work, statement) for statement in CALLS * 2]
        try:
            for _ in range(KILLS):
                time.sleep(chance.uniform(0, 0.03))
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and application_name = 'gathering' order by random() limit 1"
                )
                held = connection.execute("select count(*) from memory_collection_members").fetchone()
                assert held in ((0,), (MEMORIES,))
        finally:
            is_over.set()
        for each in working:
            each.result(60)
        record_property("add_to_collection, remove_from_collection", KILLS)
        assert connection.execute("select count(*) from memories").fetchone() == (MEMORIES,)
