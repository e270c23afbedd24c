"""A search through the adapter for LangChain, beside the same through the store: what the thread between them costs."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from langchain_core.embeddings import FakeEmbeddings
from pgvector import Vector

import memdb
from bench import through_store
from bench.compare import Comparison
from memdb import database, embedded
from memdb.adapters import Pool
from memdb.adapters.langchain import MemdbVectorStore
from memdb.models import MemoryType
from memdb.schemas import MemoryCreate
from memdb.seeding.embeddings import Synthetic
from memdb.store import MemoryStore

_MEMORIES, _SEARCHES, _K, _WARM_UP = 1_000, 600, 5, 20
_UNUSED = FakeEmbeddings(size=1536)
Timed: TypeAlias = Callable[[Vector], float]
"""The seconds of a search, from where an application calls it."""


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured: a user of a thousand memories."""
    embeddings, _ = Synthetic(1).batch(0, _MEMORIES)
    with embedded.temporary() as server:
        memdb.open(server.url(), sets=("fast_search",)).migrate()
        user = uuid4()
        with database.connect(database.conninfo(server.url()), purpose="bench") as connection:
            connection.execute("insert into users values (%s)", [user])
        with Pool(server.url()) as pool, through_store.opened(server.url()) as store:
            memories = (_memory(user, number, each) for number, each in enumerate(embeddings))
            pool.run(lambda session: MemoryStore(session).add_many(memories), user)
            documents = MemdbVectorStore(_UNUSED, pool=pool, user_id=user, memory_type=MemoryType.TASK)
            searches: dict[str, Timed] = {
                "store": lambda question: store.run(question, user, _K)[0] / 1000,
                "sync": lambda question: _sync(documents, question.to_list()),
                "async": lambda question: store.runner.run(_async(documents, question.to_list())),
            }
            found = _medians(searches, list(map(Vector, embeddings[: _WARM_UP + _SEARCHES])))
    for name, call in (("sync", "similarity_search_by_vector"), ("async", "asimilarity_search_by_vector")):
        yield Comparison(f"LangChain: {call} / store.nearest", found[name], found["store"], 1.3)


def _memory(user: UUID, number: int, embedding: Any) -> MemoryCreate:
    return MemoryCreate(user_id=user, memory_type=MemoryType.TASK, content=f"memory {number}", embedding=embedding)


def _sync(documents: MemdbVectorStore, question: list[float]) -> float:
    started = time.perf_counter()
    documents.similarity_search_by_vector(question, k=_K)
    return time.perf_counter() - started


async def _async(documents: MemdbVectorStore, question: list[float]) -> float:
    started = time.perf_counter()
    await documents.asimilarity_search_by_vector(question, k=_K)
    return time.perf_counter() - started


def _medians(searches: Mapping[str, Timed], questions: Sequence[Vector]) -> dict[str, float]:
    """Median seconds of each. They take turns, and each is the first in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for turn, question in enumerate(questions):
        names = list(searches)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds[name].append(searches[name](question))
    return {name: statistics.median(times[_WARM_UP:]) for name, times in seconds.items()}
