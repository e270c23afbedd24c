"""Applying and rolling back: what is run, what stays after a failure, and what the history says."""

import subprocess
import sys
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from memdb import database, migrations, preview
from memdb.database import Connection
from memdb.errors import DatabaseError, HistoryError, LockTimeout, MigrationError, StatementFailed, UsageError
from memdb.ledger import history, sqlfiles
from memdb.ledger.status import status as read_status
from memdb.migrations import Limits, Rollback, locking
from memdb.migrations.losses import Loss
from tests.integration.conftest import Folder

Sets = sqlfiles.Sets


def applied(connection: Connection) -> list[str]:
    return [item.id for item in history.read(connection, Sets({})).applied]


def table_exists(connection: Connection, name: str) -> bool:
    return connection.execute("select to_regclass(%s) is not null", [name]).fetchone() == (True,)


def test_all_pending_migrations_are_applied_in_order(empty_connection: Connection, sets: Sets) -> None:
    run = migrations.migrate(empty_connection, sets)
    assert [step.id for step in run.steps] == [migration.id for migration in sets["core"]]
    assert (run.direction, run.applied) == ("migrate", 8)
    assert applied(empty_connection) == [step.id for step in run.steps]


def test_a_second_run_has_nothing_to_do(connection: Connection, sets: Sets) -> None:
    assert migrations.migrate(connection, sets).steps == ()


def test_to_stops_after_the_named_migration(empty_connection: Connection, sets: Sets) -> None:
    run = migrations.migrate(empty_connection, sets, to="0003")
    assert [step.id[:4] for step in run.steps] == ["0001", "0002", "0003"]
    assert migrations.migrate(empty_connection, sets, to="0002").steps == ()


@pytest.mark.parametrize("to", ["0099", "000", "", "0003_create"])
def test_to_must_name_one_migration(empty_connection: Connection, sets: Sets, to: str) -> None:
    if to == "0003_create":
        assert migrations.migrate(empty_connection, sets, to=to).applied == 3
        return
    with pytest.raises(UsageError) as raised:
        migrations.migrate(empty_connection, sets, to=to)
    assert "0008_create_performance_indexes" in raised.value.hint
    assert applied(empty_connection) == []


def test_rollback_takes_back_the_newest_applied_first(connection: Connection, sets: Sets) -> None:
    assert [step.id[:4] for step in migrations.rollback(connection, sets).steps] == ["0008"]
    assert [step.id[:4] for step in migrations.rollback(connection, sets, steps=2).steps] == ["0007", "0006"]
    assert [step.id[:4] for step in migrations.rollback(connection, sets, to="0003").steps] == ["0005", "0004"]
    assert [step.id[:4] for step in migrations.rollback(connection, sets, steps=None).steps] == ["0003", "0002", "0001"]
    assert migrations.rollback(connection, sets).steps == ()


def test_a_migration_applied_late_is_the_first_to_be_rolled_back(empty_connection: Connection, folder: Folder) -> None:
    migrations.migrate(empty_connection, folder(m0002_b=("create table b ()", "drop table b")))
    sets = folder(m0001_a=("create table a ()", "drop table a"))
    migrations.migrate(empty_connection, sets, out_of_order=True)
    assert [step.id for step in migrations.rollback(empty_connection, sets).steps] == ["0001_a"]


def test_a_failing_statement_is_pointed_at_and_what_came_before_stays(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(
        m0001_good=("create table good ();", "drop table good;"),
        m0002_bad=("create table bad ();\n\nselect nothing_like_this\nfrom good;\n", "drop table bad;"),
    )
    with pytest.raises(StatementFailed) as raised:
        migrations.migrate(empty_connection, sets)
    error = raised.value
    assert error.message == 'column "nothing_like_this" does not exist'
    assert error.location.endswith("0002_bad.sql:3:8")
    assert error.excerpt.splitlines() == ["    3 | select nothing_like_this", "      |        ^"]
    assert error.completed == ("0001_good",)
    assert error.exit_code == 4
    assert applied(empty_connection) == ["0001_good"]
    assert not table_exists(empty_connection, "bad")


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("create table t ();\n-- again\n  create table t ();", ":3:3"),
        ("select 1;\ndo $$\nbegin\n  raise exception 'no';\nend $$;", ":4:3"),
        ("select 1;\n  insert into pg_class select;", ":2:3"),
        ("select 'ünïcödé', nope;", ":1:19"),
        ("select (1", ":1:10"),
        ("create table u (a int constraint a_key unique);\ninsert into u values (1),(1);", ":2:1"),
    ],
)
def test_the_place_of_an_error_is_told_also_where_the_server_does_not(
    empty_connection: Connection, folder: Folder, sql: str, place: str
) -> None:
    with pytest.raises(StatementFailed) as raised:
        migrations.migrate(empty_connection, folder(m0001_x=(sql, "select 1;")))
    assert raised.value.location.endswith("0001_x.sql" + place), raised.value.location


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("create table t ();\ncommit;", '0002_x.sql:2: "commit" would end the transaction'),
        ("begin;\nselect 1;", '"begin" would end'),
        ("copy t from stdin;", "0002_x.sql:1: COPY FROM STDIN has no input"),
        ("\\restrict x\nselect 1;", r"0002_x.sql:1: only psql understands \\restrict"),
        ("-- nothing yet", "has no statement"),
        ("-- transactional: false\nselect 1; select 2;", "2 statements in a file that says transactional: false"),
    ],
)
def test_a_file_that_could_be_left_half_done_is_refused_before_anything_runs(
    empty_connection: Connection, folder: Folder, sql: str, message: str
) -> None:
    sets = folder(m0001_good=("create table good ();", "drop table good;"), m0002_x=(sql, "select 1;"))
    with pytest.raises(MigrationError, match=message):
        migrations.migrate(empty_connection, sets)
    assert not table_exists(empty_connection, "good")


def test_savepoints_rows_and_awkward_sql_are_no_trouble(
    empty_connection: Connection, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = """
    /* nested /* comment; */ */
    create table t ("begin" int, "end" text default ';');
    savepoint s; insert into t values (1); rollback to savepoint s;
    select * from generate_series(1, 3);
    do $body$ begin raise notice 'told'; end $body$;
    prepare p as select 1;
    """
    run = migrations.migrate(empty_connection, folder(m0001_x=(sql, "drop table t;")))
    assert run.steps[0].notices == ("NOTICE: told",)
    assert capsys.readouterr().out == ""


def test_a_migration_outside_a_transaction_is_run_and_marked(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(
        m0001_t=("create table t (a int);", "drop table t;"),
        m0002_i=("-- transactional: false\ncreate index concurrently i on t (a);", "drop index concurrently i;"),
    )
    assert migrations.migrate(empty_connection, sets).applied == 2
    assert migrations.rollback(empty_connection, sets).applied == 1


def test_an_edited_file_stops_migrate_and_is_shown_by_status(empty_connection: Connection, folder: Folder) -> None:
    migrations.migrate(empty_connection, folder(m0001_a=("create table a ();", "drop table a;")))
    sets = folder(m0001_a=("create table a (b int);", "drop table a;"), m0002_b=("create table b ();", "drop table b;"))
    with pytest.raises(HistoryError, match=r"0001_a\.sql was edited"):
        migrations.migrate(empty_connection, sets)
    states = {entry.id: entry.state for entry in read_status(empty_connection, sets).migrations}
    assert states == {"0001_a": "edited", "0002_b": "pending"}


def test_a_migration_without_its_file_is_unknown_and_cannot_be_rolled_back(
    empty_connection: Connection, folder: Folder
) -> None:
    old = folder(m0001_a=("create table a ();", "drop table a;"), m0002_b=("create table b ();", "drop table b;"))
    migrations.migrate(empty_connection, old)
    sets = sqlfiles.Sets({"core": old["core"][:1]})
    states = {entry.id: entry.state for entry in read_status(empty_connection, sets).migrations}
    assert states == {"0001_a": "applied", "0002_b": "newer"}
    with pytest.raises(HistoryError, match="0002_b is applied, but these files have neither it nor anything later"):
        migrations.rollback(empty_connection, sets)


def test_status_tells_when_by_whom_and_how_long(connection: Connection, sets: Sets) -> None:
    status = read_status(connection, sets)
    assert status.clean
    assert all(entry.applied_at and entry.applied_by and entry.duration_ms for entry in status.migrations)


def test_status_writes_nothing(empty_connection: Connection, sets: Sets) -> None:
    empty_connection.execute("set default_transaction_read_only = on")
    status = read_status(empty_connection, sets)
    assert {entry.state for entry in status.migrations} == {"pending"}
    assert not table_exists(empty_connection, "_yoyo_migration")


def test_where_transactions_are_read_only_nothing_is_begun(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    sets = folder(m0002_b=("create table b ();", "drop table b;"))
    empty_connection.execute("set default_transaction_read_only = on")
    for work in (migrations.migrate, migrations.rollback):
        with pytest.raises(DatabaseError, match="its transactions are read-only"):
            work(empty_connection, sets)


def test_an_optional_set_is_applied_only_when_chosen_and_then_kept_up(
    empty_connection: Connection, folder: Folder
) -> None:
    folder(m0001_a=("create table a ();", "drop table a;"))
    sets = folder("extra", m0001_x=("create table x ();", "drop table x;"))
    assert migrations.migrate(empty_connection, sets).applied == 1
    assert read_status(empty_connection, sets).available_sets == ("extra",)
    assert migrations.migrate(empty_connection, sets, chosen=("extra",)).applied == 2
    sets = folder("extra", m0002_y=("create table y ();", "drop table y;"))
    assert [step.id for step in migrations.migrate(empty_connection, sets).steps] == ["0002_y"]
    with pytest.raises(UsageError, match="no set 'other'") as raised:
        migrations.migrate(empty_connection, sets, chosen=("other",))
    assert "core, extra" in raised.value.hint


def test_a_rollback_preview_counts_the_rows_that_would_be_lost(connection: Connection, sets: Sets) -> None:
    connection.execute("insert into users select from generate_series(1, 3)")
    losses = preview.dry_run(connection, sets, Rollback(steps=None)).losses
    assert losses == (Loss("0002_create_users", "table", "public.users", 3),)


def test_a_rollback_preview_does_not_count_what_the_application_keeps(empty_connection: Connection, sets: Sets) -> None:
    empty_connection.execute("create table users (id uuid primary key)")
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("insert into users select gen_random_uuid()")
    assert preview.dry_run(empty_connection, sets, Rollback(steps=None)).losses == ()


def test_a_second_run_waits_for_the_first_and_names_it(empty: str, sets: Sets) -> None:
    with (
        database.connect(empty, purpose="first") as first,
        database.connect(empty, purpose="second") as second,
        locking.migration_lock(first, wait_seconds=1, on_wait=print),
        pytest.raises(LockTimeout, match=rf"pid {first.info.backend_pid}, memdb first, connected since"),
    ):
        migrations.migrate(second, sets, limits=Limits(wait_seconds=0))


def test_the_stock_yoyo_command_sees_the_same_history(migrated: str, sets: Sets) -> None:
    parameters = {key: str(value) for key, value in conninfo_to_dict(migrated).items()}
    url = "postgresql+psycopg:///?" + urlencode(parameters)
    command = [sys.executable, "-m", "yoyo", "list", "--batch", "--no-config-file", "-d", url]
    result = subprocess.run([*command, str(sets["core"][0].path.parent)], capture_output=True, text=True, check=True)
    states = [line.split()[0] for line in result.stdout.splitlines() if "create" in line]
    assert states == ["A"] * 8


def test_what_stock_yoyo_applied_is_known(empty: str, sets: Sets) -> None:
    parameters = {key: str(value) for key, value in conninfo_to_dict(empty).items()}
    url = "postgresql+psycopg:///?" + urlencode(parameters)
    command = [sys.executable, "-m", "yoyo", "apply", "--batch", "--no-config-file", "-d", url]
    subprocess.run([*command, str(sets["core"][0].path.parent)], capture_output=True, check=True)
    with database.connect(empty, purpose="test") as connection:
        assert read_status(connection, sets).clean
        assert migrations.migrate(connection, sets).steps == ()
        assert migrations.rollback(connection, sets, steps=None).applied == 0


def test_a_role_without_rights_gets_a_clear_refusal(server: str, empty: str, sets: Sets) -> None:
    role = f"guest_{psycopg.conninfo.conninfo_to_dict(empty)['dbname']}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"create role {role} login")
    try:
        with (
            pytest.raises(
                DatabaseError, match="is not allowed to keep a history of migrations in the schema public"
            ) as raised,
            database.connect(psycopg.conninfo.make_conninfo(empty, user=role), purpose="test") as connection,
        ):
            migrations.migrate(connection, sets)
        assert "permission denied for schema public" in raised.value.message
        assert "create on it" in raised.value.hint
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"drop role {role}")
