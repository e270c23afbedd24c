"""A team's own SQL is made whole or not at all, and what memdb ships is not changed."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memdb import files, output, project, recording, scratch, settings, shipped
from memdb.cli import main
from memdb.errors import SqlFilesError, UsageError
from memdb.ledger import sqlfiles
from tests.unit.test_files import no_room_for, small_disk

__all__ = ["small_disk"]

STEP = {"name": "add importance", "sql": "select 1;\n", "rollback": "select 1;\n"}


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The SQL as a wheel has it, inside the package."""
    package = tmp_path / "site-packages" / "memdb"
    shutil.copytree(shipped.sql_directory(), package / "sql")
    monkeypatch.setattr(shipped, "__file__", str(package / "shipped.py"))
    monkeypatch.setattr(shipped, "sql_directory", lambda: package / "sql")
    return package / "sql"


def test_init_that_fails_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    with no_room_for(2_000), pytest.raises(SqlFilesError, match="cannot be written"):
        project.init(tmp_path / "services" / "memory")
    assert everything(tmp_path) == []
    made = project.init(tmp_path / "services" / "memory")
    assert sorted(made.created) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_init_that_was_interrupted_after_its_settings_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            project.init(tmp_path)
    assert everything(tmp_path) == []
    (tmp_path / "memdb.toml").write_text("# killed here\n")
    assert (tmp_path / "sql" / "core").exists() is False
    project.init(tmp_path)
    assert (tmp_path / "memdb.toml").read_text() == "# killed here\n"


def test_init_takes_no_set_up_of_a_project_around_it_and_can_be_repeated_where_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up: list[str] = []

    def record(_: sqlfiles.Sets, *, options: scratch.Options, **__: object) -> dict[str, dict[str, object]]:
        assert options.setup is not None
        set_up.append(options.setup.read_text().partition("create table ")[2].partition(" ")[0])
        return {}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMDB_DATABASE_URL", "embedded")
    monkeypatch.setattr(recording, "record", record)
    outer = ["init", ".", "--users", "accounts", "--user-id", "bigint", "--schema", "memory"]
    assert main(outer) == 0
    shutil.rmtree(tmp_path / "sql")  # what comes last; the set-up file in it is named in memdb.toml already
    assert main(outer) == 0
    assert main(["init", "inner", "--users", "people", "--user-id", "text"]) == 0
    assert set_up == ["accounts", "accounts", "people"]
    assert settings.load(directory=tmp_path).schema == "memory"


def test_the_schema_that_was_asked_for_is_in_the_settings(tmp_path: Path) -> None:
    project.init(tmp_path, schema='Memory "of" ü')
    assert settings.load(directory=tmp_path, environment={}).schema == 'Memory "of" ü'


def test_a_disk_that_is_full_is_told_as_such(small_disk: Path) -> None:
    with pytest.raises(SqlFilesError, match=r"project/sql cannot be written: No space left on device") as failed:
        project.init(small_disk / "project")
    assert failed.value.hint == "Make room on the disk."
    assert everything(small_disk) == []


def test_init_does_not_say_that_commands_use_what_other_settings_hide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "memdb.toml"
    settings.write_text('sql_dir = "other"\n')
    output.emit(project.init(tmp_path), "text")
    said = capsys.readouterr().out
    assert f'{settings} already exists. Commands do not use the new files until it says:\n  sql_dir = "sql"\n' in said
    assert "Commands run in" not in said


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_init_overwrites_nothing(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "sql"
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.touch()
    else:
        target.symlink_to("nowhere")
    with pytest.raises(SqlFilesError, match="already exists"):
        project.init(tmp_path)
    assert everything(tmp_path) == ["sql"]


def test_a_pair_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with no_room_for(60), pytest.raises(SqlFilesError, match="cannot be written"):
        project.new(tmp_path / "sql", "add importance")
    assert everything(tmp_path) == []


def test_of_several_migrations_all_or_none_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "report.json"
    long = {**STEP, "sql": "-- " + "x" * 9_000}
    files.write(report, _recommending([STEP, long]))
    with no_room_for(5_000), pytest.raises(SqlFilesError, match="cannot be written"):
        project.recommended(tmp_path / "sql", report)
    assert everything(tmp_path) == ["report.json"]
    written = project.recommended(tmp_path / "sql", report).migrations
    assert [one.id for one in written] == ["0001_add_importance", "0002_add_importance"]


@pytest.mark.parametrize("step", [{**STEP, "name": 5}, {**STEP, "sql": None}, {**STEP, "name": "…"}, {}, [], 5])
def test_a_report_that_recommends_no_sql_writes_nothing(tmp_path: Path, step: object) -> None:
    files.write(tmp_path / "report.json", _recommending([STEP, step]))
    with pytest.raises(UsageError):
        project.recommended(tmp_path / "sql", tmp_path / "report.json")
    assert everything(tmp_path) == ["report.json"]


def _recommending(steps: list[object]) -> str:
    return json.dumps({"verdict": {"recommendations": [{"migrations": steps}]}})


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../core", "/tmp/set", "a/b", ".hidden", "_own", "queries", "a\nb", "ü"]
)
def test_a_set_is_a_folder_in_the_sql_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name for a set"):
        project.new(tmp_path / "sql", "add importance", set_name=name)
    assert everything(tmp_path) == []


def test_a_set_that_is_a_link_out_of_the_project_is_not_written_to(tmp_path: Path) -> None:
    sql, elsewhere = project.init(tmp_path / "project").sql_dir, tmp_path / "elsewhere"
    (sql / "drop_hnsw").rename(elsewhere)
    next(elsewhere.glob("2002_*.rollback.sql")).unlink()
    next(elsewhere.glob("2002_*.sql")).unlink()
    there = everything(elsewhere)
    (sql / "drop_hnsw").symlink_to("../../elsewhere")
    with pytest.raises(SqlFilesError, match="leads out of its folder by symbolic links"):
        project.new(sql, "add_x", set_name="drop_hnsw")
    with pytest.raises(SqlFilesError, match="leads out of its folder by symbolic links"):
        project.upgrade(sql)
    assert everything(elsewhere) == there


def test_several_at_once_take_different_numbers(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: project.new(tmp_path / "sql", f"step {number}"), range(16)))
    assert sorted(new.id[:4] for new in made) == [f"{number:04}" for number in range(1, 17)]


@pytest.mark.parametrize("name", ["0009x_y.sql", "²²²²_y.sql", "0009.sql", "9_y.sql"])
def test_files_that_are_no_migrations_do_not_count(tmp_path: Path, name: str) -> None:
    files.create({tmp_path / "core" / name: "", tmp_path / "core" / "0011_a.sql": ""})
    assert project.new(tmp_path, "b").id == "0012_b"


def test_a_name_of_several_lines_stays_in_its_comment(tmp_path: Path) -> None:
    new = project.new(tmp_path, "add it;\ndrop table users\x1b[2J\N{LINE SEPARATOR}now.")
    assert new.path.read_text().startswith("-- Add it; drop table users [2J now.\n--\n")


def test_a_name_that_is_too_long_for_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SqlFilesError, match="too long"):
        project.new(tmp_path / "sql", "x" * 300)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("arguments", [["snapshot"], ["new", "add_importance"]])
def test_the_installed_sql_is_not_changed(
    installed: Path,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path: path.read_bytes() for path in installed.rglob("*.*")}
    (tmp_path / "link").symlink_to(installed)
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--sql-dir", str(installed)], ["--sql-dir", "link"]):
        assert main([*arguments, *more]) == 2
        assert "Make a copy with: memdb init ." in capsys.readouterr().err
    assert {path: path.read_bytes() for path in installed.rglob("*.*")} == before


def test_memdbs_own_checkout_can_be_changed_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = shipped.sql_directory()
    for inside in (checkout.parent, checkout / "core"):
        monkeypatch.chdir(inside)
        project.require_own(checkout)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="must not be changed"):
        project.require_own(checkout)


def test_the_hnsw_index_is_dropped_before_fast_search_writes_the_table_anew() -> None:
    sets = sqlfiles.read_sets(shipped.sql_directory())
    order = [migration.id for migration in sets.active((), ["fast_search", "drop_hnsw"])]
    assert order.index("2002_drop_embedding_index") < order.index("1003_add_signature_to_memories")
