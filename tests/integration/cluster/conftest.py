"""A database that is spread over a cluster: that whose coordinator MEMDB_TEST_CITUS_URL names, or none.

A worker is lost for one database only: it takes no connections to it, and ends those that there are. So tests can run
beside others on the same cluster.
"""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import memdb
from memdb import database, shipped
from memdb.door import Database

SHARDS = 8
SPREAD = """
begin;
set local citus.multi_shard_modify_mode = 'sequential';
drop index ix_memories_embedding;
alter table memories drop constraint memories_pkey, add constraint memories_pkey primary key (user_id, id);
create index ix_memories_id on memories (id);
alter table memory_collections
drop constraint memory_collections_pkey, add constraint memory_collections_pkey primary key (user_id, id);
select create_distributed_table('users', 'id', colocate_with => 'none');
select create_distributed_table('memories', 'user_id', colocate_with => 'users');
select create_distributed_table('memory_collections', 'user_id', colocate_with => 'users');
create index ix_memories_embedding on memories using hnsw (embedding vector_cosine_ops)
with (m = 16, ef_construction = 64);
commit;
"""
_counter = itertools.count()


class Cluster(NamedTuple):
    """Connection strings of a superuser, to any database of the coordinator and of each worker."""

    coordinator: str
    workers: tuple[str, ...]


class Spread(NamedTuple):
    """A database with core, whose tables are spread by hand. Connection strings to the coordinator and each worker."""

    conninfo: str
    workers: tuple[str, ...]

    def open(self, sql_dir: Path | None = None) -> Database:
        """With migrations of its own, where a folder is named."""
        return memdb.open(self.conninfo, sql_dir=sql_dir)

    @contextlib.contextmanager
    def without(self, worker: int) -> Iterator[None]:
        """While the block runs, one of the workers cannot be reached."""
        at = make_conninfo(self.workers[worker], dbname="postgres")
        name = conninfo_to_dict(self.conninfo)["dbname"]
        with psycopg.connect(at, autocommit=True) as connection:
            connection.execute(f"alter database {name} allow_connections false")
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            try:
                yield
            finally:
                connection.execute(f"alter database {name} allow_connections true")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Skips where there is none."""
    if "MEMDB_TEST_CITUS_URL" not in os.environ:
        pytest.skip("no cluster is at hand: MEMDB_TEST_CITUS_URL names no coordinator of Citus")
    coordinator = database.conninfo(os.environ["MEMDB_TEST_CITUS_URL"])
    with psycopg.connect(coordinator) as connection:
        nodes = connection.execute(
            "select nodename, nodeport from pg_dist_node where groupid <> 0 and isactive order by nodeid"
        ).fetchall()
    return Cluster(coordinator, tuple(make_conninfo(coordinator, host=host, port=port) for host, port in nodes))


@contextlib.contextmanager
def _new_database(cluster: Cluster) -> Iterator[Spread]:
    """A new database on all servers, with Citus and nothing else."""
    name = f"memdb_cluster_{os.getpid()}_{next(_counter)}"
    servers = [make_conninfo(at, dbname=name) for at in (cluster.coordinator, *cluster.workers)]
    try:
        for server in servers:
            _execute(make_conninfo(server, dbname="postgres"), f"create database {name}")
            _execute(server, "create extension citus")
        conninfo, *workers = servers
        here = conninfo_to_dict(conninfo)
        _execute(conninfo, f"select citus_set_coordinator_host('{here['host']}', {here['port']})")
        for worker in map(conninfo_to_dict, workers):
            _execute(conninfo, f"select citus_add_node('{worker['host']}', {worker['port']})")
        _execute(conninfo, f"alter database {name} set citus.shard_count = {SHARDS}")
        yield Spread(conninfo, tuple(workers))
    finally:
        for server in servers:
            _execute(make_conninfo(server, dbname="postgres"), f"drop database if exists {name} with (force)")


def _execute(conninfo: str, *statements: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextlib.contextmanager
def _spread(cluster: Cluster, memories: int, statements: str = SPREAD) -> Iterator[Spread]:
    with _new_database(cluster) as made:
        with made.open() as db:
            db.migrate()
        _execute(made.conninfo, *statements.strip().removesuffix(";").split(";"))
        with made.open() as db:
            db.seed(memories=memories, users=12)
        yield made


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Spread]:
    """With 1,200 memories of 12 users, for tests that leave all as it is."""
    with _spread(cluster, 1200) as made:
        yield made


@pytest.fixture
def own(cluster: Cluster) -> Iterator[Spread]:
    """With 120 memories of 12 users."""
    with _spread(cluster, 120) as made:
        yield made


@pytest.fixture
def copied(cluster: Cluster) -> Iterator[Spread]:
    """The same, but that users are not spread: each server has a copy of them."""
    statements = SPREAD.replace(
        "create_distributed_table('users', 'id', colocate_with => 'none')", "create_reference_table('users')"
    ).replace("colocate_with => 'users'", "colocate_with => 'default'")
    with _spread(cluster, 120, statements) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with memdb's own SQL, to which tests add."""
    shutil.copytree(shipped.sql_directory(), tmp_path / "sql")
    (tmp_path / "sql" / "app").mkdir()
    return tmp_path / "sql"
