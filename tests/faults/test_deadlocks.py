"""Where memdb and an application wait for each other, memdb begins again, and the application never notices."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import Database
from memdb.lifecycle import consolidating
from memdb.lifecycle.consolidating import Summary
from tests.conftest import new_database

pytestmark = pytest.mark.once

ANN = UUID(int=1 << 96)
ONE, TWO, EXPIRED = (UUID(int=ANN.int + number) for number in (1, 2, 3))
SETS = ("archive", "consolidation", "deduplication", "drop_hnsw", "erasure", "retention")
NOTED: LiteralString = "select from memory_retention where memory_id = %(id)s for update"
MEMORY: LiteralString = "select from memories where id = %(id)s for update"
OWNER: LiteralString = "select from users where id = %(user)s for update"
JOB: LiteralString = "select from memory_consolidation_jobs for update"


@pytest.fixture
def conninfo(server: str, template: str) -> Iterator[str]:
    """Ann has a memory twice, one that has expired, and a job."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        with psycopg.connect(conninfo) as connection:
            connection.execute("insert into users (id) values (%s)", [ANN])
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content) values (%s, %s, 'task', %s)",
                [(ONE, ANN, "twice"), (TWO, ANN, "twice"), (EXPIRED, ANN, "expired")],
            )
            connection.execute("select enqueue_consolidation(%s, %s)", [ANN, [ONE, TWO]])
            connection.execute("select pin_memories(%s, %s)", [ANN, [ONE, TWO]])
            connection.execute("select expire_memories(%s, %s, now())", [ANN, [EXPIRED]])
        yield conninfo


def forgets(db: Database) -> None:
    assert sum(db.forget(ANN).deleted.values()) > 6


def prunes(db: Database) -> None:
    assert [each.memories for each in db.prune().deleted] == [1]


def merges(db: Database) -> None:
    assert db.merge(db.duplicates(user=ANN)).merged == {"task": 1}


def completes(db: Database) -> None:
    with db.connected("consolidate") as connection:
        job = consolidating.claim(connection)
        assert job is not None
        assert consolidating.complete(connection, job, Summary("both"))


@pytest.mark.parametrize(
    ("work", "first", "then", "id"),
    [
        (forgets, NOTED, MEMORY, TWO),
        (prunes, NOTED, MEMORY, EXPIRED),
        (merges, NOTED, MEMORY, TWO),
        (completes, OWNER, JOB, ONE),
    ],
    ids=["forget", "prune", "merge", "complete"],
)
def test_what_waits_for_an_application_that_waits_for_it_begins_again(
    conninfo: str, work: Callable[[Database], None], first: LiteralString, then: LiteralString, id: UUID
) -> None:
    given = {"id": id, "user": ANN}

    def run() -> None:
        with memdb.open(conninfo) as db:
            work(db)

    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(conninfo, autocommit=True) as watching,
        psycopg.connect(conninfo) as application,
    ):
        application.execute("set deadlock_timeout = '1min'")  # so that it is the other one that PostgreSQL ends
        application.execute(first, given)
        done = pool.submit(run)
        wait = "select from pg_locks where not granted and pid <> %s"
        while not watching.execute(wait, [application.info.backend_pid]).fetchall():
            assert not done.done(), done.result()
            time.sleep(0.01)
        assert application.execute(then, given).rowcount == 1
        application.commit()
        done.result()
    with psycopg.connect(conninfo) as connection:
        deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
        assert connection.execute(deadlocks).fetchone() == (1,)
