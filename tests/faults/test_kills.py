"""A run that is killed at any moment is taken up by the next one, with no manual step."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from memdb import catalog
from memdb.database import Connection
from tests.faults.forks import Child, Forks

SIGNALS = [signal.SIGKILL] * 6 + [signal.SIGTERM, signal.SIGINT]
DIRECTIONS = [("migrate",)] * 2 + [("rollback", "--all", "--yes"), ("rollback", "--steps", "2", "--yes")]
LAST_RUNS = [("migrate",), ("migrate",), ("rollback", "--all", "--yes")]

State: TypeAlias = dict[str, Any]


def state(connection: Connection) -> State:
    """All that a run leaves: the catalog, the rows, the history, and what is locked."""
    has_items = connection.execute("select to_regclass('items') is not null").fetchone() == (True,)
    items = "select count(*), md5(string_agg(i::text, ',' order by id)) from items as i" if has_items else "select 0"
    return {
        "objects": catalog.read(connection, "public").objects,
        "rows": connection.execute(items).fetchall(),
        "history": connection.execute("select migration_id from _yoyo_migration order by applied_at_utc").fetchall(),
        "details": connection.execute(
            "select migration_id, checksum, sql, duration_ms is null from memdb_migrations order by migration_id"
        ).fetchall(),
        "last logged": connection.execute(
            "select distinct on (migration_id) migration_id, operation from _yoyo_log "
            "order by migration_id, created_at_utc desc"
        ).fetchall(),
    }


def logged_twice(connection: Connection) -> list[Any]:
    """Migrations that were logged as applied, or as rolled back, twice in a row."""
    return connection.execute(
        "select migration_id, operation from (select migration_id, operation, lag(operation) over "
        "(partition by migration_id order by created_at_utc) as before from _yoyo_log) as l where operation = before"
    ).fetchall()


def begins(child: Child) -> list[str]:
    """The migrations that a command has begun."""
    return [line.removesuffix(" …") for line in child.said.splitlines() if line.endswith(" …")]


@dataclass
class Trial:
    """A database, the commands that are run on it, and what happened to them."""

    memdb: Forks
    conninfo: str
    sql_dir: Path
    story: list[str] = field(default_factory=list)
    killed_at: Counter[str] = field(default_factory=Counter)

    def run(self, *command: str) -> None:
        """Runs a command to its end."""
        code, said = self.memdb.run(*self._arguments(command))
        self.story.append(f"memdb {' '.join(command)}: exit {code}\n{said}")
        assert code == 0, self.told

    def kill(self, command: tuple[str, ...], number: signal.Signals, *, begun: int, seconds: float) -> bool:
        """Whether the signal came in time to end the command: `seconds` after it began its `begun`th migration."""
        child = self.memdb.start(*self._arguments(command))
        while len(begins(child)) < begun and not child.has_ended:
            time.sleep(0.001)
        time.sleep(seconds)
        child.send(number)
        code = child.wait()
        self.story.append(f"memdb {' '.join(command)}: {number.name} and exit {code}\n{child.said}")
        assert code in (0, -number, 130), self.told
        if code != 0:
            self.killed_at[[f"memdb {command[0]}", *begins(child)][-1]] += 1
        return code != 0

    def _arguments(self, command: tuple[str, ...]) -> list[str]:
        return [*command, "--database-url", self.conninfo, "--sql-dir", str(self.sql_dir)]

    @property
    def told(self) -> str:
        return "\n".join(self.story)


@pytest.fixture
def trial(memdb: Forks, empty: str, connection: Connection, sql_dir: Path) -> Trial:
    return Trial(memdb, empty, sql_dir)


@pytest.fixture
def clean(trial: Trial, connection: Connection) -> dict[str, State]:
    """What runs that nobody disturbs leave."""
    trial.run("migrate")
    migrated = state(connection)
    trial.run("rollback", "--all", "--yes")
    return {"migrate": migrated, "rollback": state(connection)}


def test_a_run_killed_at_any_moment_is_taken_up_by_the_next(
    trial: Trial,
    connection: Connection,
    clean: dict[str, State],
    kill_seed: str,
    kills: int,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(kill_seed)
    killed = 0
    while killed < kills:
        for _ in range(chance.randint(1, 4)):
            command, number = chance.choice(DIRECTIONS), chance.choice(SIGNALS)
            killed += trial.kill(command, number, begun=chance.randint(0, 8), seconds=chance.uniform(0, 0.04))
        last = chance.choice(LAST_RUNS)
        trial.run(*last)
        assert state(connection) == clean[last[0]], trial.told
        assert logged_twice(connection) == [], trial.told
        trial.story.clear()
    for where, times in trial.killed_at.items():
        record_property(where, times)
