"""What is said when the server refuses a statement: the place, the cause, what to do, and what was kept."""

import re
from contextlib import nullcontext

import pytest

from memdb import migrations, statements
from memdb.database import Connection
from memdb.errors import ConnectionFailed, StatementFailed
from memdb.migrations.execution import execute_deferred, execute_file, execute_statement
from tests.integration.conftest import Folder

ALONE = '"-- transactional: false"'
KEPT = "Nothing of this file was kept."


def refused(connection: Connection, sql: str, *, transactional: bool = True) -> StatementFailed:
    block = connection.transaction() if transactional else nullcontext()
    with pytest.raises(StatementFailed) as raised, block:
        execute_file(connection, sql, "x.sql")
    return raised.value


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("selct 1;", "Correct the file and try again."),
        ("select 'a' :b;", "Only psql understands"),
        ("create table memories ();", "memdb baseline"),
        ("create index ix_memories_user_id on memories (user_id);", "memdb baseline"),
        ("alter table memories add content text;", "memdb baseline"),
        ("create extension vector;", "memdb baseline"),
        ("create schema public;", "memdb baseline"),
        ("alter table memories add constraint memories_pkey check (true);", "memdb baseline"),
        ("create type memory_type as enum ('a'); create type memory_type as enum ('a');", "memdb baseline"),
        ("select * from nowhere;", "search_path"),
        ("create table no_schema.t ();", "search_path"),
        ("set search_path = ''; create table t ();", "--schema NAME"),
        ("select no_function(1);", "search_path"),
        ("create table t (a no_type);", "search_path"),
        ("set search_path = pg_catalog; create table public.t (a vector(3));", "extension vector"),
        ("create table t (); alter table t owner to nobody_here;", "pg_dump --no-owner"),
        ("grant select on memories to nobody_here;", "--no-privileges"),
        ("do $$ begin execute format('create role %I', current_user); end $$;", "unless pg_roles has it"),
        ("grant connect on database not_here to current_user;", "current_database()"),
        ("copy users from '/no/such/file';", "In a migration, write rows as INSERT"),
        ("create table ${prefix}_t ();", "Placeholders of other tools"),
        ("set transaction_timeout_of_tomorrow = 0;", "remove the line"),
        ("create extension no_such_extension;", "Install it on the server"),
        ("do $$ begin raise '%', 'ICU is not supported in this build' using errcode = '0A000'; end $$;", "Install it"),
        ("create index concurrently i on memories (id);", ALONE),
        ("vacuum;", ALONE),
        ("create database d;", ALONE),
        ("alter system set work_mem = '4MB';", ALONE),
        ("do $$ begin commit; end $$;", ALONE),
        ("select 1; set transaction isolation level serializable;", "the first statement of the file"),
        ("create table t (a int constraint t_pkey primary key); insert into t values (1), (1);", "rows"),
        ("insert into memories (user_id, memory_type, content) values (gen_random_uuid(), 'task', 'x');", "rows"),
        ("insert into users values (null);", "rows"),
        ("drop table users;", "Change or drop what depends on it first"),
        ("set statement_timeout = 1; select pg_sleep(1);", "sets this time-out"),
        ("select pg_cancel_backend(pg_backend_pid()), pg_sleep(1);", "try again"),
        (
            "do $$ begin raise exception 'set a.b first' using hint = 'Set it.'; end $$;",
            "Set it. The file, or a function",
        ),
        ("do $$ begin assert false; end $$;", "raised this itself"),
        (
            """
            create table t (); alter table t owner to pg_monitor, enable row level security, force row level security;
            set row_security = off; set role pg_monitor; select from t;
            """,
            "Leave row_security on",
        ),
    ],
)
def test_what_is_advised_is_of_the_cause(connection: Connection, sql: str, hint: str) -> None:
    error = refused(connection, sql)
    assert hint in error.hint
    assert error.hint.endswith(KEPT)
    assert not re.search("CASCADE|NO FORCE", error.hint)


@pytest.mark.once
@pytest.mark.parametrize(
    ("sqlstate", "hint"),
    [
        ("53100", "Make room"),
        ("53200", "short of memory"),
        ("53300", "when others are done"),
        ("40001", "try again"),
        ("40P01", "try again"),
        ("55P03", "--wait"),
        ("55006", "when they are done"),
        ("58030", "Make room"),
        ("XX001", "the server's log"),
        ("25006", "primary server"),
        ("22P05", "UTF8"),
        ("55P04", "next migration"),
    ],
)
def test_where_the_file_is_not_at_fault_it_is_not_to_be_corrected(
    connection: Connection, sqlstate: str, hint: str
) -> None:
    error = refused(connection, f"do $$ begin raise sqlstate '{sqlstate}' using message = 'no'; end $$;")
    assert error.sqlstate == sqlstate
    assert hint in error.hint
    assert "Correct the file" not in error.hint


@pytest.mark.once
def test_too_few_locks_are_not_taken_for_too_little_memory(connection: Connection) -> None:
    said = 'You might need to increase "max_locks_per_transaction".'
    error = refused(
        connection,
        f"do $$ begin raise sqlstate '53200' using message = 'Speicher aufgebraucht', hint = '{said}'; end $$;",
    )
    assert error.hint.startswith(f"{said} A transaction holds a lock for each table")
    assert "maintenance_work_mem" not in error.hint


def test_what_cannot_run_in_a_block_is_taken_out_of_it(connection: Connection) -> None:
    error = refused(connection, "do $$ begin execute 'vacuum'; end $$;", transactional=False)
    assert error.hint.startswith("Take it out of the block or function, and put it alone into a migration whose first")
    assert ALONE in error.hint


def test_a_role_that_lacks_a_right_is_not_taken_for_the_user_who_has_connected(connection: Connection) -> None:
    connection.execute("create role memdb_other")
    try:
        error = refused(connection, "set role memdb_other; drop table memories;")
        assert error.hint.startswith("Connect as the owner, or have the privilege granted to the role that runs it.")
        assert connection.info.user not in error.hint
    finally:
        connection.execute("drop role memdb_other")


def test_the_server_s_detail_and_its_own_hint_are_told(connection: Connection) -> None:
    error = refused(connection, "select contents from memories;")
    assert error.hint == f'Perhaps you meant to reference the column "memories.content". {KEPT}'
    error = refused(connection, "insert into users values (null);")
    assert "Failing row contains" in error.message


@pytest.mark.parametrize(
    ("sql", "stays"),
    [
        ("do $$ begin create table kept (); commit; perform 1 / 0; end $$;", "What it committed by itself stays"),
        ("call commits();", "What it committed by itself stays"),
        ("do $$ begin create table kept (); perform 1 / 0; end $$;", ""),
        ("create index concurrently i on nowhere (a);", ""),
        ("reindex index concurrently nowhere;", ""),
        ("reindex index concurrently broken;", "whose name ends in _ccnew: drop that"),
    ],
)
def test_what_stays_of_a_lone_statement_is_measured(
    empty_connection: Connection, folder: Folder, sql: str, stays: str
) -> None:
    empty_connection.execute(
        "create procedure commits() language plpgsql"
        " as $$ begin execute 'create table kept ()'; commit; perform 1 / 0; end $$;"
        "create table t (a int); create function f(int) returns int immutable language sql return $1;"
        "create index broken on t ((1 / f(a))); insert into t values (1);"
        "create or replace function f(int) returns int immutable language sql return 0 * $1;"
    )
    sets = folder(m0001_x=(f"-- transactional: false\n{sql}", "select 1;"))
    with pytest.raises(StatementFailed) as raised:
        migrations.migrate(empty_connection, sets)
    kept = empty_connection.execute("select to_regclass('kept') is not null").fetchone() == (True,)
    assert kept is ("committed" in stays)
    assert "nothing" not in raised.value.hint.lower()
    assert stays in raised.value.hint
    assert stays or "stays" not in raised.value.hint


@pytest.mark.once
@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select 1;\r\n\r\n  selct 2;\r\n", "x.sql:3:3"),
        ("select 1;\r-- why\r  selct 2;\r", "x.sql:3:3"),
        ("do $$\r\nbegin\r\n  raise exception 'no';\r\nend $$;", "x.sql:3:3"),
        ("do 'begin\n  raise exception ''no'';\nend';", "x.sql:2:3"),
        ("select 1;\n  do language plpgsql $x$ begin\n raise exception 'no'; end $x$;", "x.sql:3:2"),
        ("do $$ begin raise exception 'no'; end $$;", "x.sql:1:4"),
        ("select ';', E'\\';', $a$;$a$, 1 /* ; */;\n insert into pg_class select;", "x.sql:2:2"),
    ],
)
def test_places_are_those_of_an_editor(connection: Connection, sql: str, place: str) -> None:
    assert refused(connection, sql).location == place


def test_what_is_checked_at_the_end_of_the_transaction_is_traced_to_its_file(connection: Connection) -> None:
    sql = """
        create table t (a int constraint t_pkey primary key, b int);
        alter table t add constraint t_b_fkey foreign key (b) references t deferrable initially deferred;
        insert into t values (1, 7);"""
    connection.execute("begin")
    execute_file(connection, sql, "x.sql")
    with pytest.raises(StatementFailed) as raised:
        execute_deferred(connection, "x.sql")
    error = raised.value
    assert (error.location, error.excerpt) == ("x.sql", "")
    assert error.message.startswith('insert or update on table "t" violates foreign key constraint "t_b_fkey" (Key (b)')
    assert error.hint.startswith("Existing rows, or rows that the file writes, do not fit")
    assert "in an earlier migration if the statement has to be alone" in error.hint
    assert error.hint.endswith(KEPT)


@pytest.mark.once
@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select 1; selct 2;", "x.sql:1:11"),
        ("select 1;\n\n  select 2, nope;", "x.sql:3:13"),
        ("select 1;\r\n do $$\r\n begin\r\n  perform 1 / 0;\r\n end $$;", "x.sql:4:3"),
    ],
)
def test_a_statement_by_itself_has_its_place_in_the_file(connection: Connection, sql: str, place: str) -> None:
    with pytest.raises(StatementFailed) as raised:
        execute_statement(connection, statements.split(sql)[1], sql, "x.sql")
    assert raised.value.location == place


def test_an_error_inside_of_a_function_says_in_which(connection: Connection) -> None:
    error = refused(
        connection,
        "create function boom() returns int language plpgsql as $$\nbegin\n  return 1 / 0;\nend $$;\n"
        "do $$ begin\n  perform boom();\nend $$;",
    )
    assert error.location == "x.sql:6:3"
    assert "      | in PL/pgSQL function boom() line 3 at RETURN" in error.excerpt.splitlines()
    assert "inline_code_block" not in error.excerpt


@pytest.mark.once
def test_of_a_long_line_only_what_is_around_the_error_is_shown(connection: Connection) -> None:
    error = refused(connection, f"select '{'a' * 100_000}', nope, '{'b' * 100_000}';")
    assert error.location == "x.sql:1:100012"
    assert "', nope, '" in error.excerpt
    assert len(error.excerpt) < 200


@pytest.mark.parametrize("transactional", [True, False])
def test_a_server_that_is_gone_is_no_fault_of_the_file(empty_connection: Connection, transactional: bool) -> None:
    sql = "select pg_terminate_backend(pg_backend_pid());"
    if transactional:
        empty_connection.execute("begin")
    with pytest.raises(ConnectionFailed, match=r"lost while x\.sql ran: terminating connection") as raised:
        execute_file(empty_connection, sql, "x.sql")
    assert "The file is not at fault" in raised.value.hint
    with pytest.raises(ConnectionFailed, match="the connection was lost"):
        execute_file(empty_connection, sql, "x.sql")


@pytest.mark.once
def test_bytes_of_literals_are_stored_as_they_are(empty_connection: Connection) -> None:
    text = "a\r\nb\rc\n\td\u2028e\ufefff\x0b"
    execute_file(empty_connection, f"create table t (body text);\r\ninsert into t values ('{text}');\r\n", "x.sql")
    assert empty_connection.execute("select body from t").fetchone() == (text,)


@pytest.mark.once
@pytest.mark.parametrize("part", ["message", "detail", "hint"])
def test_what_a_function_says_at_length_does_not_hide_the_rest(connection: Connection, part: str) -> None:
    of_message = "" if part == "message" else "message = 'm', "
    long = f"raise exception using {of_message}{part} = repeat('x', 1000000)"
    error = refused(connection, f"do $$ begin {long}; end $$;")
    assert len(error.message) + len(error.hint) + len(vars(error)["excerpt"]) < 2000
    assert error.hint.endswith(KEPT)


@pytest.mark.once
def test_of_functions_that_call_each_other_the_innermost_are_named(connection: Connection) -> None:
    calls = "if n = 0 then raise exception 'deep'; else perform deep(n - 1); end if;"
    made = f"create function deep(n int) returns void language plpgsql as $$ begin {calls} end $$;"
    error = refused(connection, f"{made} select deep(200);")
    assert vars(error)["excerpt"].count("| in ") == 10
