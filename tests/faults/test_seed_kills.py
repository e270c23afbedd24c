"""A load that is killed at any moment leaves all of its rows or none, and every index; the next one needs no help."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from memdb import database
from memdb.database import Connection
from tests.faults.forks import Child, Forks

SIGNALS = [signal.SIGKILL] * 6 + [signal.SIGTERM, signal.SIGINT]
ROWS = 250
# What kind of load is killed, after it has said what, and within how many seconds from then on.
MOMENTS = {
    "rows": (["--append"], "", 0.5),
    "rows, indexes dropped": (["--append", "--rebuild-indexes"], "", 0.5),
    "indexes": (["--append", "--rebuild-indexes"], "Building", 0.1),
    "vacuum": (["--append"], "Vacuuming", 0.002),
}
_KILLS = 6


@pytest.fixture
def connection(migrated: str) -> Iterator[Connection]:
    with database.connect(migrated, purpose="test") as connection:
        yield connection


def indexes(connection: Connection) -> list[Any]:
    return connection.execute(
        "select pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class'), indisvalid "
        "from pg_index where indrelid = 'memories'::regclass order by 1"
    ).fetchall()


def loads(connection: Connection) -> list[int]:
    """How many rows each load has: each has a user of its own, of which there are no others."""
    rows = "select count(m) from users left join memories as m on m.user_id = users.id group by users.id"
    return [number for (number,) in connection.execute(rows.encode())]


def kill(child: Child, number: signal.Signals, *, begun: str, seconds: float) -> int:
    """The exit code of a load that gets the signal so many seconds after it has said that it begins something."""
    while begun not in child.said and not child.has_ended:
        time.sleep(0.001)
    time.sleep(seconds)
    child.send(number)
    return child.wait()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_load_killed_at_any_moment_leaves_all_or_nothing(
    memdb: Forks,
    migrated: str,
    connection: Connection,
    pytestconfig: pytest.Config,
    moment: str,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(f"{pytestconfig.getoption('--fault-seed', default='1')} {moment}")
    options, begun, seconds = MOMENTS[moment]
    command = ["seed", "--users", "1", "--memories", str(ROWS), "--database-url", migrated]
    assert memdb.run(*command)[0] == 0
    before, killed = indexes(connection), 0
    for _ in range(_KILLS):
        number = chance.choice(SIGNALS)
        child = memdb.start(*command, *options)
        code = kill(child, number, begun=begun, seconds=chance.uniform(0, seconds))
        assert code in (0, -number, 130), child.said
        assert set(loads(connection)) == {ROWS}, child.said
        killed += code != 0
    record_property(f"memdb seed: {moment}", killed)
    there = len(loads(connection))
    code, said = memdb.run(*command, *options)
    assert code == 0, said
    assert loads(connection) == [ROWS] * (there + 1)
    assert indexes(connection) == before
