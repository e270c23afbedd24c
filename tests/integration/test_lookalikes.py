"""verify-schema tells what only has the name of what is meant: in the table's schema, the extension's, or no schema."""

import pytest

from memdb import migrations, recording, shipped
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from tests.helpers import as_scratch
from tests.integration.conftest import Folder

PLANTED = [
    (
        (
            "create function public.now() returns timestamptz language sql as 'select pg_catalog.now()';"
            " alter table memories alter created_at set default public.now()"
        ),
        "column memories.created_at",
        "function public.now()",
    ),
    (
        "create domain public.text as pg_catalog.text; alter table memories alter content type public.text",
        "column memories.content",
        "type public.text",
    ),
    (
        (
            "create domain public.timestamptz as pg_catalog.timestamptz;"
            " create function public.now() returns public.timestamptz language sql as 'select pg_catalog.now()';"
            " alter table users alter created_at set default public.now()"
        ),
        "column users.created_at",
        "function public.now()",
    ),
    (
        (
            "create collation public.\"default\" (provider = libc, locale = 'C');"
            ' alter table memories alter content type pg_catalog.text collate public."default"'
        ),
        "column memories.content",
        'collation public."default"',
    ),
    (
        (
            "create operator class public.uuid_ops for type uuid using btree as operator 1 <, operator 2 <=,"
            " operator 3 =, operator 4 >=, operator 5 >, function 1 uuid_cmp(uuid, uuid);"
            " drop index ix_memories_user_id; create index ix_memories_user_id on memories (user_id public.uuid_ops)"
        ),
        "index ix_memories_user_id",
        "operator class public.uuid_ops USING btree",
    ),
]


@pytest.mark.parametrize(("sql", "object", "used"), PLANTED)
def test_what_core_does_not_use_is_found(connection: Connection, sets: Sets, sql: str, object: str, used: str) -> None:
    patches = snapshot.read(shipped.sql_directory())
    assert verify.verify(connection, sets, patches).ok
    connection.execute(sql.encode())
    found = {
        (f"{item.kind} {item.object}", item.found["uses"])
        for item in verify.verify(connection, sets, patches).differences
        if item.found and "uses" in item.found
    }
    assert (object, used) in found


def test_the_body_of_a_function_is_looked_through(connection: Connection, sets: Sets) -> None:
    """As when others could create in the schema while the set was applied."""
    patches = snapshot.read(shipped.sql_directory())
    migrations.migrate(connection, sets, chosen=("fast_search",))
    body = str(connection.value("select pg_get_functiondef('memory_signature'::regproc)"))
    connection.execute(
        "create function public.array_fill(real, integer[]) returns real[] language sql immutable"
        " as 'select pg_catalog.array_fill($1, $2)'"
    )
    assert verify.verify(connection, sets, patches).ok  # nothing uses it yet
    connection.execute(body.encode())
    (difference,) = verify.verify(connection, sets, patches).differences
    assert (difference.object, difference.found) == (
        "memory_signature(vector)",
        {"uses": "function public.array_fill(real,integer[])"},
    )
    assert difference.mend.startswith("-- ")


def test_what_migrations_themselves_make_under_such_a_name_is_what_is_meant(
    empty_connection: Connection, folder: Folder
) -> None:
    text = (
        "create function lower(bigint) returns text language sql immutable as 'select $1::text';\n"
        "create function same(text, bigint) returns bool language sql immutable as 'select false';\n"
        "create operator = (leftarg = text, rightarg = bigint, function = same);\n"
        "create domain path as text;\n"
        "create view pg_user as select 1::bigint as id;\n"
        "create table a (id bigint, l text generated always as (lower(id)) stored, p path,"
        " constraint a_check check (p::text operator(public.=) id));\n"
        "create view b as select lower(id) as l from pg_user, a where id = 1;\n"
    ).replace("from pg_user, a where id = 1", "from public.pg_user")
    sets = folder(m0001_a=(text, "select 1;"))
    patches = recording.record_in(as_scratch(empty_connection), sets.migrations)
    result = verify.verify(empty_connection, sets, patches)
    assert result.differences == ()
    empty_connection.execute("create function lower(text, bool) returns text language sql as 'select $1'")
    assert verify.verify(empty_connection, sets, patches).ok


def test_the_extension_may_be_elsewhere(empty_connection: Connection, sets: Sets) -> None:
    """Names are compared without its schema either, and what is there is not taken for what is in the tables' own."""
    connection, patches = empty_connection, snapshot.read(shipped.sql_directory())
    connection.execute("create schema app; create schema extensions; create extension vector schema extensions")
    connection.execute("set search_path = app, extensions")
    migrations.migrate(connection, sets)
    assert verify.verify(connection, sets, patches).ok
    connection.execute(
        "create domain app.vector as extensions.vector; alter table memories drop column embedding;"
        " alter table memories add column embedding app.vector"
    )
    uses = [
        item.found["uses"]
        for item in verify.verify(connection, sets, patches).differences
        if item.found and "uses" in item.found
    ]
    assert uses == ["type app.vector"]
