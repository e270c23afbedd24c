"""Each migration starts from the session that was prepared for the first, whatever the one before it has done."""

import pytest

from memdb import migrations, recording
from memdb.catalog import Key
from memdb.database import Connection
from memdb.errors import StatementFailed
from memdb.ledger.status import status as read_status
from memdb.migrations import losses, risks
from tests.integration.conftest import Folder

LEAKS = {
    "a setting": ("set statement_timeout = '50ms';", "current_setting('statement_timeout') = '0'"),
    "a lock time-out": ("set lock_timeout = 0;", "current_setting('lock_timeout') = '3s'"),
    "a search_path": ("create schema if not exists app; set search_path = app;", "current_schema() = 'public'"),
    "an empty search_path": ("select pg_catalog.set_config('search_path', '', false);", "current_schema() = 'public'"),
    "a role": ("set role pg_monitor;", "current_user = session_user"),
    "a session's role": ("set session authorization pg_monitor;", "session_user <> 'pg_monitor'"),
    "replication": (
        "set session_replication_role = replica;",
        "current_setting('session_replication_role') = 'origin'",
    ),
    "a temporary table": ("create temporary table t ();", "to_regclass('t') is null"),
    "a statement": ("prepare p as select 1;", "not exists (select from pg_prepared_statements)"),
    "a cursor": ("declare c cursor with hold for select 1;", "not exists (select from pg_cursors)"),
    "a channel": ("listen news;", "not exists (select from pg_listening_channels())"),
    "no locks": (
        "select pg_advisory_unlock_all();",
        "exists (select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid())",
    ),
    "checks of functions": ("set check_function_bodies = off;", "current_setting('check_function_bodies') = 'on'"),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_nothing_reaches_the_next_migration(empty_connection: Connection, folder: Folder, leak: str) -> None:
    sql, clean = LEAKS[leak]
    check = f"do $$ begin if not ({clean}) then raise 'it has leaked'; end if; end $$;"
    sets = folder(m0001_leak=(sql, sql), m0002_check=(check, check), m0003_leak=("select 1;", sql))
    assert migrations.migrate(empty_connection, sets).applied == 3
    assert migrations.rollback(empty_connection, sets, steps=None).applied == 0


def test_nothing_reaches_the_bookkeeping(empty_connection: Connection, folder: Folder) -> None:
    empty_connection.execute("create table public.planted ()")
    hide = "create temporary table _yoyo_migration (); create temporary table memdb_migrations (); set role pg_monitor;"
    sets = folder(m0001_hide=(hide, "select 1;"))
    assert migrations.migrate(empty_connection, sets).applied == 1
    assert read_status(empty_connection, sets).clean


def test_outside_of_a_transaction_too(empty_connection: Connection, folder: Folder) -> None:
    leak = "-- transactional: false\nset search_path = pg_catalog;"
    sets = folder(m0001_leak=(leak, "select 1;"), m0002_table=("create table a ();", "drop table a;"))
    assert migrations.migrate(empty_connection, sets).applied == 2
    assert empty_connection.execute("select to_regclass('public.a') is not null").fetchone() == (True,)


def test_the_connection_is_given_back_as_it_was(empty_connection: Connection, folder: Folder) -> None:
    empty_connection.execute("create schema app; set search_path = app, public")
    migrations.migrate(empty_connection, folder(m0001_a=("create table a ();", "drop table a;")))
    assert empty_connection.execute("show search_path").fetchone() == ("app, public",)
    assert empty_connection.execute("select to_regclass('app.a') is not null").fetchone() == (True,)


def test_what_is_deferred_is_checked_before_it_is_marked(empty_connection: Connection, folder: Folder) -> None:
    sql = """
        create table a (id int constraint a_pkey primary key);
        create table b (id int constraint b_a_fkey references a deferrable initially deferred);
        insert into b values (1);
    """
    with pytest.raises(StatementFailed, match="violates foreign key constraint") as raised:
        migrations.migrate(empty_connection, folder(m0001_a=(sql, "drop table b; drop table a;")))
    assert raised.value.location
    assert empty_connection.execute("select to_regclass('a') is null").fetchone() == (True,)


@pytest.mark.usefixtures("ready_server")
def test_snapshots_are_made_in_clean_sessions(folder: Folder) -> None:
    leak = "create schema app; set search_path = app; set check_function_bodies = off;"
    sets = folder(m0001_leak=(leak, "drop schema app;"), m0002_a=("create table a ();", "drop table a;"))
    assert Key("table", "a") in recording.record(sets)["0002_a"]


@pytest.mark.parametrize("limit", ["set statement_timeout = '9s'", "set local statement_timeout = '9s'"])
def test_a_time_limit_of_a_file_does_not_hold_for_finding_out_what_it_loses(
    empty_connection: Connection, folder: Folder, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = folder(m0001_a=("create table a (b int);", f"{limit}; alter table a drop b;"))
    migrations.migrate(empty_connection, sets)
    real, limits = risks.tables, []

    def observed(connection: Connection, home: str) -> dict[int, risks.Table]:
        limits.append(connection.execute("select pg_catalog.current_setting('statement_timeout')").fetchone())
        return real(connection, home)

    monkeypatch.setattr(losses, "tables", observed)
    migrations.rollback(empty_connection, sets, agreement=losses.Agreement())
    assert len(limits) > 1
    assert set(limits) == {("0",)}
