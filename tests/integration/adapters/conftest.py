"""Pools on databases whose embeddings are short: those of the tests of other libraries."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from langchain_core.embeddings import Embeddings

from memdb import database, migrations
from memdb.adapters import Pool
from memdb.shape import DEFAULT
from tests.conftest import new_database
from tests.integration.orm import shapes

USER, OTHER, NOBODY = shapes.IDS[UUID]
SHORT = DEFAULT.with_embedding("vector(6)")
MODELS = shapes.models(SHORT)


@pytest.fixture(scope="session")
def short(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with two users, to be cloned."""
    sets = shapes.write(tmp_path_factory.mktemp("short"), SHORT)
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            shapes.make_users(connection, SHORT)
            migrations.migrate(connection, sets)
            name = connection.info.dbname
        yield name


@pytest.fixture
def pool(server: str, short: str) -> Iterator[Pool]:
    with new_database(server, template=short) as conninfo, Pool(conninfo, MODELS.memory) as pool:
        yield pool


class Leaning(Embeddings):
    """Of a text that ends with a number: at that cosine similarity to `1`. Notes in which thread it is asked."""

    def __init__(self) -> None:
        self.threads = set[int]()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.threads.add(threading.get_ident())
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        share = float(text.split()[-1])
        return [share, (1 - share**2) ** 0.5, 0, 0, 0, 0]
