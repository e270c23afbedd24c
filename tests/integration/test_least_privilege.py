"""The three roles of docs/security.md: who migrates, who uses the tables, and who only looks whether they are there."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database, migrations, shipped
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
BEFORE, AFTER = re.findall(r"```sql\n(.*?)```", PAGE[PAGE.index("## Least privilege") :], re.DOTALL)[:2]
ROLES = ("memdb_migrator", "memdb_application", "memdb_verifier")
EMBEDDING = "array_fill(1, array[1536])::vector"


@contextlib.contextmanager
def as_role(conninfo: str, role: str) -> Iterator[database.Connection]:
    with database.connect(make_conninfo(conninfo, user=role), purpose="test") as connection:
        yield connection


@pytest.fixture
def roles(empty: str, sets: Sets) -> Iterator[str]:
    """A database in which all is done as the page says."""
    with psycopg.connect(empty, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname).as_string()
        admin.execute(BEFORE.replace("database app", f"database {name}").encode())
        try:
            with as_role(empty, "memdb_migrator") as migrator:
                migrations.migrate(migrator, sets, chosen=("fast_search",))
                migrator.execute(AFTER.encode())
            yield empty
        finally:
            for role in ROLES:
                admin.execute(f"drop owned by {role} cascade; drop role {role}".encode())


def test_each_role_can_do_its_work(roles: str, sets: Sets) -> None:
    with as_role(roles, "memdb_application") as application:
        user = application.value("insert into users default values returning id")
        added = f"insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', 'x', {EMBEDDING})"
        application.execute(added.encode(), [user])
        found = application.execute(f"select * from search_memories(%s, {EMBEDDING}, 5)".encode(), [user]).fetchall()
        assert len(found) == 1
        application.execute("update memories set content = 'y'; delete from memories")
    with as_role(roles, "memdb_verifier") as verifier:
        assert verify.verify(verifier, sets, snapshot.read(shipped.sql_directory())).ok


FORBIDDEN = {
    "memdb_application": [
        "create table t ()",
        "create function f() returns int language sql as 'select 1'",
        "alter table memories add column c int",
        "alter table memories disable row level security",
        "alter table memories owner to memdb_application",
        "drop table memories",
        "truncate memories",
        "create index on memories (content)",
        "create trigger t before insert on memories for each row execute function suppress_redundant_updates_trigger()",
        "create policy p on memories using (true)",
        "drop function search_memories",
        "create or replace function memory_signature(vector) returns bit language sql as 'select null'",
        "comment on table memories is 'x'",
        "delete from users",
        "select * from _yoyo_migration",
        "delete from _yoyo_log",
        "insert into memdb_migrations default values",
        "create schema s",
        "create role r",
        "alter role memdb_application superuser",
        "set role memdb_migrator",
        "drop extension vector",
    ],
    "memdb_verifier": [
        "select from memories",
        "select count(*) from users",
        "insert into users default values",
        "select * from _yoyo_migration",
        "create table t ()",
        "copy memories to stdout",
        "explain select from memories",
        "lock table memories in access share mode",
        "set role memdb_application",
    ],
    "memdb_migrator": ["copy (select 1) to program 'id'", "create role r", "select * from pg_authid"],
}


def test_none_can_do_another_s(roles: str) -> None:
    done = []
    for role, statements in FORBIDDEN.items():
        with as_role(roles, role) as connection:
            for statement in statements:
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
                    connection.execute(statement.encode())
                    done.append((role, statement))
    assert done == []


def test_others_cannot_even_connect(roles: str) -> None:
    with psycopg.connect(roles, autocommit=True) as admin:
        admin.execute("create role memdb_stranger login")
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(make_conninfo(roles, user="memdb_stranger"))
        finally:
            admin.execute("drop role memdb_stranger")
