"""A distributed database for tests: on the cluster whose coordinator MEMDB_TEST_CITUS_URL names, or none."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import memdb
from memdb import catalog, database
from memdb.catalog import Objects

SETS = ("drop_hnsw", "fast_search")
CARRIED = (
    *SETS,
    *("hybrid_search", "importance", "collections", "retention", "erasure", "embeddings", "deduplication"),
)
SHARDS = 8

_counter = itertools.count()


class Cluster(NamedTuple):
    """Connection strings of superusers, to any database there is."""

    coordinator: str
    workers: tuple[str, ...]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    if "MEMDB_TEST_CITUS_URL" not in os.environ:
        pytest.skip("no cluster is at hand: MEMDB_TEST_CITUS_URL names no coordinator of Citus")
    return from_environment()


def from_environment() -> Cluster:
    """The cluster of MEMDB_TEST_CITUS_URL."""
    coordinator = database.conninfo(os.environ["MEMDB_TEST_CITUS_URL"])
    with psycopg.connect(coordinator) as connection:
        nodes = connection.execute(
            "select nodename, nodeport from pg_dist_node where groupid <> 0 and isactive order by nodeid"
        ).fetchall()
    return Cluster(coordinator, tuple(make_conninfo(coordinator, host=host, port=port) for host, port in nodes))


@contextlib.contextmanager
def distributed_database(cluster: Cluster) -> Iterator[str]:
    """A new database on all nodes, with Citus and nothing else. Yields its connection string on the coordinator."""
    name = f"memdb_test_{os.getpid()}_{next(_counter)}"
    nodes = (cluster.coordinator, *cluster.workers)
    try:
        for node in nodes:
            _on_server(node, f"create database {name}")
            with psycopg.connect(make_conninfo(node, dbname=name), autocommit=True) as connection:
                connection.execute("create extension citus")
        conninfo = make_conninfo(cluster.coordinator, dbname=name)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            host, port = connection.info.host, connection.info.port
            connection.execute("select citus_set_coordinator_host(%s, %s)", [host, port])
            for worker in cluster.workers:
                at = psycopg.conninfo.conninfo_to_dict(worker)
                connection.execute("select citus_add_node(%s, %s::integer)", [at["host"], at["port"]])
            connection.execute(f"alter database {name} set citus.shard_count = {SHARDS}")
        yield conninfo
    finally:
        for node in nodes:
            _on_server(node, f"drop database if exists {name} with (force)")


def _on_server(conninfo: str, statement: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL(statement))


@pytest.fixture
def local(cluster: Cluster) -> Iterator[str]:
    """A database on all nodes with 1,200 memories of 12 users, which are on the coordinator."""
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
            db.seed(memories=1200, users=12)
        yield conninfo


@pytest.fixture(scope="module")
def spread(cluster: Cluster) -> Iterator[str]:
    """The same with 3,000 memories, which are in shards, and what searches found before."""
    with distributed_database(cluster) as conninfo:
        with memdb.open(conninfo, sets=CARRIED) as db:
            db.migrate()
            db.seed(memories=3000, users=12)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(NOTED)
            connection.execute(ANSWERS)
        with memdb.open(conninfo, sets=("citus",)) as db:
            db.migrate()
        yield conninfo


NOTED = """
insert into memory_importance (memory_id, importance, recalls, recalled_at)
select id, 0.7, 3, now() - interval '3 days' from memories order by id limit 700;
insert into memory_collections (id, user_id, collection_type, name) select id, id, 'journal', 'mine' from users;
insert into memory_collection_members (collection_id, memory_id, user_id)
select user_id, id, user_id from memories order by id limit 900;
insert into memory_retention (memory_id, user_id, pinned) select id, user_id, true from memories order by id limit 200;
insert into memory_retention (memory_id, user_id, expires_at)
select id, user_id, now() - interval '1 hour' from memories order by id offset 200 limit 300;
insert into memory_embedding_sources (memory_id, model, content_hash, embedding_hash)
select id, 'first', memory_content_hash(content), memory_embedding_hash(embedding) from memories order by id limit 400
"""

ANSWERS = """
create table answers as
select u.user_id, e.embedding, k.k, t.tiers, f.filter, d.distance, s.ids
from (select user_id from memories group by user_id) as u
cross join lateral (
    select m.embedding from memories as m where m.user_id <> u.user_id order by m.id limit 2
) as e
cross join (values (10), (30)) as k (k)
cross join (values (null::memory_type[]), ('{task}')) as t (tiers)
cross join (values (null::jsonb), ('{"source": "chat"}')) as f (filter)
cross join (values (null::float8), (0.9)) as d (distance)
cross join lateral (
    select array_agg(s.id) as ids
    from search_memories(u.user_id, e.embedding, k.k, t.tiers, d.distance, f.filter) as s
) as s;
create table answers_by_words as
select u.user_id, e.content, e.embedding, w.ids, h.ids as of_both
from (select user_id from memories group by user_id) as u
cross join lateral (
    select m.content || ' A-17/3' as content, m.embedding from memories as m
    where m.user_id <> u.user_id order by m.id limit 4
) as e
cross join lateral (
    select array_agg(s.id) as ids from search_memories_by_words(u.user_id, e.content, 10) as s
) as w
cross join lateral (
    select array_agg(s.id) as ids from search_memories_hybrid(u.user_id, e.content, e.embedding, 10) as s
) as h;
create table answers_by_weight as
select u.user_id, e.embedding, k.k, s.ids
from (select user_id from memories group by user_id) as u
cross join lateral (
    select m.embedding from memories as m where m.user_id <> u.user_id order by m.id limit 2
) as e
cross join (values (5), (10), (20)) as k (k)
cross join lateral (
    select array_agg(s.id) as ids from recall_memories(u.user_id, e.embedding, k.k) as s
) as s;
create table answers_in_collections as
select a.user_id, a.embedding, s.ids
from answers_by_weight as a
cross join lateral (
    select array_agg(s.id) as ids
    from search_memories_in_collection(a.user_id, a.user_id, a.embedding, a.k, '{project,task}') as s
) as s
where a.k = 10
"""


def schema(conninfo: str) -> Objects:
    """All that the catalog shows of a database."""
    with database.connect(conninfo, purpose="test") as connection:
        return catalog.read(connection, "public").objects


def rows(conninfo: str, *others: str) -> dict[str, str]:
    """A checksum of the rows of each table that people fill."""
    with psycopg.connect(conninfo) as connection:
        return {
            table: connection.execute(
                sql.SQL("select md5(string_agg(t, '|' order by t)) from (select t::text from {} as t) as t").format(
                    sql.Identifier(table)
                )
            ).fetchone()[0]  # type: ignore[index]
            for table in ("users", "memories", "memory_collections", *others)
        }
