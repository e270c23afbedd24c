"""Another model takes over: its embeddings are filled while the former ones serve, then searches are switched."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import pytest

import memdb
from memdb import database, door, project
from memdb.database import Connection
from memdb.embedding.comparing import Least
from memdb.embedding.filling import Batching
from tests.conftest import new_database

pytestmark = pytest.mark.once

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


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application's folder in which the change has begun."""
    made = project.init(tmp_path_factory.mktemp("project"))
    project.begin(made.sql_dir, NEW, 64)
    return made.sql_dir


@pytest.fixture(scope="module")
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
    import shutil

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


def found(connection: Connection, user: UUID, question: list[float], k: int = 3, **more: object) -> list[str]:
    given = "".join(f", {name} => %({name})s" for name in more)
    text = f"select content from search_memories(%(user)s, %(q)s::real[]::vector, %(k)s{given})"
    rows = connection.execute(text.encode(), {"user": user, "q": question, "k": k} | more)
    return [content for (content,) in rows]


def exact(connection: Connection, user: UUID, question: list[float], k: int = 3) -> list[str]:
    text = """select content from memories_of_new_model_2 where user_id = %s
    order by embedding <=> %s::real[]::vector, id limit %s"""
    return [content for (content,) in connection.execute(text.encode(), [user, question, k])]


def test_the_former_model_answers_until_the_switch_and_either_one_after_it(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    old, new = of_text("text 7", 1536), of_text("text 7", 64)
    before = found(connection, ANN, old)
    assert db.embed(Model(), batching=SMALL).stored == MANY + 20
    assert found(connection, ANN, old) == before
    project.switch(folder, NEW)
    db.migrate()
    assert found(connection, ANN, old) == before
    assert found(connection, ANN, new)[0] == "text 7"
    assert found(connection, ANN, new, k=40) == exact(connection, ANN, new, 40)
    assert found(connection, BOB, of_text("text 310", 64)) == exact(connection, BOB, of_text("text 310", 64))
    assert found(connection, ANN, new, tiers=["personal"])[0] != "text 7"
    db.rollback()
    assert found(connection, ANN, old) == before
    with pytest.raises(psycopg.errors.DataException, match="1536"):
        found(connection, ANN, new)


def test_what_the_new_model_answers_is_compared_before_it_is_switched_to(db: door.Database) -> None:
    db.embed(Model(), batching=SMALL)
    compared = db.compare_models(NEW, most=40, k=5, least=Least(agreement=0, slower=100))
    assert (compared.memories, compared.coverage, compared.stale, compared.questions) == (MANY + 20, 1, 0, 40)
    assert (compared.former.dimensions, compared.new.dimensions) == (1536, 64)
    assert (compared.new.recall or 0) > 0.9
    assert compared.ok
    refused = db.compare_models(NEW, most=40, k=5)  # one model knows nothing of the other, so few answers agree
    assert "agree" in refused.failed[0]
