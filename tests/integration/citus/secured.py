"""A database with row_security and all that is carried with it, for users with keys of one type or another."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import memdb
from memdb import files
from memdb.project import shipping
from memdb.shape import Shape, Users
from tests.integration.citus.conftest import CARRIED, Cluster, distributed_database

SECURED = (*CARRIED, "row_security", "force_row_security")
BESIDE = ("memory_importance", "memory_embedding_sources", "memory_collection_members", "memory_retention")
OF_USERS = ("memories", "memory_collections", *BESIDE)
USERS = {"uuid": Users(), "bigint": Users(key_type="bigint", may_be_made=False)}
KEYS: dict[str, list[Any]] = {"uuid": [UUID(int=n << 96) for n in range(1, 5)], "bigint": [1, 22, 333, 4444]}
GRANTS = """
grant select, insert, update, delete on users, memories, memory_collections, memory_importance,
memory_embedding_sources, memory_collection_members, memory_retention to {role};
grant select on memory_recall_weights, memory_retention_rules to {role}
"""
ROWS = """
insert into memories (user_id, memory_type, content, embedding, metadata)
select u.id, t.t, 'the sea of ' || u.id || ' no ' || n.n,
    array(select sin(n.n * d.d + length(u.id::text)) from generate_series(1, 1536) as d (d))::vector, '{"of": "sea"}'
from users as u cross join generate_series(1, 40) as n (n) cross join unnest(enum_range(null::memory_type)) as t (t);
insert into memory_collections (user_id, collection_type, name) select id, 'journal', 'mine' from users;
insert into memory_collection_members (collection_id, memory_id, user_id)
select c.id, m.id, m.user_id from memory_collections as c inner join memories as m on m.user_id = c.user_id;
insert into memory_importance (memory_id, importance, recalls, recalled_at) select id, 0.7, 3, now() from memories;
insert into memory_retention (memory_id, user_id, pinned) select id, user_id, true from memories;
insert into memory_embedding_sources (memory_id, model, content_hash, embedding_hash)
select id, 'first', memory_content_hash(content), memory_embedding_hash(embedding) from memories
"""


@contextlib.contextmanager
def filled(cluster: Cluster, key: str, folder: Path) -> Iterator[tuple[str, str]]:
    """A database whose users have keys of that type, with all sets and rows, still on one server, and a role there."""
    files.create({folder / path: text for path, text in shipping.texts(Shape(USERS[key])).items()})
    with distributed_database(cluster) as conninfo, pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMDB_SQL_DIR", str(folder))
        role = f"{conninfo_to_dict(conninfo)['dbname']}_app"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            if not USERS[key].may_be_made:
                connection.execute(f"create table users (id {key} primary key)".encode())
            with memdb.open(conninfo, sets=SECURED) as db:
                db.migrate()
            connection.execute(f"create role {role} login".encode())
            connection.execute(GRANTS.format(role=role).encode())
            connection.cursor().executemany("insert into users (id) values (%s)", [[user] for user in KEYS[key]])
            connection.execute(ROWS)
        yield conninfo, role
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"drop owned by {role}".encode())
    for node in (cluster.coordinator, *cluster.workers):
        with psycopg.connect(node, autocommit=True) as connection:
            connection.execute(f"drop role if exists {role}".encode())
