"""A worker that dies in the middle leaves all as it was, and the searches of users elsewhere go on.

Needs a way to stop one: MEMDB_TEST_CITUS_CONTROL is a command that is run with "stop" or "start", and a worker's port.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import memdb
from memdb.errors import MemdbError
from tests.integration.citus.conftest import SETS, Cluster, distributed_database, rows

Control = Callable[[str], None]


@pytest.fixture
def control(cluster: Cluster) -> Iterator[Control]:
    """Stops or starts the first worker; it runs again afterwards."""
    if "MEMDB_TEST_CITUS_CONTROL" not in os.environ:
        pytest.skip("no worker can be stopped: MEMDB_TEST_CITUS_CONTROL names no command for that")
    port = str(conninfo_to_dict(cluster.workers[0])["port"])
    running = True

    def act(action: str) -> None:
        nonlocal running
        if (action == "start") is not running:
            subprocess.run([os.environ["MEMDB_TEST_CITUS_CONTROL"], action, port], check=True, timeout=60)
            running = action == "start"

    yield act
    act("start")


@pytest.fixture
def filled(cluster: Cluster, control: Control) -> Iterator[str]:
    """A database with 3,000 memories on the coordinator. It is dropped on all nodes, so all have to run by then."""
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
            db.seed(memories=3000, users=12)
        yield conninfo
        control("start")


def where(conninfo: str) -> dict[Any, int]:
    """The port of the worker that has a user's memories."""
    with psycopg.connect(conninfo) as connection:
        found = connection.execute(
            "select u.id, n.nodeport from users as u"
            " inner join pg_dist_placement as p on p.shardid = get_shard_id_for_distribution_column('memories', u.id)"
            " inner join pg_dist_node as n on p.groupid = n.groupid"
        ).fetchall()
        return dict(found)


def migrate(conninfo: str, *, to: str | None = None) -> None:
    with memdb.open(conninfo, sets=("citus",)) as db:
        db.migrate(to=to)


def test_distributing_is_undone_where_a_worker_dies_and_done_when_it_is_back(filled: str, control: Control) -> None:
    there = rows(filled)
    migrate(filled, to="4049")
    stopped = threading.Thread(target=_once_rows_move, args=[filled, control])
    stopped.start()
    with pytest.raises(MemdbError):
        migrate(filled)
    stopped.join()
    with psycopg.connect(filled) as connection:
        assert connection.execute("select count(*) from pg_dist_partition").fetchone() == (0,)
    assert rows(filled) == there
    control("start")
    migrate(filled)
    assert rows(filled) == there


def _once_rows_move(conninfo: str, control: Control) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for _ in range(600):
            (moving,) = connection.execute(
                "select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'memories'::regclass"
            ).fetchone() or (0,)
            if moving:
                break
            time.sleep(0.02)
    control("stop")


def test_users_elsewhere_are_searched_while_a_worker_is_gone_and_all_when_it_is_back(
    filled: str, cluster: Cluster, control: Control
) -> None:
    migrate(filled)
    ports = where(filled)
    gone = conninfo_to_dict(cluster.workers[0])["port"]
    away = next(user for user, port in ports.items() if port == int(str(gone)))
    here = next(user for user, port in ports.items() if port != int(str(gone)))
    search = "select count(*) from search_memories(%s, array_fill(1::real, array[1536])::vector)"
    with psycopg.connect(filled, autocommit=True) as connection:
        assert connection.execute(search, [away]).fetchone() == connection.execute(search, [here]).fetchone()
        control("stop")
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError):
                connection.execute(search, [away])
            assert connection.execute(search, [here]).fetchone() == (10,)
        control("start")
        assert connection.execute(search, [away]).fetchone() == (10,)
