"""What the server writes out in several ways is read as one: settings, line ends and a restored dump are no drift."""

import pytest
from psycopg import sql

from memdb import catalog, migrations
from memdb.cli import main
from memdb.database import Connection
from memdb.ledger.status import status as read_status
from tests.integration.conftest import Folder

SETTINGS = {
    "datestyle": "SQL, DMY",
    "timezone": "Pacific/Chatham",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
}
MADE = r"""
create table event (
    id int constraint event_pkey primary key,
    at timestamptz default '2020-01-02 03:04:05+00',
    took interval default '1 day 2 hours',
    "select" bytea default '\x00ff',
    share float8 default 0.12345678901234,
    constraint event_at check (at > '2000-01-01 00:00:00+00' and took < interval '3 years')
);
create index event_recent on event (at) where at > '2021-01-01 00:00:00+00' and "select" <> 'a\\b';
"""


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_forms_that_a_database_prefers_are_no_drift(empty_connection: Connection, setting: str) -> None:
    empty_connection.execute(MADE)
    expected = catalog.read(empty_connection, "public").objects
    empty_connection.execute("select set_config(%s, %s, false)", [setting, SETTINGS[setting]])
    assert catalog.read(empty_connection, "public").objects == expected
    kept = empty_connection.execute("select current_setting(%s)", [setting]).fetchone()
    assert kept == (SETTINGS[setting],)


@pytest.mark.parametrize("style", ["SQL, DMY", "German", "Postgres, MDY"])
def test_the_history_is_read_whatever_the_style_of_dates(
    empty_connection: Connection, folder: Folder, style: str
) -> None:
    empty_connection.execute("select set_config('datestyle', %s, false)", [style])
    sets = folder(m0001_a=("create table a (id int);", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    assert read_status(empty_connection, sets).clean


@pytest.mark.parametrize("style", ["SQL, DMY", "German", "Postgres, MDY"])
def test_memories_are_seeded_measured_and_removed_whatever_the_style_of_dates(
    migrated: str, connection: Connection, style: str
) -> None:
    set_it = "alter database {0} set datestyle = {1}; alter database {0} set intervalstyle = sql_standard"
    connection.execute(sql.SQL(set_it).format(sql.Identifier(connection.info.dbname), style))
    for command in ("seed --memories 20 --users 2", "benchmark-similarity --queries 3", "status", "seed --reset"):
        assert main([*command.split(), "--database-url", migrated]) == 0, command


def test_what_is_read_back_from_a_dump_is_no_drift(empty_connection: Connection) -> None:
    empty_connection.execute("""
        create table event (kind varchar(9) constraint event_kind check (kind in ('a', 'it''s, b')));
        create index event_c on event (kind) where kind not in ('c', 'd');
        create domain colour as varchar constraint colour_known check (value in ('red', 'blue'));
    """)
    expected = catalog.read(empty_connection, "public").objects
    written = empty_connection.execute("""
        select
            pg_get_indexdef('event_c'::regclass),
            (select pg_get_constraintdef(oid) from pg_constraint where conname = 'event_kind'),
            (select pg_get_constraintdef(oid) from pg_constraint where conname = 'colour_known')
    """).fetchone()
    assert written is not None
    index, kind, known = written
    empty_connection.execute(f"""
        drop index event_c;
        {index};
        alter table event drop constraint event_kind;
        alter table event add constraint event_kind {kind};
        alter domain colour drop constraint colour_known;
        alter domain colour add constraint colour_known {known};
    """)
    row = empty_connection.execute("select pg_get_indexdef('event_c'::regclass)").fetchone()
    assert row != (index,), "the server has begun to write both alike"
    assert catalog.read(empty_connection, "public").objects == expected


def test_conditions_that_are_read_back_from_a_dump_are_no_drift(empty_connection: Connection) -> None:
    empty_connection.execute("""
        create table event (share real, constraint event_share check (share between 0 and 1 and share <> 0.5));
        create view shared as select share from event where share not between 0 and 1 or share is null;
        create function is_share(share real) returns boolean language sql
        begin atomic select share between 0 and 1 and share <> 0.5; end;
    """)
    expected = catalog.read(empty_connection, "public").objects
    written = """
        select
            (select pg_get_constraintdef(oid) from pg_constraint where conname = 'event_share'),
            pg_get_viewdef('shared'::regclass),
            pg_get_functiondef('is_share'::regproc)
    """
    before = empty_connection.execute(written).fetchone()
    assert before is not None
    empty_connection.execute(f"""
        alter table event drop constraint event_share;
        alter table event add constraint event_share {before[0]};
        create or replace view shared as {before[1]};
        {before[2]};
    """)
    after = empty_connection.execute(written).fetchone()
    assert after is not None
    assert not set(before) & set(after), "the server has begun to write all alike"
    assert catalog.read(empty_connection, "public").objects == expected


def test_line_ends_of_the_checkout_are_no_drift(empty_connection: Connection) -> None:
    text = """
        create or replace function one() returns int language plpgsql as $$
        begin
            return 1;
        end
        $$;
        comment on function one() is 'One,
        and no more.';
    """
    empty_connection.execute(text)
    expected = catalog.read(empty_connection, "public").objects
    empty_connection.execute(text.replace("\n", "\r\n"))
    assert catalog.read(empty_connection, "public").objects == expected
