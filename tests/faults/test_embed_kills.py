"""Runs of memdb embed that are killed at any moment, alone or two at once, store nothing twice and nothing wrong."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest

import memdb as door
from memdb import project
from tests.embedding_server import Endpoint, meaning, serving
from tests.faults.forks import Forks
from tests.faults.test_seed_kills import SIGNALS

MEMORIES = 800


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("MEMDB_EMBEDDING_API_KEY", "sk-none")
    with serving() as endpoint:
        yield endpoint


@pytest.fixture(params=["in memories", "beside memories"])
def beside(request: pytest.FixtureRequest) -> bool:
    """Whether the embeddings are of a model that is to take over."""
    return bool(request.param == "beside memories")


@pytest.fixture
def filled(migrated: str, beside: bool, tmp_path: Path) -> str:
    sql_dir = project.init(tmp_path).sql_dir
    if beside:
        project.begin(sql_dir, "m", 1536)
    with door.open(migrated, sql_dir=sql_dir, sets=["drop_hnsw", "embeddings", "fast_search"]) as db:
        db.migrate()
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "with made as (insert into users default values returning id) "
            "insert into memories (user_id, memory_type, content) "
            "select id, 'task', 'text ' || n from made cross join generate_series(1, %s) as n",
            [MEMORIES],
        )
    return migrated


def test_runs_killed_at_any_moment_leave_the_rest_to_the_next(
    memdb: Forks,
    filled: str,
    beside: bool,
    endpoint: Endpoint,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    given = ["--model", "m", "--base-url", endpoint.url, "--batch", "8", "--requests", "2", "--yes"]
    command, killed, moments = ["embed", *given, "--database-url", filled], 0, set[int]()
    with psycopg.connect(filled, autocommit=True) as connection:
        for number in chance.sample(SIGNALS, k=len(SIGNALS)):
            children = [memdb.start(*command) for _ in range(chance.choice((1, 2)))]
            asked = len(endpoint.asked) + chance.randint(0, 12)
            while len(endpoint.asked) < asked and not all(child.has_ended for child in children):
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
            for child in children:
                child.send(number)
            for child in children:
                assert child.wait() in (0, -number, 130), child.said
            killed += len(children)
            while connection.execute("select from pg_locks where locktype = 'advisory'").fetchall():
                pass  # until the server has noticed
            moments.add(stored(connection, beside))
        code, said = memdb.run(*command)
        assert (code, stored(connection, beside)) == (0, MEMORIES), said
    assert len(moments - {0, MEMORIES}) > 1, moments  # some were killed in the middle
    assert len(endpoint.texts) - MEMORIES <= killed * 2 * 8  # what was under way is all that was paid for twice
    record_property("memdb embed", killed)


@pytest.mark.once
def test_after_ctrl_c_what_was_sent_is_stored_unless_it_comes_again(migrated: str, endpoint: Endpoint) -> None:
    with door.open(migrated, sets=["drop_hnsw", "embeddings"]) as db, psycopg.connect(migrated, autocommit=True) as c:
        db.migrate()
        c.execute(
            "with made as (insert into users default values returning id) "
            "insert into memories (user_id, memory_type, content) "
            "select id, 'task', 'text ' || n from made cross join generate_series(1, 40) as n"
        )
        assert interrupted(migrated, endpoint, times=1) == 130
        assert stored(c, False) == 16  # of two requests at once, with 8 texts each
        assert interrupted(migrated, endpoint, times=2) == -signal.SIGINT
        assert stored(c, False) == 16


def interrupted(conninfo: str, endpoint: Endpoint, *, times: int) -> int:
    """The exit code of a run that was interrupted while two requests are not answered."""
    asked, answering = threading.Semaphore(0), threading.Event()

    def waiting(*_: object) -> bool:
        asked.release()
        answering.wait(60)
        return False

    endpoint.always = waiting
    given = ["--model", "m", "--base-url", endpoint.url, "--batch", "8", "--requests", "2", "--yes"]
    command = [sys.executable, "-m", "memdb", "embed", *given, "--database-url", conninfo]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for _ in range(2):
            assert asked.acquire(timeout=60)
        run.send_signal(signal.SIGINT)
        assert any("Ctrl-C again ends it at once" in line for line in run.stderr)
        if times == 1:
            answering.set()
        else:
            run.send_signal(signal.SIGINT)
        try:
            return run.wait(60)
        finally:
            answering.set()


def stored(connection: psycopg.Connection, beside: bool) -> int:
    """How many memories have an embedding, each the right one, and noted as that."""
    rows = connection.execute(
        "select m.content, m.embedding::real[] from memories_of_m as m "
        "where m.content_hash = memory_content_hash(m.content)"
        if beside
        else "select m.content, m.embedding::real[] from memories as m "
        "join memory_embedding_states('m') as s on s.memory_id = m.id where s.state = 'current'"
    ).fetchall()
    for content, numbers in rows[:: max(1, len(rows) // 50)]:
        np.testing.assert_allclose(numbers, meaning(content), atol=1e-6)
    others = connection.execute("select state, count(*) from memory_embedding_states('m') group by 1").fetchall()
    assert dict(others).keys() <= ({"missing"} if beside else {"current", "missing"})
    return len(rows)
