"""memdb seed waits for others in plain sight, and not for ever: who is in the way is named."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from memdb import cli, database
from memdb.database import Connection
from memdb.errors import LockTimeout
from memdb.seeding.hooks import Hooks
from memdb.seeding.memories import Synthetic
from memdb.seeding.resetting import reset
from memdb.seeding.seed import seed

pytestmark = pytest.mark.once

SMALL = Synthetic(users=3, memories=60, random_seed=1)
MORE = Synthetic(users=3, memories=60, random_seed=2)


@pytest.fixture
def other(migrated: str) -> Iterator[Connection]:
    """Somebody else's connection."""
    with database.connect(migrated, purpose="an application") as other:
        yield other


def count(connection: Connection) -> int:
    row = connection.execute("select count(*) from memories").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    "key", ["hashtextextended('memdb seed', 0)", "hashtextextended('memdb migrate', 0)", "0", "1, 2"]
)
def test_advisory_locks_of_others_are_none_of_its_business(connection: Connection, other: Connection, key: str) -> None:
    other.execute(f"select pg_advisory_lock({key})".encode())
    assert seed(connection, SMALL, wait_seconds=0).memories == 60
    assert reset(connection, wait_seconds=0).memories == 60


HELD = {
    "another load": "lock table memories in share update exclusive mode",
    "a migration": "lock table memories in access exclusive mode",
    "an index": "lock table memories in share mode",
    "a change to users": "lock table users in share row exclusive mode",
    "a row of a user": "select from users for update",
}


@pytest.mark.parametrize("wait_seconds", [0, 0.3])
@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_who_is_in_the_way_for_too_long_is_named(
    connection: Connection, other: Connection, held: str, wait_seconds: float
) -> None:
    seed(connection, SMALL)
    with other.transaction():
        other.execute(held.encode())
        runs: list[Callable[[], object]] = [lambda: reset(connection, wait_seconds=wait_seconds)]
        if "lock table" in held:
            runs.append(lambda: seed(connection, MORE, append=True, wait_seconds=wait_seconds))
        for run in runs:
            with pytest.raises(LockTimeout, match=f"within {wait_seconds:g} s") as caught:
                run()
            assert "--wait" in caught.value.hint
            if "lock table" in held:
                assert f"pid {other.info.backend_pid} (memdb an application, " in caught.value.message
    assert count(connection) == 60
    assert reset(connection).memories == 60


def test_an_empty_table_in_which_somebody_looks_is_waited_for_as_well(
    connection: Connection, other: Connection
) -> None:
    with other.transaction():
        other.execute("select from memories")
        with pytest.raises(LockTimeout, match="holds AccessShareLock on public"):
            seed(connection, SMALL, wait_seconds=0)
    assert seed(connection, SMALL, wait_seconds=0).index_seconds > 0


def test_an_application_goes_on_reading_and_writing_meanwhile(connection: Connection, other: Connection) -> None:
    seed(connection, SMALL)
    other.execute("set lock_timeout = '5s'")

    def work(_: int) -> None:
        other.execute("update memories set accessed_at = now() where id = (select min(id::text)::uuid from memories)")
        other.execute("insert into memories (user_id, memory_type, content) select id, 'task', 'mine' from users")

    assert seed(connection, MORE, append=True, hooks=Hooks(on_progress=work)).memories == 60


@pytest.mark.parametrize("held", ["lock table memories in access exclusive mode", "select from memories for update"])
def test_it_tells_for_whom_it_waits_and_goes_on_afterwards(
    migrated: str, connection: Connection, held: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(connection, SMALL)
    codes: list[int] = []
    remover = threading.Thread(
        target=lambda: codes.append(cli.main(["seed", "--reset", "--wait", "30", "--database-url", migrated]))
    )
    told = ""
    with connection.transaction():
        connection.execute(held.encode())
        remover.start()
        deadline = time.monotonic() + 20
        while "Waiting for" not in told and time.monotonic() < deadline:
            time.sleep(0.05)
            told += capsys.readouterr().err
    remover.join()
    assert f"Waiting for pid {connection.info.backend_pid} (memdb test, " in told
    assert codes == [0]
    assert count(connection) == 0
