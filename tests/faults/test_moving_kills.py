"""An import or export that is killed at any moment leaves nothing half done, and the next one needs no help."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memdb import database
from memdb.database import Connection
from memdb.moving import arriving
from tests.faults.forks import Forks

ROWS = 300
SIGNALS = [signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT]
SECONDS = {"export": 0.4, "import": 1.0}  # from the start until a run is killed, at most
_KILLS = 6


@pytest.fixture
def connection(migrated: str) -> Iterator[Connection]:
    with database.connect(migrated, purpose="test") as connection:
        yield connection


@pytest.mark.once
def test_a_move_killed_at_any_moment_leaves_all_or_nothing(
    memdb: Forks,
    migrated: str,
    connection: Connection,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(pytestconfig.getoption("--fault-seed", default="1"))
    file, url = tmp_path / "memories.jsonl", ("--database-url", migrated)
    assert memdb.run("seed", "--users", "3", "--memories", str(ROWS), *url)[0] == 0
    for command, seconds in SECONDS.items():
        arguments, killed = (command, str(file), *url), 0
        for _ in range(_KILLS):
            if command == "export":
                file.unlink(missing_ok=True)
            else:
                connection.execute("truncate memories, users cascade")
            number, child = chance.choice(SIGNALS), memdb.start(*arguments)
            time.sleep(chance.uniform(0, seconds))
            child.send(number)
            code = child.wait()
            assert code in (0, -number, 130), child.said
            killed += code != 0
            if command == "import":
                assert connection.value("select count(*) from memories") in (0, ROWS)
            elif file.exists():
                with arriving.read(file) as whole:
                    assert whole.file.header.tables["memories"].rows == ROWS
        record_property(f"memdb {command}", killed)
        if command == "import" or not file.exists():
            code, said = memdb.run(*arguments)
            assert code == 0, said
    assert connection.value("select count(*) from memories") == ROWS
