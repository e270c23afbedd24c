"""What was reviewed is what runs: exactly that, or nothing, and then what has changed since is told."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from memdb import catalog, database, migrations
from memdb.cli import main
from memdb.database import Connection
from memdb.ledger import history, sqlfiles
from memdb.migrations import Hooks, Migrate, Request, Rollback, locking, planning, reviewed
from memdb.migrations.losses import Loss, WouldLose
from memdb.migrations.saved_plan import PlanChanged, SavedPlan
from tests.conftest import new_database

pytestmark = pytest.mark.once

Change = Callable[[Connection, Path], object]


@pytest.fixture
def sql_dir(tmp_path: Path) -> Path:
    """Three migrations with gaps between their numbers, each of a table."""
    (tmp_path / "sql" / "core").mkdir(parents=True)
    for number, table in ((2, "a"), (4, "b"), (6, "c")):
        write(tmp_path / "sql", f"{number:04}_{table}", f"create table {table} (id int);", f"drop table {table};")
    return tmp_path / "sql"


def write(sql_dir: Path, id: str, forward: str, back: str = "select 1;", *, set_name: str = "core") -> None:
    (sql_dir / set_name).mkdir(exist_ok=True)
    (sql_dir / set_name / f"{id}.sql").write_text(forward)
    (sql_dir / set_name / f"{id}.rollback.sql").write_text(back)


def review(connection: Connection, sql_dir: Path, request: Request, *losses: Loss) -> SavedPlan:
    """What a dry run saves, but for the trial on a temporary database."""
    planned = planning.make_plan(connection, sqlfiles.read_sets(sql_dir), request)
    return reviewed.saved(connection, request, planned, reviewed.state(connection, planned.history), losses)


def run(connection: Connection, sql_dir: Path, plan: SavedPlan, hooks: Hooks = Hooks()) -> list[str]:
    return [step.id for step in migrations.run(connection, sqlfiles.read_sets(sql_dir), plan, hooks=hooks).steps]


def applied(connection: Connection, sql_dir: Path) -> list[str]:
    return [item.id for item in history.read(connection, sqlfiles.read_sets(sql_dir)).applied]


def apply(connection: Connection, sql_dir: Path, to: str | None = None) -> None:
    migrations.migrate(connection, sqlfiles.read_sets(sql_dir), to=to)


def edit(id: str, *, ending: str = ".sql") -> Change:
    def change(_: Connection, sql_dir: Path) -> None:
        path = sql_dir / "core" / f"{id}{ending}"
        path.write_text(f"{path.read_text()} ")

    return change


def remove(_: Connection, sql_dir: Path) -> None:
    for path in (sql_dir / "core").glob("0006_*"):
        path.unlink()


def move_to_another_set(_: Connection, sql_dir: Path) -> None:
    (sql_dir / "more").mkdir()
    for path in (sql_dir / "core").glob("0006_*"):
        path.rename(sql_dir / "more" / path.name)


def use_another_schema(connection: Connection, _: Path) -> None:
    connection.execute("create schema other")
    database.use_schema(connection, "other")


def add_and_apply(connection: Connection, sql_dir: Path) -> None:
    write(sql_dir, "0007_new", "select 1;")
    apply(connection, sql_dir)


def execute(sql: str) -> Change:
    return lambda connection, _: connection.execute(sql)


MIGRATE_CHANGES: dict[str, tuple[Change, str]] = {
    "edited": (edit("0006_c"), "0006_c.sql was edited"),
    "rollback-edited": (edit("0006_c", ending=".rollback.sql"), "0006_c.rollback.sql was edited"),
    "removed": (remove, "0006_c has no file here"),
    "other-set": (move_to_another_set, "0006_c is in the set more now, and was in core"),
    "new-before": (lambda _, sql_dir: write(sql_dir, "0005_new", "select 1;"), "0005_new would run now, too"),
    "applied": (
        lambda connection, sql_dir: apply(connection, sql_dir, to="0004"),
        "0004_b is applied now, and was not",
    ),
    "rolled-back": (
        lambda connection, sql_dir: migrations.rollback(connection, sqlfiles.read_sets(sql_dir)),
        "0002_a was applied, and is not now",
    ),
    "repaired": (execute("update memdb_migrations set checksum = 'x'"), "0002_a is applied with another checksum"),
    "begun": (
        execute("insert into memdb_migrations (migration_id, checksum, sql) values ('0004_b', 'x', '')"),
        "0004_b is begun and cut short now, and was not",
    ),
    "index": (execute("create index extra on a (id)"), "index extra is new"),
    "column": (execute("alter table a alter id type bigint"), "column a.id has changed"),
    "dropped": (execute("drop view seen"), "view seen is gone"),
    "elsewhere": (execute("create schema s; create table s.t ()"), "table s.t is new"),
    "path": (
        execute("create schema s; set search_path = public, s"),
        "names were looked for in the schemas public, and are looked for in public, s now",
    ),
    "schema": (use_another_schema, "it was made for the schema public, and this is other"),
}


@pytest.mark.parametrize(("change", "told"), MIGRATE_CHANGES.values(), ids=MIGRATE_CHANGES)
def test_what_has_changed_since_is_told_and_nothing_runs(
    empty_connection: Connection, sql_dir: Path, change: Change, told: str
) -> None:
    connection = empty_connection
    apply(connection, sql_dir, to="0002")
    connection.execute("create view seen as select 1 as one")
    plan = review(connection, sql_dir, Migrate())
    change(connection, sql_dir)
    before = applied(connection, sql_dir), catalog.read(connection, "public").objects
    with pytest.raises(PlanChanged, match="no longer fits, and nothing was run") as caught:
        run(connection, sql_dir, plan)
    assert [change for change in caught.value.changes if change.endswith(told)]
    assert (applied(connection, sql_dir), catalog.read(connection, "public").objects) == before


ROLLBACK_CHANGES = {
    "edited": (edit("0006_c", ending=".rollback.sql"), "0006_c.rollback.sql was edited"),
    "forward-edited": (edit("0006_c"), "0006_c.sql was edited"),
    "applied": (
        add_and_apply,
        "0007_new is applied now, and was not",
    ),
}


@pytest.mark.parametrize(("change", "told"), ROLLBACK_CHANGES.values(), ids=ROLLBACK_CHANGES)
def test_a_rollback_is_compared_in_the_same_way(
    empty_connection: Connection, sql_dir: Path, change: Change, told: str
) -> None:
    apply(empty_connection, sql_dir)
    plan = review(empty_connection, sql_dir, Rollback(2))
    change(empty_connection, sql_dir)
    with pytest.raises(PlanChanged) as caught:
        run(empty_connection, sql_dir, plan)
    assert [change for change in caught.value.changes if change.endswith(told)]
    assert "0006_c" in applied(empty_connection, sql_dir)


def test_exactly_what_was_reviewed_runs_on_any_database_in_the_same_state(
    server: str, empty_connection: Connection, sql_dir: Path
) -> None:
    write(sql_dir, "1001_more", "create table more ();", "drop table more;", set_name="more")
    plan = review(empty_connection, sql_dir, Migrate(chosen=("more",)))
    ids = ["0002_a", "0004_b", "0006_c", "1001_more"]
    write(sql_dir, "1002_later", "create table later ();", set_name="more")
    with new_database(server) as conninfo, database.connect(conninfo, purpose="test") as other:
        assert run(other, sql_dir, plan) == ids
        back = review(other, sql_dir, Rollback(None))
        other.execute("insert into a values (1); delete from a")  # rows are no part of it, as long as none is lost
        assert run(other, sql_dir, back) == ids[::-1]
    assert run(empty_connection, sql_dir, plan) == ids


def test_a_plan_runs_once(empty_connection: Connection, sql_dir: Path) -> None:
    plan = review(empty_connection, sql_dir, Migrate(to="0004"))
    assert run(empty_connection, sql_dir, plan) == ["0002_a", "0004_b"]
    with pytest.raises(PlanChanged):
        run(empty_connection, sql_dir, plan)


def test_a_plan_of_nothing_does_nothing_unless_there_is_something_to_do_now(
    empty_connection: Connection, sql_dir: Path
) -> None:
    apply(empty_connection, sql_dir)
    plan = review(empty_connection, sql_dir, Migrate())
    assert run(empty_connection, sql_dir, plan) == []
    write(sql_dir, "0007_new", "select 1;")
    with pytest.raises(PlanChanged, match="0007_new would run now, too"):
        run(empty_connection, sql_dir, plan)


def test_a_plan_of_another_version_of_memdb_is_not_run(empty_connection: Connection, sql_dir: Path) -> None:
    plan = replace(review(empty_connection, sql_dir, Migrate()), memdb="0.0.1")
    with pytest.raises(PlanChanged, match=r"it was made by memdb 0\.0\.1"):
        run(empty_connection, sql_dir, plan)


def test_what_changes_while_the_lock_is_waited_for_is_seen(empty: str, sql_dir: Path) -> None:
    with database.connect(empty, purpose="test") as connection, database.connect(empty, purpose="other") as other:
        plan = review(connection, sql_dir, Migrate())
        other.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [locking.LOCK])

        def interfere(_: str) -> None:
            other.execute("create table meanwhile (); select pg_advisory_unlock_all()")

        with pytest.raises(PlanChanged, match="table meanwhile is new"):
            run(connection, sql_dir, plan, Hooks(on_wait=interfere))
        assert applied(connection, sql_dir) == []


def test_a_saved_rollback_loses_what_it_shows_and_stops_before_more(
    empty_connection: Connection, sql_dir: Path
) -> None:
    connection = empty_connection
    apply(connection, sql_dir)
    connection.execute("insert into a values (1), (2)")
    shown = Loss("0002_a", "table", "public.a", 2)
    plan, blind = (review(connection, sql_dir, Rollback(None), *losses) for losses in ((shown,), ()))
    connection.execute("insert into a values (3)")
    for too_little in (plan, blind):
        with pytest.raises(WouldLose, match=r"public\.a \(3 rows\)"):
            run(connection, sql_dir, too_little)
        assert applied(connection, sql_dir) == ["0002_a", "0004_b", "0006_c"]
    connection.execute("delete from a where id > 1")
    assert run(connection, sql_dir, plan) == ["0006_c", "0004_b", "0002_a"]


@pytest.mark.usefixtures("ready_server")
def test_a_dry_run_is_saved_reviewed_and_run(
    empty: str, sql_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "the plan.json"
    more = ("--database-url", empty, "--sql-dir", str(sql_dir))
    assert main(["migrate", "--dry-run", "--save-plan", str(path), *more]) == 0
    assert f"-- to run exactly this: memdb migrate --plan '{path}'\n" in capsys.readouterr().out
    assert json.loads(path.read_text())["steps"][1]["sql"] == ["create table b (id int);"]
    assert main(["migrate", "--plan", str(path), *more]) == 0
    assert capsys.readouterr().out.endswith("Applied 3 migrations; 3 applied in all.\n")
    assert main(["migrate", "--plan", str(path), *more, "--format", "json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["changes"][:2] == ["0002_a is applied now, and was not", "0004_b is applied now, and was not"]

    with database.connect(empty, purpose="test") as connection:
        connection.execute("insert into c values (1)")
    assert main(["rollback", "--dry-run", "--save-plan", str(path), *more, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["saved_as"] == str(path)
    assert main(["migrate", "--plan", str(path), *more]) == 4
    assert main(["rollback", "--plan", str(path), *more]) == 0  # nobody is asked


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", "--save-plan", "plan.json"),
        ("rollback", "--save-plan", "plan.json"),
        *(
            ("migrate", "--plan", "plan.json", *more)
            for more in [
                ("--to", "0004"),
                ("--with", "more"),
                ("--out-of-order",),
                ("--dry-run",),
                ("--dry-run", "--save-plan", "other.json"),
            ]
        ),
        *(
            ("rollback", "--plan", "plan.json", *more)
            for more in [("--to", "0004"), ("--steps", "2"), ("--all",), ("--dry-run",)]
        ),
    ],
    ids=" ".join,
)
def test_what_contradicts_a_plan_is_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--database-url", "postgresql://nobody@127.0.0.1:1/none"]) == 2
    assert "plan FILE" in capsys.readouterr().err
