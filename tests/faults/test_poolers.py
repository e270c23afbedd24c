"""Through a real PgBouncer: what needs a session refuses a transaction pooler, what only reads goes through it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memdb import database, pooling
from memdb.migrations import locking
from memdb.migrations.watch import watch
from tests.faults.forks import Forks
from tests.faults.observing import applied, wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed (Debian: apt install pgbouncer)")

MIGRATING = [("migrate",), ("rollback", "--yes")]
READING = [("status",), ("verify-schema",), ("benchmark-similarity", "--queries", "5")]


@contextmanager
def pooler(conninfo: str, *, mode: str, pool_size: int = 5) -> Iterator[str]:
    """Runs a PgBouncer in front of the server; yields the connection string to the same database through it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = conninfo_to_dict(conninfo)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        configuration = Path(folder, "pgbouncer.ini")
        configuration.write_text(
            f"[databases]\n* = host={server['host']} port={server['port']} user={server['user']}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\n"
        )
        # PgBouncer refuses to run as root; the server's own user gets at the server's socket.
        user = Path(str(server["host"])).stat().st_uid if os.geteuid() == 0 else None
        command = [str(PROGRAM), "--quiet", str(configuration)]
        with subprocess.Popen(command, user=user, stderr=subprocess.DEVNULL) as process:
            try:
                through = make_conninfo(host="127.0.0.1", port=port, dbname=server["dbname"], user="app")
                wait_until(lambda: answers(through), "PgBouncer's start")
                yield through
            finally:
                process.terminate()


def answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize("pool_size", [1, 5])
@pytest.mark.parametrize("command", MIGRATING, ids=lambda command: command[0])
def test_a_transaction_pooler_is_refused(memdb: Forks, migrated: str, command: tuple[str, ...], pool_size: int) -> None:
    with pooler(migrated, mode="transaction", pool_size=pool_size) as through:
        code, said = memdb.run(*command, "--database-url", through)
    assert code == 3
    assert "goes through a transaction pooler" in said
    assert "Set MEMDB_MIGRATION_URL to the address of the server itself" in said


@pytest.mark.parametrize("command", MIGRATING, ids=lambda command: command[0])
def test_a_dry_run_foresees_that_a_transaction_pooler_is_refused(
    memdb: Forks, migrated: str, command: tuple[str, ...]
) -> None:
    with pooler(migrated, mode="transaction", pool_size=2) as through:
        code, said = memdb.run(command[0], "--dry-run", "--database-url", through)
    assert code == 4
    assert "would be refused: this connection goes through a transaction pooler" in said
    assert "Set MEMDB_MIGRATION_URL" in said
    assert "the run would stop; nothing was run" in said


def test_a_transaction_pooler_that_others_keep_busy_is_refused(memdb: Forks, migrated: str) -> None:
    with (
        pooler(migrated, mode="transaction", pool_size=3) as through,
        psycopg.connect(through) as one,
        psycopg.connect(through) as two,
    ):
        one.execute("select 1")  # a transaction, and a session of the server for as long as it lasts
        two.execute("select 1")
        code, said = memdb.run("migrate", "--database-url", through)
    assert (code, "goes through a transaction pooler" in said) == (3, True), said


def test_migrations_go_to_the_address_that_is_given_for_them(memdb: Forks, migrated: str) -> None:
    with pooler(migrated, mode="transaction") as through:
        environment = {"MEMDB_DATABASE_URL": through, "MEMDB_MIGRATION_URL": migrated}
        for command, done in (("rollback", "Rolled back 0008"), ("migrate", "Applied 0008")):
            code, said = memdb.run(command, *(["--yes"] * (command == "rollback")), environment=environment)
            assert (code, done in said) == (0, True), said


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_only_reads_goes_through_a_transaction_pooler(
    memdb: Forks, migrated: str, command: tuple[str, ...]
) -> None:
    assert memdb.run("seed", "--memories", "200", "--users", "5", "--database-url", migrated)[0] == 0
    with pooler(migrated, mode="transaction", pool_size=2) as through:
        code, said = memdb.run(*command, "--database-url", through)
    assert code == 0, said


def test_memories_are_taken_along_through_a_transaction_pooler(memdb: Forks, migrated: str, tmp_path: Path) -> None:
    file = str(tmp_path / "memories.jsonl")
    assert memdb.run("seed", "--memories", "200", "--users", "5", "--database-url", migrated)[0] == 0
    with pooler(migrated, mode="transaction", pool_size=2) as through:
        for command in (("export", file), ("import", file), ("import", file, "--on-conflict", "new-ids")):
            code, said = memdb.run(*command, "--database-url", through)
            assert code == 0, said
    with database.connect(migrated, purpose="test") as connection:
        assert connection.value("select count(*) from memories") == 400


def test_who_watches_leaves_the_sessions_of_a_pooler_to_the_application_as_they_were(
    migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Event()

    def blockers(connection: database.Connection, pid: int, look: Any = locking.blockers) -> dict[int, str]:
        looked.set()
        return look(connection, pid)  # type: ignore[no-any-return]

    monkeypatch.setattr(locking, "blockers", blockers)
    with (
        pooler(migrated, mode="transaction", pool_size=1) as through,
        database.connect(through, purpose="test") as connection,
    ):
        with watch(connection, on_build=lambda _: None, on_wait=lambda _: None):
            assert looked.wait(60)
        assert connection.value("show search_path") == '"$user", public'


def test_the_doctor_looks_through_a_transaction_pooler_and_says_that_there_is_one(memdb: Forks, migrated: str) -> None:
    with pooler(migrated, mode="transaction", pool_size=2) as through:
        code, said = memdb.run("doctor", "--database-url", through)
        assert memdb.run("inspect", "--database-url", through)[0] == 0
    assert code in (0, 1), said  # as what the server of the tests lacks has it
    assert "this address goes through a transaction pooler" in said
    assert "Not looked at, because the server" in said  # nothing else was left out
    assert said.count("Not looked at") <= 2


def test_a_session_pooler_is_as_good_as_the_server(memdb: Forks, migrated: str) -> None:
    with pooler(migrated, mode="session") as through:
        for command in (("rollback", "--all", "--yes"), ("migrate",)):
            code, said = memdb.run(*command, "--database-url", through)
            assert code == 0, said
    with database.connect(migrated, purpose="test") as connection:
        assert len(applied(connection)) == 8


def test_a_session_pooler_with_a_single_session_is_accepted(migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "_WAIT_SECONDS", 0.3)
    with (
        pooler(migrated, mode="session", pool_size=1) as through,
        database.connect(through, purpose="test") as connection,
    ):
        assert not pooling.is_transaction_pooled(connection)
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_transaction_pooler_whose_sessions_are_all_taken_is_not_accepted(
    migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "_WAIT_SECONDS", 0.3)
    with (
        pooler(migrated, mode="transaction", pool_size=1) as through,
        database.connect(through, purpose="test") as connection,
        psycopg.connect(through) as other,
    ):
        assert connection.execute("select 1").fetchone() == (1,)
        again = database.again

        @contextmanager
        def meanwhile(*arguments: Any, **named: Any) -> Iterator[database.Connection]:
            other.execute("select 1")  # begins a transaction, for which the only session is taken
            with again(*arguments, **named) as connection:
                yield connection

        monkeypatch.setattr(database, "again", meanwhile)
        assert pooling.is_transaction_pooled(connection)
        connection.close()
