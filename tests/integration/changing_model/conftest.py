"""An application's database in which another model is about to take over."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import pytest

import memdb
from memdb import database, door, project
from memdb.database import Connection
from memdb.embedding.filling import Batching
from tests.conftest import new_database

NEW = "vendor/new-model:2"
ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
SETS = ("fast_search", "drop_hnsw", "embeddings", "hybrid_search", "retention", "row_security", "archive", "erasure")
SMALL = Batching(texts=64, requests=2)
MANY = 300  # so many of Ann's that signatures are compared


def of_text(text: str, dimensions: int) -> list[float]:
    """Another text, another direction, which is the same each time."""
    seed = int.from_bytes(text.encode()[-6:], "big")
    return [float(n) for n in np.random.default_rng(seed).normal(size=dimensions)]


class Model:
    def __init__(self, model: str = NEW, dimensions: int = 64) -> None:
        self.model, self.dimensions = model, dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [of_text(text, self.dimensions) for text in texts]


@pytest.fixture(scope="session")
def shipped_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application's folder in which no change has begun."""
    return project.init(tmp_path_factory.mktemp("project")).sql_dir


@pytest.fixture
def fresh(shipped_folder: Path, tmp_path: Path) -> Path:
    """The same, to write to."""
    return Path(shutil.copytree(shipped_folder, tmp_path / "fresh"))


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory, shipped_folder: Path) -> Path:
    """An application's folder in which the change has begun."""
    sql_dir = Path(shutil.copytree(shipped_folder, tmp_path_factory.mktemp("begun") / "sql"))
    project.begin(sql_dir, NEW, 64)
    return sql_dir


@pytest.fixture(scope="session")
def begun(server: str, own: Path) -> Iterator[str]:
    with new_database(server) as conninfo:
        memdb.open(conninfo, sql_dir=own, sets=SETS).migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            rows = [
                (UUID(int=n), ANN if n <= MANY else BOB, ("personal", "task")[n % 2], f"text {n}")
                for n in range(1, MANY + 21)
            ]
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into memories (id, user_id, memory_type, content, embedding) "
                    "values (%s, %s, %s, %s, %s::real[]::vector)",
                    [(*row, of_text(row[3], 1536)) for row in rows],
                )
        yield conninfo


@pytest.fixture
def folder(tmp_path: Path, own: Path) -> Path:
    """The same folder, to write to."""
    return Path(shutil.copytree(own, tmp_path / "sql"))


@pytest.fixture
def conninfo(server: str, begun: str) -> Iterator[str]:
    name = str(psycopg.conninfo.conninfo_to_dict(begun)["dbname"])
    with new_database(server, template=name) as copied:
        yield copied


@pytest.fixture
def db(conninfo: str, folder: Path) -> door.Database:
    return memdb.open(conninfo, sql_dir=folder, sets=SETS)


@pytest.fixture
def connection(conninfo: str) -> Iterator[Connection]:
    with database.connect(conninfo, purpose="test") as connection:
        yield connection


@pytest.fixture
def taken_over(db: door.Database, connection: Connection, folder: Path) -> str:
    """The new model answers, and has the only embedding of the memory with this text."""
    db.embed(Model(), batching=SMALL)
    project.switch(folder, NEW)
    db.migrate()
    connection.execute(
        "insert into memories (id, user_id, memory_type, content, metadata) values (%s, %s, 'task', 'later', %s)",
        [UUID(int=9999), ANN, '{"year": 2030}'],
    )
    assert db.embed(Model(), batching=SMALL).stored == 1
    return "later"
