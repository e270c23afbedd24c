"""Files are written whole or not at all, and only regular files are read."""

import contextlib
import errno
import os
import resource
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdb import files
from memdb.errors import UsageError

LARGE = "x" * 20_000


@contextlib.contextmanager
def no_room_for(size: int) -> Iterator[None]:
    """Writing more than so many bytes into one file fails, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("first\n", "zweite — ü\n"):
        files.write(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert names(tmp_path) == ["file"]


def test_where_there_is_no_room_the_earlier_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("earlier")
    with no_room_for(10_000), pytest.raises(OSError, match="too large") as raised:
        files.write(path, LARGE)
    assert raised.value.filename == str(path)
    assert (path.read_text(), names(tmp_path)) == ("earlier", ["file"])


def test_on_a_full_disk_the_earlier_file_stays(small_disk: Path) -> None:
    path = small_disk / "file"
    files.write(path, LARGE)
    with contextlib.suppress(OSError):
        (small_disk / "fill").write_bytes(bytes(100_000))
    with pytest.raises(OSError, match="No space left"):
        files.write(path, LARGE.upper())
    with pytest.raises(OSError, match="No space left"):
        files.create({small_disk / "new": "y" * 50_000})
    assert (path.read_text(), names(small_disk)) == (LARGE, ["file", "fill"])


def test_ctrl_c_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("earlier")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write(path, "later")
    assert (path.read_text(), names(tmp_path)) == ("earlier", ["file"])


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_mode_and_owner_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("earlier")
    path.chmod(mode)
    owner = (12345, 12345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    files.write(path, "later")
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, *owner)


def test_a_new_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    files.write(tmp_path / "file", "text")
    files.create({tmp_path / "created": "text"})
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "file", "created")}
    assert len(modes) == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_goes_on_pointing_at_the_file(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    if exists:
        target.write_text("earlier")
    link.symlink_to(target)
    files.write(link, "later")
    assert link.is_symlink()
    assert target.read_text() == "later"


@pytest.mark.parametrize("target", ["../precious", "../not-there", "below/link"])
def test_a_link_out_of_the_folder_is_not_written_through(tmp_path: Path, target: str) -> None:
    """Whoever has put it into a project would choose what is written to."""
    precious, project = tmp_path / "precious", tmp_path / "project"
    precious.write_text("")
    (project / "below").mkdir(parents=True)
    (project / "below" / "link").symlink_to("../../precious")
    (project / "link.json").symlink_to(target)
    with pytest.raises(OSError, match="leads out of its folder by symbolic links"):
        files.write(project / "link.json", "text")
    with pytest.raises(UsageError, match="is a link that leads elsewhere"):
        files.expect_replaceable(project / "link.json", "report", "report", lambda _: True)
    assert (precious.read_text(), names(tmp_path)) == ("", ["precious", "project"])


def odd(kind: str, path: Path) -> None:
    """Makes what is not a regular file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(path.parent):
            server.bind(path.name)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": Path("/dev/zero"), "circle": path}[kind])


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "circle"])
def test_what_is_not_a_regular_file_is_neither_read_nor_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    odd(kind, path)
    with pytest.raises(OSError, match=r"regular file|symbolic links"):
        files.read_bytes(path)
    with pytest.raises(OSError, match=r"regular file|symbolic links"):
        files.write(path, "text")
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("text", [b"[" * 100_000, b"\xff", b"", b"{"])
def test_what_is_no_json_is_one_kind_of_error(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"\w"):
        files.read_json(path)


def test_several_files_are_made_with_their_folders(tmp_path: Path) -> None:
    texts = {tmp_path / "a" / "b" / "one": "1", tmp_path / "a" / "two": "2"}
    files.create(texts)
    assert {path: path.read_text() for path in texts} == texts


@pytest.mark.parametrize("there", ["one", "two"])
def test_where_one_file_is_there_none_is_made(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("earlier")
    with pytest.raises(FileExistsError):
        files.create({tmp_path / "one": "1", tmp_path / "two": "2", tmp_path / "sub" / "three": "3"})
    assert (tmp_path / there).read_text() == "earlier"
    assert names(tmp_path) == [there]


def test_where_there_is_room_for_one_only_none_is_made(tmp_path: Path) -> None:
    with no_room_for(10_000), pytest.raises(OSError, match="too large"):
        files.create({tmp_path / "sub" / "one": "1", tmp_path / "sub" / "two": LARGE})
    assert names(tmp_path) == []


def test_a_folder_is_copied_whole_or_not_at_all(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "deep" / "down" / "target"
    files.create({source / "a": "a", source / "sub" / "b": LARGE, source / "left" / "c": "c"})
    with no_room_for(10_000), pytest.raises(OSError, match="too large"):
        files.copy_folder(source, target)
    assert names(tmp_path) == ["source"]
    files.copy_folder(source, target, leave_out=["left"])
    assert (target / "sub" / "b").read_text() == LARGE
    assert names(target) == ["a", "sub"]
    with pytest.raises(FileExistsError) as raised:
        files.copy_folder(source, target)
    assert raised.value.errno == errno.EEXIST
    assert names(target.parent) == ["target"]
