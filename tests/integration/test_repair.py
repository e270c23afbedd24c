"""Baselines and repairs: the history is changed only after it was shown what that means."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from memdb import migrations, recording, shipped
from memdb.cli import main
from memdb.database import Connection
from memdb.errors import HistoryError, UsageError
from memdb.ledger import history, sqlfiles
from memdb.ledger.sqlfiles import Sets
from memdb.ledger.status import status as read_status
from memdb.migrations import baseline, repair
from memdb.verification import snapshot
from memdb.verification.snapshot import Patches
from tests.integration.conftest import Folder

pytestmark = pytest.mark.once

HISTORY_TABLES = "drop table _yoyo_migration, _yoyo_log, _yoyo_version, memdb_migrations"


@pytest.fixture(scope="session")
def patches() -> Patches:
    return snapshot.read(shipped.sql_directory())


@pytest.fixture
def team(tmp_path: Path) -> Callable[[str, str], Sets]:
    """A SQL directory with one migration, to be written again."""

    def write(sql: str, rollback: str = "drop table a;") -> Sets:
        core = tmp_path / "core"
        core.mkdir(exist_ok=True)
        (core / "0001_a.sql").write_text(sql)
        (core / "0001_a.rollback.sql").write_text(rollback)
        return sqlfiles.read_sets(tmp_path)

    return write


def log(connection: Connection) -> list[tuple[str, str, str]]:
    return connection.execute(
        "select migration_id, operation, comment from _yoyo_log where comment is not null order by created_at_utc"
    ).fetchall()


def test_a_schema_that_is_there_is_taken_for_migrated(connection: Connection, sets: Sets, patches: Patches) -> None:
    connection.execute(HISTORY_TABLES)
    result = baseline.baseline(connection, sets, patches)
    assert result.ok
    assert len(result.marked) == len(sets["core"])
    assert read_status(connection, sets).clean
    assert migrations.migrate(connection, sets).steps == ()
    assert log(connection)[0] == ("0001_create_extension_vector", "mark", baseline.REASON)
    assert migrations.rollback(connection, sets, steps=None).applied == 0


def test_a_schema_that_differs_is_not_taken_for_migrated(connection: Connection, sets: Sets, patches: Patches) -> None:
    connection.execute(HISTORY_TABLES)
    connection.execute("drop index ix_memories_user_id")
    result = baseline.baseline(connection, sets, patches)
    assert (result.ok, result.marked) == (False, ())
    assert [difference.object for difference in result.verification.differences] == ["ix_memories_user_id"]
    assert history.read(connection, sets).applied == ()


def test_a_large_table_gets_its_hnsw_index_without_downtime(
    connection: Connection, sets: Sets, patches: Patches
) -> None:
    connection.execute(HISTORY_TABLES)
    for index in ("ix_memories_embedding", "ix_memories_accessed_at", "ix_memory_collections_collection_type"):
        connection.execute(f"drop index {index}")
    result = baseline.baseline(connection, sets, patches, to="0006")
    assert len(result.marked) == 6
    assert result.verification.notes == (
        "The migration history is empty, although parts of the schema are there.",
        "Pending, so what they create was not expected: 0007_create_embedding_index, 0008_create_performance_indexes.",
    )
    run = migrations.migrate(connection, sets)
    assert [step.id[:4] for step in run.steps] == ["0007", "0008"]


def test_a_baseline_marks_only_what_is_pending(connection: Connection, sets: Sets, patches: Patches) -> None:
    assert baseline.baseline(connection, sets, patches).marked == ()


def test_what_a_baseline_marks_was_expected(connection: Connection, sets: Sets, patches: Patches) -> None:
    connection.execute("delete from _yoyo_migration where migration_id > '0006'")
    result = baseline.baseline(connection, sets, patches)
    assert [id[:4] for id in result.marked] == ["0006", "0007", "0008"]
    assert result.verification.notes == ()


def test_an_edit_is_shown_and_accepted(
    empty_connection: Connection, team: Callable[..., Sets], capsys: pytest.CaptureFixture[str]
) -> None:
    migrations.migrate(empty_connection, team("create table a (b int);"))
    sets = team("-- Better explained.\ncreate table a (b int);")
    with pytest.raises(HistoryError, match="was edited"):
        migrations.migrate(empty_connection, sets)
    proposal = repair.propose(empty_connection, sets, lambda: recording.record(sets))
    assert "+-- Better explained." in proposal.edits[0].diff
    assert proposal.effect == ()
    assert repair.carry_out(empty_connection, sets, proposal).done
    assert read_status(empty_connection, sets).clean
    ((id, operation, comment),) = log(empty_connection)
    assert (id, operation) == ("0001_a", "mark")
    assert "accepted an edit" in comment


def test_an_edit_that_changes_the_schema_is_shown_in_effect(
    empty_connection: Connection, team: Callable[..., Sets]
) -> None:
    migrations.migrate(empty_connection, team("create table a (b int);"))
    sets = team("create table a (b text);")
    proposal = repair.propose(empty_connection, sets, lambda: recording.record(sets))
    (difference,) = proposal.effect
    assert (difference.object, difference.expected, difference.found) == ("a.b", {"type": "text"}, {"type": "integer"})


def test_a_missing_file_is_forgotten_and_an_applied_one_marked(connection: Connection, sets: Sets) -> None:
    patches = snapshot.read(shipped.sql_directory())
    without = Sets({"core": [migration for migration in sets["core"] if not migration.id.startswith("0006")]})
    with pytest.raises(HistoryError, match="its file is not there"):
        migrations.migrate(connection, without)
    gone = sets["core"][5].id
    repair.carry_out(connection, without, repair.propose(connection, without, lambda: patches, unmark=[gone]))
    assert migrations.migrate(connection, without).steps == ()
    repair.carry_out(connection, sets, repair.propose(connection, sets, lambda: patches, mark=["0006"]))
    assert read_status(connection, sets).clean
    assert [operation for _, operation, _ in log(connection)] == ["unmark", "mark"]
    connection.execute("delete from _yoyo_migration where migration_id = %s", [gone])
    with pytest.raises(HistoryError, match=r"0006\w+ was applied, but public\._yoyo_migration no longer says so"):
        migrations.migrate(connection, sets)


def test_what_cannot_be_marked_or_forgotten_is_refused(connection: Connection, sets: Sets, patches: Patches) -> None:
    with pytest.raises(UsageError, match="is already applied"):
        repair.propose(connection, sets, lambda: patches, mark=["0001"])
    with pytest.raises(UsageError, match="0099 is not applied"):
        repair.propose(connection, sets, lambda: patches, unmark=["0099"])
    with pytest.raises(UsageError, match="several applied migrations begin with 000"):
        repair.propose(connection, sets, lambda: patches, unmark=["000"])


def test_a_migration_is_forgotten_by_what_its_name_begins_with(
    connection: Connection, sets: Sets, patches: Patches
) -> None:
    newest = sets["core"][-1].id
    assert repair.propose(connection, sets, lambda: patches, unmark=[newest[:4]]).unmark == (newest,)


def test_repair_asks_first_and_says_what_it_did(
    empty: str,
    tmp_path: Path,
    team: Callable[..., Sets],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team("create table a (b int);")
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 0
    assert main(["repair", *arguments]) == 0
    assert "Nothing to repair" in capsys.readouterr().out
    team("create table a (c int);")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["repair", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "+create table a (c int);" in shown.err
    assert "The database then differs" in shown.err
    assert main(["repair", "--yes", *arguments]) == 0
    assert "\nAccepted as applied, as the files are now: 0001_a" in capsys.readouterr().out
    assert main(["status", "--exit-code", *arguments]) == 0


def test_what_a_forgotten_migration_has_made_is_said_to_stay(
    empty: str, tmp_path: Path, folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"m0001_a": ("create table a (b int);", "drop table a;"), "m0003_c": ("select 1;", "select 1;")}
    folder(**both, m0002_feature=("create table b ();", "drop table b;"))
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 0
    for file in (tmp_path / "core").glob("0002_*"):
        file.unlink()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["repair", "--unmark", "0002_feature", *arguments]) == 2
    assert "Whatever else 0002_feature created stays there" in capsys.readouterr().err


@pytest.mark.parametrize("gone", ["m0002_b", "m0003_c"], ids=["removed", "of a newer release"])
def test_repair_says_what_it_could_not_settle(
    empty: str, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], gone: str
) -> None:
    folder(**{f"m000{n}_{x}": (f"create table {x} (id int);", f"drop table {x};") for n, x in enumerate("abc", 1)})
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 0
    for file in (tmp_path / "core").glob(f"{gone[1:]}*"):
        file.unlink()
    (tmp_path / "core" / "0001_a.sql").write_text("-- Ours.\ncreate table a (id int);")
    capsys.readouterr()
    assert main(["repair", "--yes", *arguments]) == 1
    told = capsys.readouterr().out
    assert "Accepted as applied, as the files are now: 0001_a." in told
    assert f"{gone[1:]} is applied, but has no file here." in told


@pytest.mark.usefixtures("ready_server")
def test_files_that_were_renamed_and_edited_at_once_are_settled_as_the_hint_says(
    empty: str, empty_connection: Connection, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {"m0001_a": ("create table a (b int); insert into a values (1);", "drop table a;")}
    sets = folder(
        **first,
        m0002_cents=("update a set b = b * 100;", "update a set b = b / 100;"),
        m0003_more=("update a set b = b + 1;", "update a set b = b - 1;"),
    )
    migrations.migrate(empty_connection, sets)
    for file in (tmp_path / "core").glob("000[23]*"):
        file.rename(file.with_name(file.name.replace("0002", "0012").replace("0003", "0013")))
    folder(
        m0012_cents=("update a set b = b * 100; -- Why.", "update a set b = b / 100;"),
        m0013_more=("update a set b = b + 1; -- Why.", "update a set b = b - 1;"),
    )
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 4
    hint = "memdb repair --unmark 0002_cents --unmark 0003_more --mark 0012_cents --mark 0013_more"
    assert hint in " ".join(capsys.readouterr().err.split())
    assert main([*hint.split()[1:], "--yes", *arguments]) == 0
    assert main(["migrate", *arguments]) == 0
    assert empty_connection.execute("select b from a").fetchall() == [(101,)]


@pytest.mark.usefixtures("ready_server")
def test_a_file_that_names_its_former_text_is_renamed(
    empty: str, empty_connection: Connection, folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migration = folder(m0001_a=("create table a ();", "drop table a;"))["core"][0]
    migrations.migrate(empty_connection, folder())
    migration.path.unlink()
    migration.rollback_path.unlink()
    folder(m0002_z=(f"-- formerly: {migration.checksum}\ncreate table a (); -- Why.", "drop table a;"))
    arguments = ["--database-url", empty, "--sql-dir", str(tmp_path)]
    assert main(["migrate", *arguments]) == 4
    assert "0001_a is applied, but its file is now called 0002_z.sql" in capsys.readouterr().err
    assert main(["repair", "--yes", *arguments]) == 0
    assert main(["status", "--exit-code", *arguments]) == 0
