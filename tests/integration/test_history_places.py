"""Where the history lies: found wherever it is, never begun a second time unasked, never taken from somebody else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from memdb import database, migrations, preview
from memdb.catalog import Key
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import DatabaseError, HistoryError
from memdb.ledger import history
from memdb.ledger.plan import Migrate, Rollback
from memdb.ledger.sqlfiles import Migration
from memdb.ledger.status import status as read_status
from memdb.linting import lint
from memdb.migrations import Hooks, Limits, baseline, repair
from memdb.migrations.scribe import Scribe
from memdb.verification import snapshot, verify
from tests.integration.conftest import Folder, as_role

pytestmark = pytest.mark.once

WALLET = {
    "m0001_schema": ("create schema if not exists data;", "drop schema if exists data;"),
    "m0002_wallet": (
        "create table if not exists wallet as select 100::numeric as balance;",
        "drop table wallet;",
    ),
    "m0003_cents": ("update wallet set balance = balance * 100;", "update wallet set balance = balance / 100;"),
}


def balance(connection: Connection, schema: str = "data") -> object:
    row = connection.execute(f"select balance from {schema}.wallet").fetchone()
    return row and row[0]


def test_it_stays_where_it_was_begun_when_a_migration_makes_the_first_schema(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(**WALLET)
    empty_connection.execute("set search_path = data, public")
    foreseen = preview.dry_run(empty_connection, sets, Migrate()).advice
    told: list[str] = []
    assert migrations.migrate(empty_connection, sets, hooks=Hooks(on_advice=told.append)).history == "public"
    assert told == [foreseen]
    assert foreseen.startswith("From 0001_schema on, objects without a schema name are created in data, now the first")
    run = migrations.migrate(empty_connection, sets)
    assert (run.steps, run.history, run.applied) == ((), "public", 3)
    assert read_status(empty_connection, sets).clean
    assert balance(empty_connection) == 10_000
    assert migrations.rollback(empty_connection, sets, steps=None).applied == 0


def test_it_is_stopped_for_when_the_schema_is_forgotten(
    empty: str, empty_connection: Connection, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(**WALLET)
    empty_connection.execute("create schema one; create schema two")
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", "--schema", "one", *arguments]) == 0
    for command in (["migrate"], ["rollback", "--yes"], ["status"], ["migrate", "--dry-run"]):
        assert main([*command, *arguments]) == 4, command
        error = capsys.readouterr().err
        assert "already applied in the schema one (one._yoyo_migration)" in error
        assert "--schema one" in error
    assert balance(empty_connection, "one") == 10_000
    assert main(["migrate", "--schema", "two", *arguments]) == 0
    assert balance(empty_connection, "two") == 10_000


@pytest.mark.usefixtures("ready_server")
def test_it_is_told_where_a_schema_has_come_before_that_of_the_history(
    empty: str, empty_connection: Connection, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(m0001_a=("create table a (id int);", "drop table a;"))
    url = make_conninfo(empty, options="-csearch_path=data,public")
    arguments = ["--database-url", url, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 0
    empty_connection.execute("create schema data")
    folder(m0002_b=("create table b (id int);", "drop table b;"))
    told = "The history is in the schema public, but objects without a schema name are created in data"
    capsys.readouterr()
    assert main(["migrate", "--dry-run", *arguments]) == 0
    assert f"-- {told}" in capsys.readouterr().out
    assert main(["migrate", *arguments]) == 0
    assert told in capsys.readouterr().err
    folder(m0003_c=("create table c (id int);", "drop table c;"))
    assert main(["migrate", "--schema", "public", "--dry-run", *arguments]) == 0
    assert told not in capsys.readouterr().out


def test_a_rollback_stops_where_names_lead_elsewhere_than_when_it_was_applied(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(
        m0001_a=("create table a (id int);", "drop table a;"),
        m0002_schema=("create schema data;", "drop schema data;"),
        m0003_b=("create table b (id int);", "drop table b;"),
    )
    empty_connection.execute("set search_path = data, public")
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("set search_path = public; create schema earlier; create table earlier.a ()")
    with pytest.raises(HistoryError, match="led to data when 0003_b was applied, and lead to public now") as stopped:
        migrations.rollback(empty_connection, sets)
    assert stopped.value.hint.endswith("Go on with a search_path that begins with data.")
    empty_connection.execute("set search_path = data, public")
    assert migrations.rollback(empty_connection, sets, steps=2).applied == 1

    empty_connection.execute("set search_path = earlier, public")
    with pytest.raises(HistoryError, match="led to public when 0001_a was applied, and lead to earlier now") as stopped:
        migrations.rollback(empty_connection, sets)
    assert stopped.value.hint.endswith("Go on with --schema public.")
    foreseen = preview.dry_run(empty_connection, sets, Rollback()).refusals
    assert (stopped.value.message, stopped.value.hint) in [(refusal.message, refusal.hint) for refusal in foreseen]
    database.use_schema(empty_connection, "public")
    assert migrations.rollback(empty_connection, sets).applied == 0
    assert empty_connection.value("select to_regclass('earlier.a') is not null")


def test_two_of_them_are_told_apart_by_name_only(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(**WALLET)
    for schema in ("one", "two"):
        empty_connection.execute(f"create schema {schema}")
        database.use_schema(empty_connection, schema)
        migrations.migrate(empty_connection, sets)
    empty_connection.schema, empty_connection.search_path = None, "one, two"
    with pytest.raises(HistoryError, match="several histories, in the schemas one, two"):
        migrations.migrate(empty_connection, sets)


def test_another_projects_history_elsewhere_does_not_count(empty_connection: Connection, folder: Folder) -> None:
    empty_connection.execute("create schema other")
    database.use_schema(empty_connection, "other")
    others = folder(m0001_other=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, others)
    empty_connection.schema, empty_connection.search_path = None, None
    empty_connection.execute("reset search_path")
    others["core"][0].path.unlink()
    others["core"][0].rollback_path.unlink()
    assert migrations.migrate(empty_connection, folder(m0002_wallet=WALLET["m0002_wallet"])).history == "public"


def test_one_elsewhere_that_a_role_may_not_read_may_be_ours(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_wallet=("create table if not exists public.wallet ();", "drop table public.wallet;"))
    empty_connection.execute("create schema one")
    database.use_schema(empty_connection, "one")
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("reset search_path")
    trusting = Limits(trusted_schemas=("public",))
    with as_role(empty_connection, "elsewhere") as other:
        empty_connection.execute("grant create on schema public to elsewhere")
        does: list[Callable[[], object]] = [
            lambda: read_status(other, sets),
            lambda: migrations.migrate(other, sets, limits=trusting),
            lambda: preview.dry_run(other, sets, Migrate()),
        ]
        for work in does:
            with pytest.raises(
                DatabaseError, match="not allowed to read the migration history in the schema one"
            ) as it:
                work()
            assert "Grant it usage on that schema and select on one._yoyo_log, one._yoyo_migration" in it.value.hint
            assert it.value.hint.endswith("independent copy of everything, say where: --schema public")
        assert verify.verify(other, sets, {"0001_wallet": {}}).inferred
        database.use_schema(other, "public")
        assert read_status(other, sets).migrations[0].state == "pending", "a copy of its own was asked for"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("drop table one._yoyo_log", "already applied in the schema one"),
        ("drop table one._yoyo_migration", "in the schema one lacks _yoyo_migration"),
        ("drop table one._yoyo_migration, one._yoyo_log, one._yoyo_version", "in the schema one lacks _yoyo_migration"),
        ("create rule r as on insert to one._yoyo_log do also notify x", "in the schema one cannot be trusted"),
    ],
)
def test_one_elsewhere_that_nobody_can_read_may_be_ours(
    empty_connection: Connection, folder: Folder, change: str, problem: str
) -> None:
    sets = folder(**WALLET)
    empty_connection.execute("create schema one")
    database.use_schema(empty_connection, "one")
    migrations.migrate(empty_connection, sets)
    empty_connection.schema, empty_connection.search_path = None, None
    empty_connection.execute(f"reset search_path; {change}".encode())
    for work in (migrations.migrate, read_status):
        with pytest.raises(HistoryError, match=problem):
            work(empty_connection, sets)


@pytest.mark.parametrize(
    ("planted", "problem"),
    [
        ("drop table {0}; create view {0} as select ''::varchar as migration_hash", "_yoyo_migration is no table"),
        (
            """
            create function f() returns trigger language plpgsql as 'begin return new; end';
            create trigger t before insert on {0} for each row execute function f()
            """,
            "_yoyo_migration has triggers",
        ),
        ("create rule r as on insert to {0} do also notify x", "_yoyo_migration has rules"),
    ],
)
def test_what_was_tampered_with_is_not_used(
    empty_connection: Connection, folder: Folder, planted: str, problem: str
) -> None:
    sets = folder(m0001_a=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(planted.format("_yoyo_migration"))
    for look in (migrations.migrate, read_status):
        with pytest.raises(HistoryError, match=f"schema public cannot be trusted: {problem}"):
            look(empty_connection, sets)


def test_tables_without_rows_are_taken_as_they_are(empty_connection: Connection, folder: Folder) -> None:
    """As a dump of the schema alone leaves them."""
    sets = folder(m0001_a=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("truncate _yoyo_migration, _yoyo_log, _yoyo_version, memdb_migrations")
    assert [entry.state for entry in read_status(empty_connection, sets).migrations] == ["pending"]
    assert migrations.migrate(empty_connection, sets).applied == 1
    assert empty_connection.execute("select version from _yoyo_version").fetchall() == [(2,)]


def test_the_order_is_the_servers_whatever_clocks_say(empty_connection: Connection, folder: Folder) -> None:
    pairs = {f"m000{n}_{n}": ("select 1;", "select 1;") for n in (1, 2, 3)}
    sets = folder(**pairs)
    migrations.migrate(empty_connection, sets, to="0002")
    empty_connection.execute("update _yoyo_migration set applied_at_utc = applied_at_utc + interval '2 hours'")
    migrations.migrate(empty_connection, sets)
    applied = [item.id for item in history.read(empty_connection, sets).applied]
    assert applied == ["0001_1", "0002_2", "0003_3"]
    assert [step.id for step in migrations.rollback(empty_connection, sets).steps] == ["0003_3"]


def test_the_newest_comes_last_where_rows_were_copied_without_what_has_counted_them(
    empty_connection: Connection, folder: Folder
) -> None:
    pairs = {f"m000{n}_{n}": ("select 1;", "select 1;") for n in (1, 2, 3, 4)}
    pairs["m0004_4"] = ("-- transactional: false\nvacuum;", "vacuum;")
    sets = folder(**pairs)
    migrations.migrate(empty_connection, sets, to="0002")
    for change in ("set not null", "add generated always as identity"):  # as an earlier memdb has made it
        empty_connection.execute(f"alter table memdb_migrations alter position {change}")
    for id in ("0003_3", "0004_4"):
        assert [step.id for step in migrations.migrate(empty_connection, sets, to=id).steps] == [id]
    for id in ("0004_4", "0003_3", "0002_2"):
        assert [step.id for step in migrations.rollback(empty_connection, sets).steps] == [id]


def test_a_history_from_before_positions_gets_them_in_its_order(empty_connection: Connection, folder: Folder) -> None:
    pairs = {f"m000{n}_{n}": ("select 1;", "select 1;") for n in (1, 2, 3)}
    sets = folder(**pairs)
    migrations.migrate(empty_connection, sets, to="0002")
    empty_connection.execute("alter table memdb_migrations drop column position, drop column target_schema")
    assert migrations.migrate(empty_connection, sets).applied == 3
    rows = empty_connection.execute("select position, migration_id, target_schema from memdb_migrations order by 1")
    assert rows.fetchall() == [(1, "0001_1", None), (2, "0002_2", None), (3, "0003_3", "public")]


def test_what_stock_yoyo_applied_comes_after_what_it_followed(empty_connection: Connection, folder: Folder) -> None:
    pairs = {f"m000{n}_{n}": ("select 1;", "select 1;") for n in (1, 2, 3)}
    sets = folder(**pairs)
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("delete from memdb_migrations where migration_id = '0002_2'")
    assert [item.id for item in history.read(empty_connection, sets).applied] == ["0001_1", "0002_2", "0003_3"]


def test_files_of_an_older_release_prove_nothing(
    empty: str, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"), m0002_b=("create table b ();", "drop table b;"))
    with database.connect(empty, purpose="test") as connection:
        migrations.migrate(connection, sets)
    for path in (sets["core"][1].path, sets["core"][1].rollback_path):
        path.unlink()
    snapshot.write(tmp_path, {"0001_a": {Key("table", "a"): {"row_security": False}}})
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["verify-schema", *arguments]) == 4
    assert "0002_b is applied, but these files have neither it nor anything later" in capsys.readouterr().err
    assert main(["repair", "--unmark", "0002_b", "--yes", *arguments]) == 2
    assert "cannot be forgotten" in capsys.readouterr().err
    assert main(["status", *arguments]) == 0
    assert "1 newer" in capsys.readouterr().out


@pytest.mark.usefixtures("ready_server")
def test_files_that_were_squashed_into_one_are_settled_as_the_hint_says(
    empty: str, empty_connection: Connection, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = folder(
        m0001_a=("create table a (b int); insert into a values (1);", "drop table a;"),
        m0002_b=("update a set b = b * 100;", "update a set b = b / 100;"),
    )
    migrations.migrate(empty_connection, sets)
    for migration in sets["core"]:
        migration.path.unlink()
        migration.rollback_path.unlink()
    folder(m0001_all=("create table if not exists a (b int); insert into a values (100);", "drop table a;"))
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    for command in ("migrate", "repair"):
        main([command, *arguments])
    hint = "memdb repair --unmark 0001_a --unmark 0002_b --mark 0001_all"
    assert capsys.readouterr().err.count(hint) >= 1
    assert main([*hint.split()[1:], "--yes", *arguments]) == 0
    assert main(["migrate", *arguments]) == 0
    assert empty_connection.execute("select b from a").fetchall() == [(100,)]
    assert [item.id for item in history.read(empty_connection, folder()).applied] == ["0001_all"]


@pytest.mark.parametrize("direction", ["migrate", "rollback"])
def test_a_file_that_drops_the_history_itself_is_named(
    empty_connection: Connection, folder: Folder, direction: str
) -> None:
    anew = "drop schema public cascade; create schema public;"
    sets = folder(m0001_a=(anew, "select 1;") if direction == "migrate" else ("create table a ();", anew))
    if direction == "rollback":
        migrations.migrate(empty_connection, sets)
    with pytest.raises(HistoryError, match="the migration itself has dropped the history"):
        getattr(migrations, direction)(empty_connection, sets)


@pytest.mark.parametrize(
    "lost",
    [
        "_yoyo_migration",
        "_yoyo_log",
        "_yoyo_version",
        "_yoyo_log, _yoyo_version",
        "_yoyo_migration, _yoyo_log, _yoyo_version",
    ],
)
def test_a_history_that_has_lost_a_table_is_stopped_for(
    empty_connection: Connection, folder: Folder, lost: str
) -> None:
    sets = folder(m0001_a=("create table if not exists a (); select 1;", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(f"drop table {lost}")
    for work in (migrations.migrate, migrations.rollback, read_status):
        with pytest.raises(HistoryError, match=rf"the schema public lacks {lost.split(',')[0]}"):
            work(empty_connection, sets)


@pytest.mark.parametrize(
    "emptied",
    ["_yoyo_migration", "_yoyo_migration, _yoyo_log, _yoyo_version", "_yoyo_migration, memdb_migrations"],
)
def test_what_a_restored_table_of_yoyo_no_longer_has_does_not_run_again(
    empty_connection: Connection, folder: Folder, emptied: str
) -> None:
    sets = folder(**WALLET)
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(f"truncate {emptied}".encode())
    works: list[Callable[[], object]] = [
        lambda: migrations.migrate(empty_connection, sets),
        lambda: preview.dry_run(empty_connection, sets, Migrate()),
        lambda: migrations.rollback(empty_connection, sets),
    ]
    for work in works:
        with pytest.raises(HistoryError, match=r"_\w+ was applied, but public\._yoyo_migration no longer says so"):
            work()
    assert [entry.state for entry in read_status(empty_connection, sets).migrations] == ["lost"] * 3
    proposed = repair.propose(empty_connection, sets, dict)
    assert not proposed.ok
    assert sorted(proposed.unsettled) == sorted(sets.by_id)
    assert all("no longer says so. Restore that table from a backup." in said for said in proposed.unsettled.values())
    for proposal in ({"mark": ["0002", "0001"]}, {"unmark": ["0003"]}):
        repair.carry_out(empty_connection, sets, repair.propose(empty_connection, sets, dict, **proposal))
    assert [step.id for step in migrations.migrate(empty_connection, sets).steps] == ["0003_cents"]
    assert [entry.id for entry in history.read(empty_connection, sets).applied] == list(sets.by_id)


def test_the_last_that_the_log_says_decides_what_is_lost_whatever_clocks_say(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("update _yoyo_log set created_at_utc = created_at_utc + interval '2 hours'")
    migrations.rollback(empty_connection, sets)
    assert [entry.state for entry in read_status(empty_connection, sets).migrations] == ["pending"]
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("truncate _yoyo_migration, memdb_migrations")
    assert [entry.state for entry in read_status(empty_connection, sets).migrations] == ["lost"]
    with pytest.raises(HistoryError, match="0001_a was applied, but"):
        migrations.migrate(empty_connection, sets)


@pytest.mark.parametrize("kept", ["", " and position < 3"])
def test_what_is_marked_comes_before_what_was_applied_on_top_of_it(
    empty_connection: Connection, folder: Folder, kept: str
) -> None:
    sets = folder(**{f"m000{n}_{n}": ("select 1;", "select 1;") for n in (1, 2, 3)})
    migrations.migrate(empty_connection, sets)
    sets = folder("extra", m1001_on_core=("select 1;", "select 1;"))
    migrations.migrate(empty_connection, sets, chosen=("extra",))
    empty_connection.execute("delete from _yoyo_migration where migration_id in ('0002_2', '0003_3')")
    empty_connection.execute(f"delete from memdb_migrations where migration_id in ('0002_2', '0003_3'){kept}".encode())
    repair.carry_out(empty_connection, sets, repair.propose(empty_connection, sets, dict, mark=["0003", "0002"]))
    assert [entry.id for entry in history.read(empty_connection, sets).applied] == list(sets.by_id)


def test_nor_is_one_between_others_given_a_new_number(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(**WALLET)
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("delete from _yoyo_migration where migration_id = '0002_wallet'")
    with pytest.raises(HistoryError, match="0002_wallet was applied, but"):
        migrations.migrate(empty_connection, sets)
    for path in (sets["core"][1].path, sets["core"][1].rollback_path):
        path.rename(path.with_name(path.name.replace("0002", "0009")))
    with pytest.raises(HistoryError, match=r"0002_wallet is applied, but its file is now called 0009_wallet\.sql"):
        migrations.migrate(empty_connection, folder())


def test_what_another_program_does_meanwhile_is_not_done_again(empty_connection: Connection, folder: Folder) -> None:
    """Stock yoyo heeds no lock but its own."""
    sets = folder(**WALLET)
    migrations.migrate(empty_connection, sets, to="0002")

    def applied(_: object, migration: Migration) -> None:
        Scribe(empty_connection, history.read(empty_connection, sets).home).mark(migration, "")

    def rolled_back(_: object, migration: Migration) -> None:
        Scribe(empty_connection, history.read(empty_connection, sets).home).unmark(migration.id, "")

    before = balance(empty_connection, "public")
    for run, others in ((migrations.migrate, applied), (migrations.rollback, rolled_back)):
        with pytest.raises(HistoryError, match=f"another program has {others.__name__.replace('_', ' ')} 0003"):
            run(empty_connection, sets, hooks=migrations.Hooks(on_start=others))
        assert balance(empty_connection, "public") == before


def test_what_stock_yoyo_has_taken_back_is_pending(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    home = history.read(empty_connection, sets).home
    scribe = Scribe(empty_connection, home)
    scribe._unmark("0001_a", "rollback")
    empty_connection.execute("drop table a")
    assert read_status(empty_connection, sets).migrations[0].state == "pending"
    assert migrations.rollback(empty_connection, sets).steps == ()
    assert migrations.migrate(empty_connection, sets).applied == 1


def test_what_stock_yoyo_has_taken_back_is_the_newest_when_it_is_applied_again(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"), m0002_b=("create table b ();", "drop table b;"))
    migrations.migrate(empty_connection, sets)
    scribe = Scribe(empty_connection, history.read(empty_connection, sets).home)
    scribe._unmark("0001_a", "rollback")
    empty_connection.execute("drop table a")
    migrations.migrate(empty_connection, sets, out_of_order=True)
    assert [step.id for step in migrations.rollback(empty_connection, sets, steps=None).steps] == ["0001_a", "0002_b"]


def test_what_was_only_marked_and_taken_back_by_stock_yoyo_is_not_taken_back_again(
    empty_connection: Connection, folder: Folder
) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    scribe = Scribe(empty_connection, history.read(empty_connection, sets).home)
    scribe.mark(sets.by_id["0001_a"], "")
    scribe._unmark("0001_a", "rollback")
    assert migrations.rollback(empty_connection, sets).steps == ()


def test_a_history_without_what_memdb_adds_is_that_of_yoyo(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute("drop table memdb_migrations")
    assert migrations.migrate(empty_connection, sets).applied == 1
    assert migrations.rollback(empty_connection, sets).applied == 0


@pytest.mark.parametrize("table", ["_yoyo_migration", "_yoyo_log"])
def test_a_file_that_drops_a_part_of_the_history_is_named(
    empty_connection: Connection, folder: Folder, table: str
) -> None:
    sets = folder(m0001_a=(f"create table a (); drop table {table};", "drop table a;"))
    with pytest.raises(HistoryError, match="the migration itself has dropped the history"):
        migrations.migrate(empty_connection, sets)
    assert empty_connection.execute("select to_regclass('a')").fetchone() == (None,)


def test_a_text_that_a_file_had_formerly_is_no_edit(empty_connection: Connection, folder: Folder) -> None:
    sets = folder(m0001_a=("create table a ();", "drop table a;"))
    migrations.migrate(empty_connection, sets)
    former = sets["core"][0].checksum
    with pytest.raises(HistoryError, match="was edited"):
        migrations.migrate(empty_connection, folder(m0001_a=("create table a (); -- why", "drop table a;")))
    sets = folder(m0001_a=(f"-- formerly: {former}\ncreate table a (); -- why", "drop table a;"))
    assert migrations.migrate(empty_connection, sets).steps == ()
    assert read_status(empty_connection, sets).clean
    assert migrations.rollback(empty_connection, sets).applied == 0


@pytest.mark.usefixtures("ready_server")
def test_a_renamed_file_is_told_and_its_new_name_accepted(
    empty: str, empty_connection: Connection, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = {f"m000{n}_{n}": (f"create table t{n} ();", f"drop table t{n};") for n in (1, 2, 3)}
    sets = folder(**pairs)
    migrations.migrate(empty_connection, sets)
    second = sets["core"][1]
    second.path.rename(second.path.with_name("0009_two.sql"))
    second.rollback_path.rename(second.path.with_name("0009_two.rollback.sql"))
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    for command in (["migrate"], ["rollback", "--to", "0001", "--yes"]):
        assert main([*command, *arguments]) == 4
        assert "0002_2 is applied, but its file is now called 0009_two.sql" in capsys.readouterr().err
    assert main(["repair", "--unmark", "0002_2", "--yes", *arguments]) == 2
    assert main(["repair", "--mark", "0009_two", "--yes", *arguments]) == 2
    assert main(["status", *arguments]) == 0
    assert "0009_two (applied as 0002_2)" in capsys.readouterr().out
    assert main(["repair", "--yes", *arguments]) == 0
    assert read_status(empty_connection, folder()).clean
    applied = [item.id for item in history.read(empty_connection, folder()).applied]
    assert applied == ["0001_1", "0009_two", "0003_3"]
    assert migrations.rollback(empty_connection, folder(), steps=None).applied == 0


def test_of_files_with_the_same_text_each_is_told_by_its_number_or_name(
    empty_connection: Connection, folder: Folder
) -> None:
    names = ("0001_a", "0002_b", "0003_c", "0004_d")
    sets = folder(**{f"m{name}": ("select 1;", "select 1;") for name in names})
    migrations.migrate(empty_connection, sets)
    for file, name in zip(sets["core"], ("0001_aa", "0002_bb", "0005_d", "0006_cc"), strict=True):
        file.path.rename(file.path.with_name(f"{name}.sql"))
        file.rollback_path.rename(file.path.with_name(f"{name}.rollback.sql"))
    sets = folder()
    assert {entry.applied_as: entry.id for entry in read_status(empty_connection, sets).migrations} == {
        "0001_a": "0001_aa", "0002_b": "0002_bb", "0004_d": "0005_d", "0003_c": "0006_cc",
    }  # fmt: skip
    proposal = repair.propose(empty_connection, sets, lambda: {id: {} for id in sets.by_id})
    repair.carry_out(empty_connection, sets, proposal)
    assert read_status(empty_connection, sets).clean
    assert migrations.migrate(empty_connection, sets).steps == ()
    for name in ("0001_aa", "0002_bb"):
        sets.by_id[name].path.unlink()
        sets.by_id[name].rollback_path.unlink()
    states = {
        entry.id: entry.state for entry in read_status(empty_connection, folder(m0002_x=("select 1;", ""))).migrations
    }
    assert (states["0002_x"], states["0001_aa"]) == ("renamed", "missing")


@pytest.mark.parametrize("granted", ["", "_yoyo_migration"])
@pytest.mark.parametrize("work", ["status", "migrate", "rollback", "dry run", "lint", "repair", "baseline"])
def test_for_a_role_that_may_not_read_it_nothing_is_taken_for_pending_or_for_done(
    empty_connection: Connection, folder: Folder, work: str, granted: str
) -> None:
    sets = folder(**WALLET)
    migrations.migrate(empty_connection, sets)
    role = f"deployer_of_{empty_connection.info.dbname}"
    empty_connection.execute(f"create role {role}")
    if granted:
        empty_connection.execute(f"grant select on {granted} to {role}")
    empty_connection.execute(f"set role {role}")
    does: dict[str, Callable[[], object]] = {
        "status": lambda: read_status(empty_connection, sets),
        "migrate": lambda: migrations.migrate(empty_connection, sets),
        "rollback": lambda: migrations.rollback(empty_connection, sets),
        "dry run": lambda: preview.dry_run(empty_connection, sets, Migrate()),
        "lint": lambda: lint.pending(empty_connection, sets),
        "repair": lambda: repair.propose(empty_connection, sets, dict),
        "baseline": lambda: baseline.baseline(empty_connection, sets, {}),
    }
    try:
        with pytest.raises(
            DatabaseError, match="is not allowed to read the migration history in the schema public"
        ) as raised:
            does[work]()
        assert ("public._yoyo_migration" in raised.value.hint) is not bool(granted)
        assert "public._yoyo_log" in raised.value.hint
    finally:
        empty_connection.execute("reset role")
        empty_connection.execute(f"drop owned by {role}")
        empty_connection.execute(f"drop role {role}")


def test_a_role_that_may_not_write_to_it_is_told_all_that_it_lacks_before_anything_runs(
    empty_connection: Connection, folder: Folder
) -> None:
    migrations.migrate(empty_connection, folder(m0001_one=("create table one ();", "drop table one;")))
    trusting = Limits(trusted_schemas=("public",))
    sets = folder(
        m0001_one=("create table one ();", "drop table one;"), m0002_two=("create table two ();", "drop table two;")
    )
    with as_role(empty_connection, "deploying") as other:
        empty_connection.execute("grant create on schema public to deploying")
        empty_connection.execute("grant select on _yoyo_log, _yoyo_migration, memdb_migrations to deploying")
        with pytest.raises(DatabaseError, match="is not allowed to write to the migration history") as raised:
            migrations.migrate(other, sets, limits=trusting)
        lacking = raised.value.hint.partition(" on ")[2].partition(" on ")[2].rstrip(".")
        assert lacking.split(", ") == [
            f"public.{table}" for table in ("_yoyo_log", "_yoyo_migration", "_yoyo_version", "memdb_migrations")
        ]
        empty_connection.execute(f"grant select, insert, update, delete on {lacking} to deploying")
        # An earlier memdb made the table without this column, which only the table's owner could add.
        empty_connection.execute("alter table memdb_migrations drop column target_schema")
        assert [step.id for step in migrations.migrate(other, sets, limits=trusting).steps] == ["0002_two"]
        assert [step.id for step in migrations.rollback(other, sets, limits=trusting).steps] == ["0002_two"]
