"""The schema that `core` makes, column by column, and what the database then does with it."""

import uuid
from typing import Any

import psycopg
import pytest

from memdb import database, migrations
from memdb.database import Connection
from memdb.errors import StatementFailed
from memdb.ledger import sqlfiles

Sets = sqlfiles.Sets


def columns(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        select attname, format_type(atttypid, atttypmod), not attnotnull, pg_get_expr(adbin, adrelid)
        from pg_attribute
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = %s::regclass and attnum > 0 and not attisdropped
        order by attnum
        """,
        [table],
    ).fetchall()


def test_memories_has_exactly_these_columns(connection: Connection) -> None:
    assert columns(connection, "memories") == [
        ("id", "uuid", False, "gen_random_uuid()"),
        ("user_id", "uuid", False, None),
        ("memory_type", "memory_type", False, None),
        ("content", "text", False, None),
        ("embedding", "vector(1536)", True, None),
        ("metadata", "jsonb", True, "'{}'::jsonb"),
        ("created_at", "timestamp with time zone", False, "now()"),
        ("accessed_at", "timestamp with time zone", False, "now()"),
    ]


def test_memory_collections_has_exactly_these_columns(connection: Connection) -> None:
    assert columns(connection, "memory_collections") == [
        ("id", "uuid", False, "gen_random_uuid()"),
        ("user_id", "uuid", False, None),
        ("collection_type", "character varying(50)", False, None),
        ("name", "character varying(255)", False, None),
        ("description", "text", True, None),
        ("created_at", "timestamp with time zone", False, "now()"),
    ]


def test_the_users_stand_in_has_an_id_and_a_time(connection: Connection) -> None:
    assert columns(connection, "users") == [
        ("id", "uuid", False, "gen_random_uuid()"),
        ("created_at", "timestamp with time zone", False, "now()"),
    ]


def test_memory_type_has_three_tiers_in_order(connection: Connection) -> None:
    row = connection.execute("select enum_range(null::memory_type)::text").fetchone()
    assert row == ("{personal,project,task}",)


def test_every_index_is_there_with_its_method(connection: Connection) -> None:
    rows = connection.execute(
        "select indexname, indexdef from pg_indexes where indexname like 'ix\\_%' order by indexname"
    ).fetchall()
    schema = "public"
    expected = {
        "ix_memories_accessed_at": f"ON {schema}.memories USING btree (accessed_at)",
        "ix_memories_created_at": f"ON {schema}.memories USING btree (created_at)",
        "ix_memories_embedding": f"ON {schema}.memories USING hnsw (embedding vector_cosine_ops) "
        "WITH (m='16', ef_construction='64')",
        "ix_memories_memory_type": f"ON {schema}.memories USING btree (memory_type)",
        "ix_memories_user_id": f"ON {schema}.memories USING btree (user_id)",
        "ix_memory_collections_collection_type": f"ON {schema}.memory_collections USING btree (collection_type)",
        "ix_memory_collections_user_id": f"ON {schema}.memory_collections USING btree (user_id)",
    }
    assert {name: definition.split(" ", 3)[3] for name, definition in rows} == expected


def test_every_object_has_a_comment(connection: Connection) -> None:
    rows = connection.execute(
        """
        select c.relname::text || coalesce('.' || a.attname, '')
        from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and c.relkind = 'r'
        where c.relnamespace = 'public'::regnamespace and c.relname !~ '^(_yoyo|yoyo|memdb)'
            and c.relkind in ('r', 'i') and c.relname not like '%\\_pkey'
            and col_description(c.oid, coalesce(a.attnum, 0)) is null and obj_description(c.oid) is null
        union all
        select typname::text from pg_type where typname = 'memory_type' and obj_description(oid) is null
        """
    ).fetchall()
    assert rows == []


def test_deleting_a_user_deletes_memories_and_collections(connection: Connection) -> None:
    user, other = uuid.uuid4(), uuid.uuid4()
    for id in (user, other):
        connection.execute("insert into users (id) values (%s)", [id])
        connection.execute(
            "insert into memories (user_id, memory_type, content) values (%s, 'personal', 'I like mornings')", [id]
        )
        connection.execute(
            "insert into memory_collections (user_id, collection_type, name) values (%s, 'goals', 'Run')", [id]
        )
    connection.execute("delete from users where id = %s", [user])
    for table in ("memories", "memory_collections"):
        assert connection.execute(f"select user_id from {table}").fetchall() == [(other,)]


def test_defaults_fill_what_is_left_out(connection: Connection) -> None:
    connection.execute("insert into users default values")
    row = connection.execute(
        """
        insert into memories (user_id, memory_type, content) select id, 'task', 'x' from users
        returning metadata, embedding, created_at = accessed_at
        """
    ).fetchone()
    assert row == ({}, None, True)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ("gen_random_uuid(), 'personal', 'x', null", psycopg.errors.ForeignKeyViolation),
        ("(select id from users), 'eternal', 'x', null", psycopg.errors.InvalidTextRepresentation),
        ("(select id from users), 'task', null, null", psycopg.errors.NotNullViolation),
        ("(select id from users), 'task', 'x', '[1,2,3]'", psycopg.errors.DataException),
    ],
)
def test_rows_that_make_no_sense_are_refused(migrated: str, values: str, error: type[psycopg.Error]) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("insert into users default values")
        with pytest.raises(error):
            connection.execute(f"insert into memories (user_id, memory_type, content, embedding) values ({values})")


def test_the_applications_users_are_left_alone(empty_connection: Connection, sets: Sets) -> None:
    empty_connection.execute("create table users (id uuid primary key, email text not null)")
    migrations.migrate(empty_connection, sets)
    migrations.rollback(empty_connection, sets, steps=None)
    assert [name for name, *_ in columns(empty_connection, "users")] == ["id", "email"]


@pytest.mark.parametrize(
    "definition",
    [
        "create table users (id bigint primary key)",
        "create table users (id uuid)",
        "create table users (name text primary key)",
        "create table users (id uuid, tenant int, primary key (id, tenant))",
        "create view users as select gen_random_uuid() as id",
    ],
)
def test_users_that_memories_cannot_refer_to_are_refused(
    empty_connection: Connection, sets: Sets, definition: str
) -> None:
    empty_connection.execute(definition)
    with pytest.raises(StatementFailed, match="memories refer to a uuid") as raised:
        migrations.migrate(empty_connection, sets)
    assert raised.value.completed == ("0001_create_extension_vector",)
    assert "memdb migrate --schema memory" in raised.value.hint


@pytest.mark.parametrize("key", ["id bigint primary key", "id text primary key", "id uuid"])
@pytest.mark.parametrize("failed_before", [False, True])
def test_a_schema_of_its_own_gets_users_of_its_own_where_memories_cannot_refer_to_those_there(
    empty_connection: Connection, sets: Sets, key: str, failed_before: bool
) -> None:
    empty_connection.execute(f"create table users ({key}, email text)")
    if failed_before:
        with pytest.raises(StatementFailed, match="memories refer to a uuid"):
            migrations.migrate(empty_connection, sets)
    empty_connection.execute("create schema memory")
    database.use_schema(empty_connection, "memory")
    run = migrations.migrate(empty_connection, sets)
    assert any("the table public.users has no uuid" in notice for step in run.steps for notice in step.notices)
    assert [name for name, *_ in columns(empty_connection, "memory.users")] == ["id", "created_at"]
    migrations.rollback(empty_connection, sets, steps=None)
    assert [name for name, *_ in columns(empty_connection, "public.users")] == ["id", "email"]


def test_an_extension_that_was_there_before_stays(empty_connection: Connection, sets: Sets) -> None:
    empty_connection.execute("create schema extensions; create extension vector schema extensions")
    empty_connection.execute("set search_path = public, extensions")
    migrations.migrate(empty_connection, sets)
    migrations.rollback(empty_connection, sets, steps=None)
    row = empty_connection.execute("select extnamespace::regnamespace::text from pg_extension where extname = 'vector'")
    assert row.fetchone() == ("extensions",)


def test_an_extension_that_memdb_created_stays_while_others_use_it(connection: Connection, sets: Sets) -> None:
    connection.execute("create table faces (face vector(3))")
    run = migrations.rollback(connection, sets, steps=None)
    assert "other objects use it" in run.steps[-1].notices[0]
    assert connection.execute("select count(*) from pg_extension where extname = 'vector'").fetchone() == (1,)


def test_an_old_pgvector_is_refused_with_what_to_do(empty_connection: Connection, sets: Sets) -> None:
    empty_connection.execute("create extension vector")
    empty_connection.execute("update pg_extension set extversion = '0.7.4' where extname = 'vector'")
    with pytest.raises(StatementFailed, match=r"pgvector 0\.7\.4 is too old") as raised:
        migrations.migrate(empty_connection, sets)
    assert "alter extension vector update" in raised.value.hint
