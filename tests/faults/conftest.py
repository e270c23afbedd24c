"""A server of its own that may be stopped and killed, and memdb commands as processes that may be, too.

`--rounds` says how many runs are killed, and how many of the hostile values are given; `--fault-seed` at which moments,
and which: any word, or `random`.
"""

import os
import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from memdb import database, embedded
from memdb.database import Connection
from memdb.ledger import sqlfiles
from tests.conftest import migrated_template
from tests.faults.forks import Forks, forks

Folder: TypeAlias = Callable[..., Path]
Some: TypeAlias = Callable[[Sequence[str]], list[str]]

_ROUNDS, _SEED = 50, "1"
_ROUNDS_PER_TEST = 25
_ROUNDS_PER_VALUE = 10

# What is on trial is what memdb does when the server or its client ends, not when the machine does.
_CONFIGURATION = """
fsync = off
shared_buffers = 128MB
maintenance_work_mem = 64MB
max_connections = 100
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=_ROUNDS, help="How many kills, and ten times the values of a kind.")
    parser.addoption("--fault-seed", default=_SEED, help="Decides when they are killed: any word, or random.")


def pytest_configure(config: pytest.Config) -> None:
    # The workers of xdist must agree on the names of tests, in which the seed is.
    if config.getoption("--fault-seed", default=_SEED) == "random":
        config.option.fault_seed = os.environ.get("PYTEST_XDIST_TESTRUNUID", secrets.token_hex(4))[:8]


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: --rounds {config.getoption('--rounds')} --fault-seed {config.getoption('--fault-seed')}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Splits the rounds into tests that can run side by side."""
    if "kill_seed" in metafunc.fixturenames:
        # Where all tests are run, pytest has not seen this file in time to take its options.
        rounds = metafunc.config.getoption("--rounds", default=_ROUNDS)
        seed = metafunc.config.getoption("--fault-seed", default=_SEED)
        parts = -(-rounds // _ROUNDS_PER_TEST)
        metafunc.parametrize("kill_seed", [f"{seed}-{part}" for part in range(1, parts + 1)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows that the moments of the kills are spread over the runs."""
    killed: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        killed.update(dict(report.user_properties))
    if killed:
        terminalreporter.write_sep("=", f"{killed.total()} runs killed")
        terminalreporter.write_line("\n".join(f"{times:>6}  {where}" for where, times in sorted(killed.items())))


@pytest.fixture
def kills() -> int:
    """How many runs one test kills."""
    return _ROUNDS_PER_TEST


@pytest.fixture
def some(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Some:
    """Chooses for a test as many of the values as there are rounds for: in `make torture`, all of them."""
    chance = random.Random(f"{pytestconfig.getoption('--fault-seed', default=_SEED)} {request.node.name}")
    most = pytestconfig.getoption("--rounds", default=_ROUNDS) // _ROUNDS_PER_VALUE
    return lambda values: chance.sample(values, min(most, len(values)))


@pytest.fixture(scope="session")
def major(pytestconfig: pytest.Config) -> int:
    """Which PostgreSQL, as `--postgres` says."""
    choice = pytestconfig.getoption("--postgres")
    if choice not in ("16", "18"):
        pytest.skip("only an embedded server is ours to stop and kill")
    return int(choice)


@pytest.fixture(scope="session")
def server(major: int) -> Iterator[str]:
    """The connection string of a superuser on a server that these tests do not share."""
    with embedded.temporary(major=major, configuration=_CONFIGURATION) as running:
        yield database.conninfo(running.url())


@pytest.fixture(scope="session")
def template(server: str, sets: sqlfiles.Sets) -> Iterator[str]:
    """On this server, since the other one's template is kept as long as the other one."""
    with migrated_template(server, sets) as name:
        yield name


@pytest.fixture
def mortal(major: int) -> Iterator[embedded.Server]:
    """A server that the test may kill."""
    with embedded.temporary(major=major, configuration=_CONFIGURATION) as running:
        yield running


@pytest.fixture(scope="session")
def memdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Starts memdb commands as processes."""
    with forks(tmp_path_factory.mktemp("said")) as started:
        yield started


@pytest.fixture
def connection(empty: str) -> Iterator[Connection]:
    """A connection to a new database that holds nothing but pgvector."""
    with database.connect(empty, purpose="test") as connection:
        connection.execute("create extension vector")
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes migrations given as name=(sql, rollback) into a directory, and returns it."""

    def write(**files: tuple[str, str]) -> Path:
        core = tmp_path / "core"
        core.mkdir(exist_ok=True)
        for name, (sql, rollback) in files.items():
            (core / f"{name.removeprefix('m')}.sql").write_text(sql)
            (core / f"{name.removeprefix('m')}.rollback.sql").write_text(rollback)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def sql_dir() -> Path:
    """Migrations of both kinds, each of which takes a few milliseconds."""
    return Path(__file__).parent / "sql"
