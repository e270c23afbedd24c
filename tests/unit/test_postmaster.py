"""What postmaster.pid says, and what it does not."""

import os
from pathlib import Path

import pytest

from memdb.embedded import postmaster

READY = "{pid}\n{data}\n1795689429\n5432\n/run/sockets\n\n  2380140    819243\nready   \n"


def test_a_ready_server_is_read() -> None:
    found = postmaster.parse(READY.format(pid=4711, data="/data with a space").encode())
    assert found == postmaster.Postmaster(4711, "/data with a space", 5432, "/run/sockets", "ready")
    assert found.is_ready


def test_a_server_that_starts_is_not_ready() -> None:
    found = postmaster.parse(b"4711\n/data\n1795689429\n5432\n")
    assert found is not None
    assert not found.is_ready


def test_a_path_that_is_not_utf_8_is_kept() -> None:
    found = postmaster.parse(b"4711\n/\xff\n1\n5432\n/\xff\n\n\nready\n")
    assert found is not None
    assert os.fsencode(found.socket) == b"/\xff"


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"0", b"-1", b"1", b"abc", b"9" * 5_000, b"\xff\xfe", b"4711.5", b"4711\n/\n1\nport", b"4711\n/\0"],
)
def test_what_no_server_writes_names_none(text: bytes) -> None:
    assert postmaster.parse(text) is None


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid(), 2**31, 2**70], ids=["ours", "parent's", "large", "huge"])
def test_a_number_alone_proves_nothing(tmp_path: Path, pid: int) -> None:
    (tmp_path / "postmaster.pid").write_text(READY.format(pid=pid, data=tmp_path))
    assert postmaster.named(tmp_path) is not None
    assert postmaster.of(tmp_path) is None
    assert postmaster.find(tmp_path) == []


def test_the_file_of_another_directory_names_none(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(READY.format(pid=4711, data="/elsewhere"))
    assert postmaster.named(tmp_path) is None
