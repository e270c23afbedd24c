"""The search of `memdb.store`, as an application calls it: beside other systems' libraries, a library, too."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from pgvector import Vector
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from memdb.schemas import MemorySimilarityQuery
from memdb.store import MemoryStore, create_engine, sessions


@dataclass(frozen=True, slots=True)
class StoreSearch:
    """Each search opens a session, as each request of an application does."""

    runner: asyncio.Runner
    session: async_sessionmaker[AsyncSession]

    def run(self, embedding: Vector, owner: UUID, k: int) -> tuple[float, list[float]]:
        """Milliseconds, and the distances that were found."""
        return self.runner.run(self._run(embedding.to_list(), owner, k))

    async def _run(self, embedding: list[float], owner: UUID, k: int) -> tuple[float, list[float]]:
        started = time.perf_counter()
        async with self.session() as session:
            query = MemorySimilarityQuery(user_id=owner, embedding=embedding, limit=k)
            found = await MemoryStore(session).nearest(query)
        return (time.perf_counter() - started) * 1000, [neighbour.distance for neighbour in found]


@contextmanager
def opened(url: str) -> Iterator[StoreSearch]:
    """A store over a pool of connections."""
    engine = create_engine(url)
    with asyncio.Runner() as runner:
        yield StoreSearch(runner, sessions(engine))
        runner.run(engine.dispose())
