"""A pool on a database whose embeddings are short, as those in the tests of other libraries are."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from langchain_core.embeddings import Embeddings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from memdb import database, migrations
from memdb.adapters import Pool
from memdb.shape import DEFAULT
from tests.conftest import new_database
from tests.integration.orm import shapes

USER, OTHER, NOBODY = shapes.IDS[UUID]
SHORT = DEFAULT.with_embedding("vector(6)")
MODELS = shapes.models(SHORT)


@pytest.fixture(scope="package")
def short(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a database with two users."""
    sets = shapes.write(tmp_path_factory.mktemp("short"), SHORT)
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            shapes.make_users(connection, SHORT)
            migrations.migrate(connection, sets)
        yield conninfo


@pytest.fixture(scope="module")
def shared(short: str) -> Iterator[Pool]:
    with Pool(short, MODELS.memory) as pool:
        yield pool


@pytest.fixture
def pool(shared: Pool) -> Pool:
    """Of a module, where nobody has memories yet."""

    async def empty(session: AsyncSession) -> None:
        await session.execute(text("delete from memories"))

    shared.run(empty, USER)
    return shared


class Leaning(Embeddings):
    """Of a text that ends with a number: at that cosine similarity to `1`. Notes in which thread it is asked."""

    def __init__(self) -> None:
        self.threads = set[int]()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.threads.add(threading.get_ident())
        return list(map(self.embed_query, texts))

    def embed_query(self, text: str) -> list[float]:
        share = float(text.split()[-1])
        return [share, (1 - share**2) ** 0.5, 0, 0, 0, 0]
