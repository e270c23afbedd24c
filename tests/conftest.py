"""A real PostgreSQL for every test that asks for one.

`--postgres` says which: 18 or 16 (embedded, the default is 18), `container` (pgvector/pgvector:pg18 through
testcontainers), or MEMDB_TEST_URL for a server of your own. The schema is migrated once into a template, and
each test gets a clone of it.
"""

import contextlib
import gc
import itertools
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memdb import database, embedded, migrations, shipped
from memdb.ledger import sqlfiles
from memdb.seeding.embeddings import FACETS, Synthetic

# Whole collections of texts that nobody has memories of: questions from another domain.
ELSEWHERE = ("lforalaska/website-qa", "nyquistdata/clinical-qa", "julep-ai/turbo-ai", "context-labs/babyagi-ts")

# Nothing here has to survive a crash of the machine.
_FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 128MB
maintenance_work_mem = 256MB
max_connections = 200
"""
# Where files are kept in memory, on Linux: a database is made of 300.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3
_counter = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    default = "url" if os.environ.get("MEMDB_TEST_URL") else "18"
    parser.addoption("--postgres", default=default, choices=["18", "16", "container", "url"], help=__doc__)


def pytest_configure() -> None:
    """Makes signals what they are at a terminal: in the background or below nohup, they would be ignored.

    And keeps files in memory where there is room, unless TMPDIR says where.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and _has_room(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # so that it is asked for again


def _has_room(folder: Path) -> bool:
    """For what tests make, programs among it."""
    found = os.statvfs(folder)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize > _ROOM_BYTES


def pytest_collection_finish() -> None:
    """Spares the garbage collector, which a benchmark calls before each of its rounds, all that is there for good."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    choice = config.getoption("--postgres")
    names = {"container": "container pgvector/pgvector:pg18", "url": "the server of MEMDB_TEST_URL"}
    return f"postgres: {names.get(choice, f'embedded {choice}')}"


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[str]:
    """The connection string of a superuser on a real server."""
    choice = pytestconfig.getoption("--postgres")
    if choice == "url":
        yield database.conninfo(os.environ["MEMDB_TEST_URL"])
    elif choice == "container":
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer("pgvector/pgvector:pg18", driver=None) as container:
            yield database.conninfo(container.get_connection_url())
    else:
        with embedded.temporary(major=int(choice), configuration=_FAST) as running:
            yield database.conninfo(running.url("postgres"))


@contextlib.contextmanager
def new_database(server: str, *, template: str = "template0") -> Iterator[str]:
    """A database of its own, dropped afterwards. Yields its connection string."""
    name = f"memdb_test_{os.getpid()}_{next(_counter)}"
    strategy = (
        " strategy file_copy" if f"{_MEMORY}/" in server else ""
    )  # faster in memory only, and new in PostgreSQL 15
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}{strategy}")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def sets() -> sqlfiles.Sets:
    """The migrations that memdb ships."""
    return sqlfiles.read_sets(shipped.sql_directory())


@contextlib.contextmanager
def migrated_template(server: str, sets: sqlfiles.Sets) -> Iterator[str]:
    """The name of a database with `core` applied, to be cloned."""
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            migrations.migrate(connection, sets)
            name = connection.info.dbname
        yield name


@pytest.fixture(scope="session")
def template(server: str, sets: sqlfiles.Sets) -> Iterator[str]:
    """The name of a database with `core` applied, to be cloned."""
    with migrated_template(server, sets) as name:
        yield name


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """The connection string of a new database with nothing in it."""
    with new_database(server) as conninfo:
        yield conninfo


@pytest.fixture
def migrated(server: str, template: str) -> Iterator[str]:
    """The connection string of a new database with `core` applied."""
    with new_database(server, template=template) as conninfo:
        yield conninfo


@pytest.fixture
def connection(migrated: str) -> Iterator[database.Connection]:
    """A connection to a new database with `core` applied."""
    with database.connect(migrated, purpose="test") as connection:
        yield connection


@pytest.fixture
def empty_connection(empty: str) -> Iterator[database.Connection]:
    """A connection to a new database with nothing in it."""
    with database.connect(empty, purpose="test") as connection:
        yield connection


@pytest.fixture(scope="session")
def real_embeddings() -> Path:
    """6,000 embeddings of text-embedding-ada-002, in the folder that MEMDB_TEST_DATA names."""
    path = Path(os.environ.get("MEMDB_TEST_DATA", "")) / "openai-ada002-6k.npz"
    if "MEMDB_TEST_DATA" not in os.environ or not path.is_file():
        pytest.skip(f"{path.name} is not at hand: MEMDB_TEST_DATA names no folder with it")
    return path


@pytest.fixture(scope="session")
def embeddings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 6,000 embeddings of 30 users: the real ones where they are at hand, else such as seed makes up."""
    if "MEMDB_TEST_DATA" in os.environ:
        return Path(request.getfixturevalue("real_embeddings"))
    path = tmp_path_factory.mktemp("embeddings") / "made-up.npz"
    vectors, topics = Synthetic(1).batch(0, 6000)
    subjects, of_row, sizes = np.unique(topics // FACETS, return_inverse=True, return_counts=True)
    names = ["user 0"] * 3 + [*ELSEWHERE] + [f"user {number}" for number in range(1, len(subjects) - 6)]
    users = np.array(names)[np.argsort(np.argsort(-sizes))[of_row]]  # the first has a third of all
    np.savez(path, embedding=vectors, user=users, content=np.array([f"memory {number}" for number in range(6000)]))
    return path
