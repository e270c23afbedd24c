"""Event triggers of whoever runs the server, which memdb's own statements set off as well."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo

from memdb import database, migrations
from memdb.database import Connection
from memdb.errors import DatabaseError
from memdb.ledger.status import status
from tests.integration.conftest import Folder

ONE = ("create table one ();", "drop table one;")
# As some providers have it: row-level security for each new table.
SECURES = """
    create function secures() returns event_trigger language plpgsql as $$
    declare made text;
    begin
        for made in select object_identity from pg_event_trigger_ddl_commands() where command_tag = 'CREATE TABLE' loop
            execute format('alter table %s enable row level security', made);
        end loop;
    end $$;
    create event trigger securing on ddl_command_end execute function secures();
"""
LOGS = """
    create table log (tag text);
    create function logs() returns event_trigger language plpgsql as 'begin insert into log values (tg_tag); end';
    create event trigger logging on ddl_command_end execute function logs();
"""


@pytest.fixture
def roles(empty_connection: Connection) -> Iterator[tuple[str, str]]:
    """The owner of the schema app, and another one that may do everything in it."""
    name = empty_connection.info.dbname
    owner, other = f"owner_{name}", f"other_{name}"
    empty_connection.execute(
        f"create role {owner} login; create role {other} login; create schema app authorization {owner}"
    )
    empty_connection.execute(f"grant usage, create on schema app to {other}")
    yield owner, other
    empty_connection.execute(f"drop owned by {owner}, {other} cascade; drop role {owner}, {other}")


def test_row_level_security_of_the_history_stops_only_those_from_whom_it_hides_rows(
    empty: str, empty_connection: Connection, folder: Folder, roles: tuple[str, str]
) -> None:
    sets = folder(m0001_one=ONE)
    empty_connection.execute(SECURES)
    owner, other = (make_conninfo(empty, user=role, options="-csearch_path=app") for role in roles)
    with database.connect(owner, purpose="test") as connection:
        for _ in range(2):
            assert migrations.migrate(connection, sets).applied == 1
        assert migrations.rollback(connection, sets).applied == 0
        assert migrations.migrate(connection, sets).applied == 1
    empty_connection.execute(f"grant all on all tables in schema app to {roles[1]}")
    with database.connect(other, purpose="test") as connection:
        for look in (migrations.migrate, migrations.rollback, status):
            with pytest.raises(DatabaseError, match="not allowed to read the migration history in the schema app"):
                look(connection, sets)
    empty_connection.execute("alter table app._yoyo_log force row level security")
    with (
        database.connect(owner, purpose="test") as connection,
        pytest.raises(DatabaseError, match="not allowed to read the migration history"),
    ):
        migrations.migrate(connection, sets)


def test_one_that_does_not_find_its_own_table_is_named(
    empty: str, empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_one=ONE)
    empty_connection.execute(LOGS)
    refusal = r'refused: relation "log" does not exist \(in PL/pgSQL function public.logs\(\)'
    with pytest.raises(DatabaseError, match=refusal) as raised, database.connect(empty, purpose="test") as connection:
        migrations.migrate(connection, sets)
    assert "alter function … set search_path" in raised.value.hint
    empty_connection.execute("alter function logs() set search_path = public")
    assert migrations.migrate(empty_connection, sets).applied == 1
    assert empty_connection.value("select count(*) from log where tag = 'CREATE TABLE'") > 1
