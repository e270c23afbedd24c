"""A newer memdb brings its migrations into a team's folder, and changes nothing that is there."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import memdb
from memdb import files, project
from memdb.errors import MemdbError, SqlFilesError
from memdb.project import Upgrade
from memdb.shape import DEFAULT, Shape, Users
from memdb.verification import snapshot
from tests.integration.projects import Projects

pytestmark = pytest.mark.once

SHAPES = [DEFAULT, Shape(Users("app.accounts", "number", "bigint", may_be_made=False), "halfvec", 768)]


@pytest.fixture(params=SHAPES, ids=["as shipped", "another shape"])
def shape(request: pytest.FixtureRequest) -> Shape:
    assert isinstance(request.param, Shape)
    return request.param


@pytest.fixture
def older(tmp_path: Path, ready_server: None, shape: Shape, projects: Projects) -> Path:
    """The folder of a memdb that had no fast_search, and one migration of core less, where no other set is used."""
    projects.write(tmp_path, shape, lambda made: project.init(made, shape))
    folder = tmp_path / "sql"
    shutil.rmtree(folder / "fast_search")
    for path in folder.glob("*/*.sql"):
        if path.parent.name != "core" or path.name.startswith("0008"):
            path.unlink()
    left = {path.stem for path in folder.rglob("*.sql")}
    snapshot.write(folder, {id: patch for id, patch in snapshot.read(folder).items() if id in left})
    return folder


def setup_of(folder: Path) -> Path | None:
    return folder / "users.sql" if (folder / "users.sql").exists() else None


def texts_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_is_new_is_added_in_the_shape_of_the_folder_and_the_rest_stays(older: Path, shape: Shape) -> None:
    edited = older / "core" / "0006_create_lookup_indexes.sql"
    edited.write_text(edited.read_text() + "-- edited\n")
    own = project.new(older, "add importance")
    own.path.write_text("alter table memories add importance int;\n")
    own.rollback_path.write_text("alter table memories drop importance;\n")
    before = texts_of(older)
    planned = project.upgrade(older, dry_run=True)
    assert texts_of(older) == before
    done = project.upgrade(older)
    after = texts_of(older)
    assert (done.added, done.differing, done.shape) == (planned.added, (edited,), shape)
    assert {name: after[name] for name in before if name != "schema.json"} == {
        name: text for name, text in before.items() if name != "schema.json"
    }
    assert after.keys() - before.keys() == {str(path.relative_to(older)) for path in done.added}
    assert "importance" in after["schema.json"]
    assert memdb.open(sql_dir=older, scratch_setup=setup_of(older)).snapshot(check=True).stale == ()
    assert project.upgrade(older).added == ()


def test_a_database_that_was_migrated_before_takes_what_is_new(older: Path, shape: Shape, empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        if (setup := setup_of(older)) is not None:
            connection.execute(setup.read_text())
    with memdb.open(empty, sql_dir=older) as db:
        db.migrate()
    project.upgrade(older)
    with memdb.open(empty, sql_dir=older, sets=("fast_search",)) as db:
        db.migrate()
        assert db.verify().differences == ()


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_a_folder_from_before_there_was_a_place_for_own_migrations_gets_it(older: Path) -> None:
    shutil.rmtree(older / "app")
    project.upgrade(older)
    assert project.new(older, "add importance").id == "5001_add_importance"


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_a_set_of_which_a_team_has_kept_the_folder_alone_stays_left_out(older: Path) -> None:
    assert {path.parent.name for path in project.upgrade(older).added} == {"core", "fast_search"}
    before = (older / "schema.json").stat().st_mtime_ns
    assert project.upgrade(older).added == ()
    assert (older / "schema.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_a_number_that_memdb_needs_too_stops_it_before_anything_is_written(older: Path) -> None:
    (older / "core" / "0008_mine.sql").write_text("select 1;\n")
    (older / "core" / "0008_mine.rollback.sql").write_text("select 1;\n")
    before = texts_of(older)
    with pytest.raises(SqlFilesError, match=r"0008_mine.sql has the number of 0008_create_performance_indexes"):
        project.upgrade(older)
    assert texts_of(older) == before


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_users_that_the_team_makes_are_no_reason_to_bring_another_second_migration(older: Path) -> None:
    files.create(
        {
            older / "core" / "0000_create_users.sql": "create table users (id uuid primary key, email text);\n",
            older / "core" / "0000_create_users.rollback.sql": "drop table users;\n",
        }
    )
    memdb.open(sql_dir=older).snapshot()
    assert not [path for path in project.upgrade(older).added if path.name.startswith("0002")]


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_an_upgrade_that_fails_takes_back_what_it_added(older: Path) -> None:
    (older / "core" / "0004_create_memories.sql").write_text("select of nothing;\n")
    before = texts_of(older)
    with pytest.raises(MemdbError):
        project.upgrade(older)
    assert texts_of(older) == before


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_an_upgrade_that_was_killed_before_the_snapshot_is_completed_by_the_next(
    older: Path,
) -> None:
    project.upgrade(older)
    whole = texts_of(older)
    recorded = snapshot.read(older)
    snapshot.write(older, {id: patch for id, patch in recorded.items() if id != next(reversed(recorded))})
    assert project.upgrade(older).added == ()
    assert texts_of(older) == whole


@pytest.mark.parametrize("shape", SHAPES[:1])
def test_of_two_at_once_one_adds_and_one_finds_all_there(older: Path) -> None:
    def run(_: int) -> Upgrade:
        return project.upgrade(older)

    with ThreadPoolExecutor(2) as pool:
        added = sorted(len(done.added) for done in pool.map(run, range(2)))
    assert (added[0], added[1] > 0) == (0, True)
