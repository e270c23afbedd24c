"""What a dry run foresees: how long others have to wait, and what the run would stop at."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from memdb import migrations, preview
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import MigrationError, StatementFailed
from memdb.ledger import sqlfiles
from memdb.migrations import Migrate, Rollback
from memdb.migrations.losses import Agreement
from memdb.preview import DryRun
from tests.integration.conftest import Folder, as_role

pytestmark = pytest.mark.usefixtures("ready_server")

DryRunOf = Callable[..., DryRun]
_TRIGGER_FUNCTION = "create function mood() returns trigger language plpgsql as 'begin return new; end'"


@pytest.fixture
def dry_run(tmp_path: Path) -> DryRunOf:
    """Adds a migration to the shipped ones, and tries it."""
    assert main(["init", str(tmp_path)]) == 0

    def dry_run(
        connection: Connection, forward: str, *, trusted: tuple[str, ...] = ("public",), **request: object
    ) -> DryRun:
        core = tmp_path / "sql" / "core"
        (core / "0009_more.sql").write_text(forward)
        (core / "0009_more.rollback.sql").write_text("select 1;")
        wanted = Migrate(**request)  # type: ignore[arg-type]
        return preview.dry_run(connection, sqlfiles.read_sets(core.parent), wanted, trusted=trusted)

    return dry_run


@pytest.fixture
def filled(connection: Connection) -> Connection:
    """A database with 2,000 users in it."""
    connection.execute("insert into users select from generate_series(1, 2000); analyze users")
    connection.execute("create index ix_users_created_at on users (created_at)")
    return connection


def jobs(result: DryRun) -> list[tuple[str, str, int, list[str]]]:
    return [
        (job.work.kind, job.work.table, job.rows or 0, [index.name for index in job.work.indexes])
        for statement in result.steps[-1].statements
        for job in statement.jobs
    ]


def test_a_table_that_is_rewritten_is_told_with_its_real_rows_and_indexes(
    filled: Connection, dry_run: DryRunOf
) -> None:
    result = dry_run(filled, "alter table users add column drawn float default random();")
    assert jobs(result) == [("rewrites", "users", 2000, ["ix_users_created_at", "users_pkey"])]
    (job,) = result.steps[-1].statements[0].jobs
    assert job.bytes > 100_000
    assert job.seconds is not None
    assert 0 < job.seconds < 1


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("create index ix_users_more on users (created_at, id);", "builds"),
        ("alter table users add constraint users_check check (id is not null);", "reads"),
    ],
)
def test_indexes_and_constraints_are_told_too(filled: Connection, dry_run: DryRunOf, statement: str, kind: str) -> None:
    assert [job[:3] for job in jobs(dry_run(filled, statement))] == [(kind, "users", 2000)]


def test_empty_tables_and_those_that_the_plan_makes_are_not_told(connection: Connection, dry_run: DryRunOf) -> None:
    assert jobs(dry_run(connection, "alter table users add column drawn float default random();")) == []


def test_the_applications_own_tables_are_tried_as_well(filled: Connection, dry_run: DryRunOf) -> None:
    filled.execute("create schema shop; create table shop.orders (id int primary key, at date)")
    filled.execute("insert into shop.orders select from generate_series(1, 10) where false")
    result = dry_run(filled, "alter table shop.orders alter column id type bigint;")
    assert [lock.relation for lock in result.steps[-1].statements[0].locks or ()] == ["shop.orders"]


def test_the_time_is_written_below_the_statement(
    filled: Connection, dry_run: DryRunOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dry_run(filled, "alter table users add column drawn float default random();")
    arguments = ["migrate", "--dry-run", "--sql-dir", str(tmp_path / "sql"), "--database-url", filled.info.dsn]
    assert main(arguments) == 0
    assert "--     rewrites users, with 2 indexes (2,000 rows, " in (text := capsys.readouterr().out)
    assert "): less than a second, nobody can read or write it meanwhile\n" in text
    assert main([*arguments, "--format", "json"]) == 0
    (job,) = json.loads(capsys.readouterr().out)["steps"][-1]["statements"][0]["jobs"]
    assert (job["work"]["kind"], job["rows"]) == ("rewrites", 2000)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("alter table memories add column content text;", 'column "content" of relation "memories" already exists'),
        ("create table shop (id int);", 'relation "shop" already exists'),
        ("alter table memories alter column content type int;", 'column "content" cannot be cast automatically'),
        ("drop type memory_type;", "cannot drop type memory_type because other objects depend on it"),
        ("alter type memory_type add value 'x'; select 'x'::memory_type;", 'unsafe use of new value "x"'),
        ("create view v as table memories; alter table memories alter content type varchar;", "cannot alter type of a"),
        ("alter table memories add check (content in (select 'x'));", "cannot use subquery in check constraint"),
        ("vacuum memories;", "VACUUM cannot run inside a transaction block"),
        ("create index concurrently ix on memories (id);", "CREATE INDEX CONCURRENTLY cannot run inside a transaction"),
    ],
)
def test_what_the_server_would_refuse_is_foreseen(
    connection: Connection, dry_run: DryRunOf, forward: str, message: str
) -> None:
    connection.execute("create table shop (id int)")
    (refusal,) = dry_run(connection, forward).refusals
    assert refusal.message.startswith(message)
    assert refusal.location.endswith("0009_more.sql:1:1") or ":1:" in refusal.location


@pytest.mark.parametrize(
    ("there", "forward"),
    [
        ("create type mood as enum ('good')", "create type mood as enum ('bad');"),
        ("create domain mood as text", "create type mood as enum ('bad');"),
        ("create type mood as (of text)", "create table mood (id int);"),
        ("create type mood as range (subtype = int)", "create domain mood as text;"),
        ("create function mood(text) returns int return 1", "create function mood(text) returns int return 2;"),
        ("create procedure mood() as 'select 1' language sql", "create procedure mood() as 'select 2' language sql;"),
        ("create function mood() returns int return 1", "create or replace function mood() returns text return '';"),
        ("create sequence mood", "create sequence mood;"),
        ("create table other (id serial)", "create sequence other_id_seq;"),
        ("create table other (id int); create index mood on other (id)", "create index mood on users (id);"),
        ("create table other (id int); create index mood on other (id)", "create table mood (id int);"),
        ("create index mood on users (created_at)", "create index concurrently mood on users (id);"),
        ("create view mood as select 1 as one", "create view mood as select 2 as two;"),
        ("create view mood as select 1 as one", "create or replace view mood as select 2 as two;"),
        ("create materialized view mood as select 1 as one", "create table mood (id int);"),
        ("create schema mood", "create schema mood;"),
        (
            "alter table users add constraint mood check (id is not null)",
            "alter table users add constraint mood check (true);",
        ),
        (
            f"{_TRIGGER_FUNCTION}; create trigger mood before insert on users execute function mood()",
            "create trigger mood before insert on users execute function mood();",
        ),
        ("", "create extension vector;"),
    ],
)
def test_what_is_there_already_stops_the_dry_run_at_the_same_statement_as_the_run(
    connection: Connection, dry_run: DryRunOf, tmp_path: Path, there: str, forward: str
) -> None:
    connection.execute(there.encode())
    if "concurrently" in forward:
        forward = f"-- transactional: false\n{forward}"
    (refusal,) = dry_run(connection, forward).refusals
    with pytest.raises(StatementFailed) as raised:
        migrations.migrate(connection, sqlfiles.read_sets(tmp_path / "sql"))
    assert refusal.location == raised.value.location
    assert refusal.message == raised.value.message


@pytest.mark.parametrize(
    ("there", "forward"),
    [
        ("create schema mood", "create schema if not exists mood;"),
        ("create index mood on users (created_at)", "create index if not exists mood on users (id);"),
        ("create view mood as select id from users", "create or replace view mood as select id from memories;"),
        ("create function mood() returns int return 1", "create or replace function mood() returns int return 2;"),
        ("create table other (id serial)", "drop table other; create sequence other_id_seq;"),
        ("create type mood as enum ('good')", "drop type mood; create type mood as enum ('bad');"),
        ("create function mood() returns int return 1", "alter table users add column a int default mood();"),
        ("", "create extension if not exists vector;"),
    ],
)
def test_what_is_there_already_and_is_in_nobodys_way_is_no_refusal(
    connection: Connection, dry_run: DryRunOf, tmp_path: Path, there: str, forward: str
) -> None:
    connection.execute(there.encode())
    assert dry_run(connection, forward).refusals == ()
    migrations.migrate(connection, sqlfiles.read_sets(tmp_path / "sql"))


def test_of_several_things_that_are_there_the_first_is_named(empty_connection: Connection, sets: sqlfiles.Sets) -> None:
    empty_connection.execute(
        "create type memory_type as enum ('a'); create table memory_collections (id uuid, of memory_type)"
    )
    (refusal,) = preview.dry_run(empty_connection, sets, Migrate()).refusals
    assert "0003_create_memory_type.sql:2:1" in refusal.location


def test_nothing_is_called_where_a_plan_is_tried_that_others_have_written(
    connection: Connection, dry_run: DryRunOf, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    connection.execute(
        "create function mood() returns int language plpgsql as "
        f"$$begin copy (select 1) to '{witness}'; return 1; end$$".encode()
    )
    dry_run(connection, "select mood();")
    assert not witness.exists()


@pytest.mark.parametrize(
    "forward",
    [
        "select app_function();",
        "set role no_such_role;",
        "insert into no_such_table values (1);",
        "do $$ begin if not exists (select from memories) then raise exception 'empty'; end if; end $$;",
        "select 1 / count(*) from memories;",
        "create extension no_such_extension;",
    ],
)
def test_what_may_be_otherwise_in_the_real_database_is_no_refusal(
    connection: Connection, dry_run: DryRunOf, forward: str
) -> None:
    result = dry_run(connection, forward)
    assert result.refusals == ()


def test_users_without_a_uuid_are_foreseen(empty_connection: Connection, dry_run: DryRunOf) -> None:
    empty_connection.execute("create table users (id bigint primary key)")
    (refusal,) = dry_run(empty_connection, "select 1;").refusals
    assert refusal.message.startswith('the table "users" has an "id" of the type bigint, and memories refer to a uuid')


def test_a_database_that_is_read_only_is_foreseen(connection: Connection, dry_run: DryRunOf) -> None:
    connection.execute("set default_transaction_read_only = on")
    (refusal,) = dry_run(connection, "create table t (id int);").refusals
    assert "its transactions are read-only" in refusal.message
    assert "primary server" in refusal.hint


def test_what_the_role_lacks_is_foreseen(connection: Connection, dry_run: DryRunOf) -> None:
    with as_role(connection, "deploying") as other:
        connection.execute("grant select on all tables in schema public to deploying")
        connection.execute("revoke create on schema public from public")
        found = dry_run(other, "alter table memories add column a text; create table tags (id int);").refusals
    assert [refusal.message for refusal in found] == [
        "this role is not allowed to write to the migration history in the schema public",
        "deploying does not own public.memories, which would be altered or dropped",
        "deploying is not allowed to create in the schema public",
    ]
    assert found[0].hint.endswith(
        "select, insert, update, delete on public._yoyo_log, public._yoyo_migration, public.memdb_migrations."
    )
    assert found[2].hint == "Connect as postgres, or have the privilege granted."


def test_an_extension_that_the_role_may_not_create_is_foreseen(
    empty_connection: Connection, sets: sqlfiles.Sets
) -> None:
    with as_role(empty_connection, "deploying") as other:
        empty_connection.execute("grant create on schema public to deploying")
        refusals = preview.dry_run(other, sets, Migrate(), trusted=["public"]).refusals
        assert [item.message for item in refusals] == ["deploying is not allowed to create the extension vector"]
        empty_connection.execute("create extension vector")
        assert preview.dry_run(other, sets, Migrate(), trusted=["public"]).refusals == ()


def test_whoever_may_become_the_owner_lacks_nothing(connection: Connection, dry_run: DryRunOf) -> None:
    with as_role(connection, "deploying") as other:
        connection.execute("grant all on all tables in schema public to deploying; create role owning")
        connection.execute("alter table memories owner to owning; grant owning to deploying")
        connection.execute("grant usage, create on schema public to owning")
        try:
            assert dry_run(other, "alter table memories add column a text;").refusals == ()
        finally:
            connection.execute("drop owned by owning cascade; drop role owning")


def test_what_refers_to_a_table_needs_not_own_it(connection: Connection, dry_run: DryRunOf) -> None:
    with as_role(connection, "deploying") as other:
        connection.execute("grant all on all tables in schema public to deploying")
        connection.execute("grant create on schema public to deploying")
        forward = "create table tags (memory_id uuid constraint tags_fkey references memories (id));"
        assert dry_run(other, forward).refusals == ()


def test_a_rollback_is_foreseen_as_well(connection: Connection, sets: sqlfiles.Sets) -> None:
    connection.execute("create role owning; alter table memories owner to owning")
    try:
        with as_role(connection, "deploying") as other:
            connection.execute("grant select on all tables in schema public to deploying")
            found = preview.dry_run(other, sets, Rollback(steps=None), trusted=["public"]).refusals
    finally:
        connection.execute("drop owned by owning cascade; drop role owning")
    assert "deploying does not own public.memories, which would be altered or dropped" in {
        refusal.message for refusal in found
    }


@pytest.mark.parametrize(("cascade", "refused"), [("", 1), (" cascade", 0)])
def test_what_nobody_has_named_is_seen_in_a_schema_that_is_dropped(
    empty_connection: Connection, folder: Folder, cascade: str, refused: int
) -> None:
    forward = "create schema app; create table app.entry (day date) partition by range (day);"
    sets = folder(m0001_app=(forward, f"drop table app.entry; drop schema app{cascade};"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(
        "create table app.old partition of app.entry for values from ('2025-01-01') to ('2026-01-01'); "
        "insert into app.entry values ('2025-01-01'); alter table app.entry detach partition app.old"
    )
    result = preview.dry_run(empty_connection, sets, Rollback())
    assert [refusal.message.partition(" (")[0] for refusal in result.refusals] == [
        "cannot drop schema app because other objects depend on it"
    ] * refused
    assert refused or ("table", "app.old", 1) in [(loss.kind, loss.object, loss.count) for loss in result.losses]
    with pytest.raises(MigrationError):
        migrations.rollback(empty_connection, sets, agreement=Agreement())


def test_a_foreseen_refusal_is_the_exit_code_of_the_run(
    connection: Connection, dry_run: DryRunOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dry_run(connection, "alter table memories add column content text;")
    arguments = ["migrate", "--sql-dir", str(tmp_path / "sql"), "--database-url", connection.info.dsn]
    assert main([*arguments, "--dry-run"]) == main(arguments) == 4
    assert '0009_more.sql:1:1 column "content" of relation "memories" already exists\n' in capsys.readouterr().out


def test_a_schema_in_which_others_may_create_is_foreseen(connection: Connection, dry_run: DryRunOf) -> None:
    with as_role(connection, "deploying"):
        connection.execute("grant create on schema public to deploying")
        (refusal,) = dry_run(connection, "select 1;", trusted=()).refusals
        assert dry_run(connection, "select 1;").refusals == ()
    assert "--trust-schema public" in refusal.hint


@pytest.mark.parametrize(
    "others",
    [
        "create view app.shown as select content from memories",
        "create view app.shown as select o.id, m.content from app.orders as o, memories as m where m.user_id = o.buyer",
        "create view app.shown as select content from memories; create materialized view app.kept as table app.shown",
        "alter table app.orders add memory uuid constraint orders_memory_fkey references memories",
    ],
)
@pytest.mark.parametrize("undo", ["drop table {}memories", "drop table {}memories cascade"])
def test_what_the_application_has_built_on_a_table_is_foreseen_to_keep_it(
    connection: Connection, dry_run: DryRunOf, others: str, undo: str
) -> None:
    connection.execute("create schema app; create table app.orders (id int primary key, buyer uuid)")
    connection.execute(others.encode())
    refusals = dry_run(connection, undo.format("") + ";").refusals
    assert [refusal.message.partition(" (")[0] for refusal in refusals] == (
        [] if "cascade" in undo else ["cannot drop table memories because other objects depend on it"]
    )


@pytest.mark.parametrize(
    ("others", "forward", "message"),
    [
        ("create view app.shown as select content from memories", "drop column content", "cannot drop column content"),
        ("create view app.shown as select content from memories", "alter content type varchar", "cannot alter type of"),
        (
            "create table app.tags (of memory_type)",
            "drop column memory_type; drop type memory_type",
            "cannot drop type",
        ),
        (
            "create table app.tags (of memory_type[])",
            "drop column memory_type; drop type memory_type",
            "cannot drop ty",
        ),
    ],
)
def test_what_the_application_uses_is_foreseen_to_stay_as_it_is(
    connection: Connection, dry_run: DryRunOf, others: str, forward: str, message: str
) -> None:
    connection.execute(f'create schema app; {others}; create view app."Others" as select 1 as one'.encode())
    (refusal,) = dry_run(connection, f"alter table memories {forward};").refusals
    assert refusal.message.startswith(message)


def test_who_drops_with_cascade_needs_not_own_what_goes_with_it(connection: Connection, dry_run: DryRunOf) -> None:
    connection.execute("create schema app; create view app.shown as select content from memories")
    connection.execute("create table app.notes (memory uuid constraint notes_memory_fkey references memories)")
    with as_role(connection, "deploying") as other:
        connection.execute("grant all on all tables in schema public to deploying")
        connection.execute("grant create on schema public to deploying; alter table memories owner to deploying")
        try:
            assert dry_run(other, "drop table memories cascade;").refusals == ()
        finally:
            connection.execute("alter table memories owner to postgres")


@pytest.mark.parametrize("target", ["public", "memory"])
def test_users_in_another_schema_are_there_where_a_rollback_is_tried(
    empty_connection: Connection, sets: sqlfiles.Sets, target: str
) -> None:
    empty_connection.execute("create schema app; create schema memory; create table app.users (id uuid primary key)")
    empty_connection.execute(f"set search_path = {target}, app, public".encode())
    migrations.migrate(empty_connection, sets)
    result = preview.dry_run(empty_connection, sets, Rollback(steps=None))
    assert (result.losses, result.refusals) == ((), ())
