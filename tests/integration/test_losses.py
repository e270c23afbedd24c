"""A rollback loses nothing unasked: what it would lose is measured in its own transaction, whatever its text says."""

import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb import database, files, migrations, preview
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import StatementFailed
from memdb.ledger import sqlfiles
from memdb.ledger.plan import Rollback
from memdb.ledger.status import status as read_status
from memdb.migrations.losses import Agreement, Loss, WouldLose
from memdb.scratch import Options
from tests.conftest import new_database
from tests.integration.conftest import Folder

MADE = """
    create table account (
        id int constraint account_pkey primary key, email text, twice int generated always as (id * 2) stored
    );
    create schema other; create table other._yoyo_migration (migration_id text);
    insert into other._yoyo_migration values ('x');
    create schema audit;
    create table audit.entry (id int, at int) partition by range (at);
    create table audit.entry_1 partition of audit.entry for values from (0) to (100);
    create table idle (id int);
    create view emails as select email from account;
    create table parent (id int);
    create table child () inherits (parent);
    create materialized view sums as select count(*) from pg_class;
    create table person (id int constraint person_pkey primary key);
    create table session (person int references person on delete cascade, seen int);
    create table badge (person int references person on delete set null);
    create table note (body text);
    create type address as (street text, town text);
    create domain home as address;
    create table move (id int, at address, past address[], now home, trip numrange);
    insert into move values (1, ('a', 'b'), array[('c', 'd')::address], ('e', 'f'), null), (2, null, null, null, null);
    create function purge() returns trigger language plpgsql as 'begin delete from public.note; return null; end';
    create trigger purge after delete on session for each statement execute function purge();
    insert into note values ('a'), ('b');
    insert into parent select generate_series(1, 3);
    insert into child select generate_series(1, 4);
    create function wipe() returns void language sql as 'delete from public.account where id > 40';
    insert into account select i, 'x' from generate_series(1, 50) as i;
    insert into person select generate_series(1, 9);
    insert into session select i, i from generate_series(1, 8) as i;
    insert into badge select i from generate_series(1, 6) as i;
    insert into audit.entry select i, i from generate_series(1, 70) as i;
    create sequence ticket;
    create sequence down increment -2;
    create sequence unused;
    create table bill (id serial, number int generated always as identity, of text);
    select count(nextval('ticket')), count(nextval('down')) from generate_series(1, 40);
    insert into bill (of) select 'x' from generate_series(1, 5);
"""

LOSSES = {
    "drop table account cascade": [("table", "public.account", 50)],
    "drop view emails; drop table account /* of 0001 */": [("table", "public.account", 50)],
    "drop schema audit cascade": [("table", "audit.entry", 70)],
    "drop schema other cascade": [("table", "other._yoyo_migration", 1)],
    "drop table audit.entry_1": [("table", "audit.entry_1", 70)],
    "truncate account": [("changed", "public.account", 50)],
    "truncate account; insert into account select i, 'y' from generate_series(1, 50) as i": [
        ("changed", "public.account", 50)
    ],
    "delete from account where id > 30": [("changed", "public.account", 20)],
    "update account set email = null where id = 1": [("changed", "public.account", 1)],
    "drop materialized view sums": [("table", "public.sums", 1)],
    "drop table child": [("table", "public.child", 4)],
    "delete from parent": [("changed", "public.child", 4), ("changed", "public.parent", 3)],
    "drop table parent cascade": [("table", "public.child", 4), ("table", "public.parent", 3)],
    "delete from person where id <= 7": [
        ("changed", "public.badge", 6),
        ("changed", "public.note", 2),
        ("changed", "public.person", 7),
        ("changed", "public.session", 7),
    ],
    "set session_replication_role = replica; delete from person where id <= 7": [("changed", "public.person", 7)],
    "merge into person as p using (values (1), (2)) as v (id) on p.id = v.id when matched then delete": [
        ("changed", "public.badge", 2),
        ("changed", "public.note", 2),
        ("changed", "public.person", 2),
        ("changed", "public.session", 2),
    ],
    "with gone as (delete from note returning body) insert into note select body || '!' from gone": [
        ("changed", "public.note", 2)
    ],
    "alter table note alter body type text using null": [("changed", "public.note", 2)],
    "set local track_counts = off; delete from note": [("changed", "public.note", 2)],
    "set track_counts = off; update note set body = 'c'; set track_counts = on": [("changed", "public.note", 2)],
    "truncate note; insert into note values ('a')": [("changed", "public.note", 2)],
    "create type short as enum ('x'); drop view emails; alter table account alter email type short using 'x'::short": [
        ("converted", "public.account.email", 50)
    ],
    "alter type address drop attribute town cascade": [
        ("converted", "public.move.at", 1),
        ("converted", "public.move.now", 1),
        ("converted", "public.move.past", 1),
    ],
    "select wipe()": [("changed", "public.account", 10)],
    "drop view emails; alter table account drop column email": [("column", "public.account.email", 50)],
    "drop view emails; alter table account alter email type varchar(1)": [("converted", "public.account.email", 50)],
    "do $$ begin execute format('drop table %I cascade', 'account'); end $$": [("table", "public.account", 50)],
    "create table copy as table account; drop table account cascade": [("table", "public.account", 50)],
    "do $$ begin if (select count(*) from account) > 5 then delete from account; end if; end $$": [
        ("changed", "public.account", 50)
    ],
    "drop sequence ticket": [("counter", "public.ticket", 40)],
    "drop sequence ticket; create sequence ticket": [("counter", "public.ticket", 40)],
    "select setval('ticket', 30)": [("counter", "public.ticket", 10)],
    "select setval('ticket', 30, false)": [("counter", "public.ticket", 11)],
    "do $$ begin execute 'alter sequence ticket restart'; end $$": [("counter", "public.ticket", 40)],
    "select setval('down', -9)": [("counter", "public.down", 35)],
    "alter table bill alter id drop default; drop sequence bill_id_seq": [("counter", "public.bill_id_seq", 5)],
    "alter table bill alter number drop identity": [("counter", "public.bill_number_seq", 5)],
    "alter table bill drop column number": [("column", "public.bill.number", 5)],
    "drop table bill": [("table", "public.bill", 5)],
    "truncate bill restart identity": [
        ("changed", "public.bill", 5),
        ("counter", "public.bill_id_seq", 5),
        ("counter", "public.bill_number_seq", 5),
    ],
}
LOSSLESS = [
    "drop sequence unused",
    "select setval('ticket', 41, false)",
    "select setval('ticket', 100)",
    "select nextval('ticket')",
    "alter sequence ticket rename to tickets",
    "alter sequence ticket set schema audit",
    "drop table idle",
    "truncate idle",
    "delete from account where id > 1000",
    "alter table account rename to accounts",
    "alter table account set schema audit",
    "alter table account drop column twice",
    "alter type address rename attribute town to place",
    "alter table note set unlogged",
    "alter table note add column longer text generated always as (body || '!') stored",
    "alter table note add column at timestamptz default clock_timestamp(), alter body type text",
    "truncate note; insert into note values ('b'), ('a')",
    "delete from note where body = 'c'",
    "set local track_counts = off; delete from note where body = 'c'",
    "refresh materialized view sums",
    "alter table account alter email set storage external",
    "insert into idle values (1)",
    "drop view emails",
    "drop function wipe",
    "alter table child no inherit parent",
    "alter table audit.entry detach partition audit.entry_1",
    "create index on account (email)",
]


@pytest.fixture(scope="module")
def template(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database in which MADE is applied."""
    directory = tmp_path_factory.mktemp("sql")
    files.create({directory / "core" / "0001_a.sql": MADE, directory / "core" / "0001_a.rollback.sql": "select 1;"})
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            migrations.migrate(connection, sqlfiles.read_sets(directory))
            name = connection.info.dbname
        yield name


@pytest.mark.parametrize("sql", LOSSES)
def test_what_would_be_lost_is_named_and_nothing_is_lost(connection: Connection, folder: Folder, sql: str) -> None:
    sets = folder(m0001_a=(MADE, f"{sql};"))
    with pytest.raises(WouldLose) as raised:
        migrations.rollback(connection, sets, agreement=Agreement())
    found = sorted((loss.kind, loss.object, loss.count) for loss in raised.value.losses)
    assert found == LOSSES[sql]
    assert connection.execute("select count(*), count(email) from account").fetchone() == (50, 50)
    assert read_status(connection, sets).clean
    agreement = Agreement(raised.value.steps, raised.value.losses)
    assert migrations.rollback(connection, sets, agreement=agreement).applied == 0


@pytest.mark.parametrize("sql", LOSSLESS)
def test_what_keeps_every_row_and_value_does_not_ask(connection: Connection, folder: Folder, sql: str) -> None:
    sets = folder(m0001_a=(MADE, f"{sql};"))
    assert migrations.rollback(connection, sets, agreement=Agreement()).applied == 0


def test_a_partition_that_is_half_detached_goes_with_its_table_and_is_named(
    empty: str, empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_a=(MADE, "drop table audit.entry;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("insert into audit.entry select n, n from generate_series(0, 9) as n")
    with database.connect(empty, purpose="test") as reader, reader.transaction():
        reader.execute("select from audit.entry")
        empty_connection.execute("set lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            empty_connection.execute("alter table audit.entry detach partition audit.entry_1 concurrently")
    with pytest.raises(WouldLose) as raised:
        migrations.rollback(empty_connection, sets, agreement=Agreement())
    lost = [loss for loss in raised.value.losses if loss.object == "audit.entry_1"]
    assert lost == [
        Loss("0001_a", "table", "audit.entry_1", empty_connection.value("select count(*) from audit.entry_1"))
    ]


def test_several_are_asked_for_before_the_first_is_done(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(
        m0001_a=("create table a (id int); insert into a values (1);", "drop table a;"),
        m0002_b=("create table b (id int); insert into b values (1), (2);", "delete from a; drop table b;"),
        m0003_c=("create table c (id int);", "drop table c;"),
    )
    migrations.migrate(empty_connection, sets)
    with pytest.raises(WouldLose) as raised:
        migrations.rollback(empty_connection, sets, steps=None, agreement=Agreement())
    assert raised.value.losses == (
        Loss("0002_b", "changed", "public.a", 1),
        Loss("0002_b", "table", "public.b", 2),
    )
    assert read_status(empty_connection, sets).clean


def test_rows_that_cannot_be_counted_are_asked_for(empty: str, empty_connection: Connection, folder: Folder) -> None:
    """The owner of a table with forced row-level security sees none of its rows."""
    sets = folder(
        m0001_a=(
            """
            create table a (id int); insert into a select generate_series(1, 1000);
            alter table a enable row level security; alter table a force row level security;
            """,
            "delete from a; drop table a;",  # which policies hold as ever, when it runs
        )
    )
    role = f"owner_{empty_connection.info.dbname}"
    empty_connection.execute(f"create role {role} login; grant create, usage on schema public to {role}")
    try:
        with database.connect(make_conninfo(empty, user=role), purpose="test") as connection:
            migrations.migrate(connection, sets)
            with pytest.raises(WouldLose) as raised:
                migrations.rollback(connection, sets, agreement=Agreement())
            assert empty_connection.execute("select count(*) from a").fetchone() == (1000,)
            assert (
                migrations.rollback(connection, sets, agreement=Agreement(("0001_a",), raised.value.losses)).applied
                == 0
            )
        assert raised.value.losses == (Loss("0001_a", "table", "public.a", None),)
        assert "rows that cannot be counted" in raised.value.losses[0].in_words()
    finally:
        empty_connection.execute(f"drop owned by {role} cascade; drop role {role}")


@pytest.mark.parametrize("text", ["select plain(t)", "select t::word::text"])
def test_rows_that_only_the_search_path_of_the_application_can_count_are_asked_about(
    empty_connection: Connection, folder: Folder, text: str
) -> None:
    sets = folder(m0001_a=("create table a (body text); insert into a values ('x');", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(
        f"""
        create domain word as text;
        create function plain(t text) returns text immutable language sql as 'select lower(t)';
        create function folded(t text) returns text immutable language sql as 'select lower(t)';
        create index on a (folded(body));
        create or replace function folded(t text) returns text immutable language sql as '{text}';
        """
    )
    with pytest.raises(WouldLose) as raised:
        migrations.rollback(empty_connection, sets, agreement=Agreement())
    assert raised.value.losses == (Loss("0001_a", "table", "public.a", None),)


@pytest.mark.parametrize(
    ("undo", "foreseen"),
    [
        ("drop sequence ticket;", "public.ticket (40 values, which it would give out again)"),
        ("select setval('ticket', 1);", "public.ticket (40 values, which it would give out again)"),
        ("select nextval('ticket'); drop sequence unused;", ""),
    ],
)
def test_a_dry_run_foresees_values_of_sequences_that_would_come_again(
    empty_connection: Connection, folder: Folder, undo: str, foreseen: str
) -> None:
    sets = folder(m0001_a=("create sequence ticket; create sequence unused;", undo))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("select nextval('ticket') from generate_series(1, 40)")
    found = preview.dry_run(empty_connection, sets, Rollback())
    assert ", ".join(loss.in_words() for loss in found.losses) == foreseen
    assert empty_connection.execute("select last_value from ticket").fetchone() == (40,)


def test_what_cannot_be_tried_is_asked_for(empty_connection: Connection, folder: Folder) -> None:
    lone = "-- transactional: false\ndo $$ begin null; end $$;"
    sets = folder(m0001_a=(lone, "do $$ begin null; end $$;"))
    migrations.migrate(empty_connection, sets)
    with pytest.raises(WouldLose, match="cannot be tried") as raised:
        migrations.rollback(empty_connection, sets, agreement=Agreement())
    assert raised.value.losses[0].kind == "unknown"


@pytest.mark.parametrize("undo", ["-- nothing\nselect 1;", "vacuum t;", "cluster t using t_pkey;"])
def test_what_keeps_all_values_is_not_asked_for(empty_connection: Connection, folder: Folder, undo: str) -> None:
    sets = folder(
        m0001_a=("create table t (id int primary key);", "select 1;"),
        m0002_lone=("-- transactional: false\nvacuum (analyze) t;", undo),
    )
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("insert into t values (1)")
    assert preview.dry_run(empty_connection, sets, Rollback()).losses == ()
    assert migrations.rollback(empty_connection, sets, agreement=Agreement()).applied == 1


def test_what_calls_a_function_outside_of_a_transaction_is_asked_for(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_a=("-- transactional: false\nvacuum;", "select pg_catalog.now();"))
    migrations.migrate(empty_connection, sets)
    with pytest.raises(WouldLose, match="cannot be tried"):
        migrations.rollback(empty_connection, sets, agreement=Agreement())


def test_an_index_that_is_built_again_outside_of_a_transaction_is_in_the_way_of_no_trial(
    empty_connection: Connection, folder: Folder
) -> None:
    lone = "-- transactional: false\ndrop index concurrently t_id;"
    sets = folder(
        m0001_a=("create table t (id int);", "select 1;"),
        m0002_index=("create index t_id on t (id);", "comment on index t_id is null; drop index t_id;"),
        m0003_drop=(lone, "create index concurrently t_id on t (id);"),
    )
    migrations.migrate(empty_connection, sets)
    assert migrations.rollback(empty_connection, sets, steps=2, agreement=Agreement()).applied == 1


def test_nor_is_one_that_is_dropped_outside_of_a_transaction(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(
        m0001_a=("create table t (id int);", "drop table t;"),
        m0002_key=(
            "create function key(int) returns int immutable return $1;",
            "drop function key(int);",
        ),
        m0003_index=(
            "-- transactional: false\ncreate index concurrently t_key on t (key(id));",
            "-- transactional: false\ndrop index concurrently t_key;",
        ),
    )
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("insert into t values (1)")
    with pytest.raises(WouldLose, match="would lose") as raised:
        migrations.rollback(empty_connection, sets, steps=None, agreement=Agreement())
    assert [loss.in_words() for loss in raised.value.losses] == ["public.t (1 row)"]
    agreement = Agreement(raised.value.steps, raised.value.losses)
    assert migrations.rollback(empty_connection, sets, steps=None, agreement=agreement).applied == 0


def test_what_can_be_tried_only_once_the_others_are_done_is_asked_for(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(
        m0001_a=("create type mood as enum ('old');", "select 1;"),
        m0002_use=("select 1;", "select 'new'::mood;"),
        m0003_add=("select 1;", "alter type mood add value 'new';"),
    )
    migrations.migrate(empty_connection, sets)
    with pytest.raises(WouldLose, match="would lose") as raised:
        migrations.rollback(empty_connection, sets, steps=2, agreement=Agreement())
    assert {loss.kind for loss in raised.value.losses} == {"unknown"}
    agreement = Agreement(raised.value.steps, raised.value.losses)
    assert migrations.rollback(empty_connection, sets, steps=2, agreement=agreement).applied == 1


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ("create view v as table t", "cannot drop table t because other objects depend on it"),
        ("create table u (id int constraint u_fkey references t)", "cannot drop table t because other objects depend"),
        ("drop table t", 'table "t" does not exist'),
    ],
)
@pytest.mark.parametrize("agreement", [Agreement(), None], ids=["before it is asked", "with --yes"])
def test_what_fails_for_another_reason_than_an_index_that_was_not_dropped_stops_all(
    empty_connection: Connection, folder: Folder, also: str, message: str, agreement: Agreement | None
) -> None:
    lone = "-- transactional: false\n"
    sets = folder(
        m0001_a=("create table t (id int primary key);", "drop table t;"),
        m0002_index=(f"{lone}create index concurrently t_id on t (id);", f"{lone}drop index concurrently t_id;"),
        m0003_b=("create table b (id int); insert into b values (1);", "drop table b;"),
    )
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(also.encode())
    with pytest.raises(StatementFailed, match=message):
        migrations.rollback(empty_connection, sets, steps=None, agreement=agreement)
    assert empty_connection.value("select count(*) from b") == 1


def test_they_go_one_by_one_where_the_locks_of_all_are_too_many(empty_connection: Connection, folder: Folder) -> None:
    full = """
        do $$
        begin
            if exists (select from pg_locks where pid = pg_backend_pid() and mode = 'AccessExclusiveLock') then
                raise 'out of shared memory' using errcode = 'out_of_memory';
            end if;
        end $$;
        drop table a;
    """
    sets = folder(m0001_a=("create table a ();", full), m0002_b=("create table b ();", "drop table b;"))
    migrations.migrate(empty_connection, sets)
    assert migrations.rollback(empty_connection, sets, steps=None).applied == 0


@pytest.mark.parametrize(
    ("undo", "scratch"),
    [
        ("-- transactional: false\ndo $$ begin null; end $$;", None),
        ("truncate a;", "host=127.0.0.1 port=1 user=nobody"),  # no trial at all
        ("select missing(); drop table a;", None),  # not of the migrations: the trial ends there
    ],
    ids=["outside of a transaction", "no server for the trial", "a function of the application"],
)
@pytest.mark.usefixtures("ready_server")
def test_the_dry_run_names_what_could_not_be_tried(
    empty_connection: Connection, folder: Folder, undo: str, scratch: str | None
) -> None:
    alone = "-- transactional: false\n" if undo.startswith("--") else ""
    sets = folder(
        m0001_a=("create table a (id int);", "drop table a;"),
        m0002_b=(f"{alone}do $$ begin null; end $$;", undo),
    )
    migrations.migrate(empty_connection, sets)
    options = Options(url=scratch) if scratch else Options()
    shown = preview.dry_run(empty_connection, sets, Rollback(None), options=options).losses
    assert Loss("0002_b", "unknown", "0002_b.rollback.sql", None) in shown


@pytest.mark.once
@pytest.mark.usefixtures("ready_server")
@pytest.mark.parametrize(
    ("sql", "lost"),
    [
        ("update account set email = 'z';", "public.account (50 rows, deleted or overwritten)"),
        ("drop materialized view sums;", "public.sums (1 row)"),
        ("-- transactional: false\ndo $$ begin null; end $$;", "cannot be tried"),
    ],
)
def test_a_dry_run_shows_what_may_be_lost(
    empty: str,
    empty_connection: Connection,
    folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sql: str,
    lost: str,
) -> None:
    lone = sql.startswith("-- transactional")
    made = "-- transactional: false\ndo $$ begin null; end $$;" if lone else MADE
    folder(m0001_a=(made, sql))
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 0
    assert main(["rollback", "--dry-run", *arguments]) == 0
    assert lost in capsys.readouterr().out


@pytest.mark.once
@pytest.mark.usefixtures("ready_server")
def test_the_command_asks_and_the_dry_run_shows_the_same(
    empty: str,
    empty_connection: Connection,
    folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder(m0001_a=(MADE, "drop view emails; alter table account drop column email; drop schema audit cascade;"))
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO())
    capsys.readouterr()
    assert main(["rollback", *arguments]) == 2
    question = capsys.readouterr().err
    assert main(["rollback", "--dry-run", *arguments]) == 0
    shown = capsys.readouterr().out
    for loss in ("public.account.email (50 values)", "audit.entry (70 rows)"):
        assert loss in question
        assert f"-- may lose {loss}" in shown
    assert empty_connection.execute("select count(email) from account").fetchone() == (50,)
    assert main(["rollback", "--yes", *arguments]) == 0


def test_a_rollback_that_is_only_tried_leaves_sequences_where_they_are(
    empty_connection: Connection, folder: Folder
) -> None:
    made = "create table a (id int); insert into a values (1); create sequence s; create sequence down increment -1;"
    undone = "select setval('s', 1), setval('down', -1, false), nextval('s'); drop table a;"
    sets = folder(m0001_a=(made, undone))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("select setval('s', 900), setval('down', -70)")
    with pytest.raises(WouldLose):
        migrations.rollback(empty_connection, sets, agreement=Agreement())
    rows = empty_connection.execute("select nextval('s'), nextval('down')")
    assert rows.fetchone() == (901, -71)
