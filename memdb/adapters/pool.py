"""Connections for code with an event loop or without one: what they do is done in the loop of a thread of their own.

Connections of asyncio belong to one loop. Notebooks have one that is running, scripts make one for each piece of work,
frameworks call synchronous methods from threads; here none of them has to know, and none waits for another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, cast

from sqlalchemy import Table, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from memdb.errors import UsageError
from memdb.models import Memory, MemoryMixin
from memdb.models.owners import shape_of
from memdb.schemas import MemoryCreate, MemorySimilarityQuery
from memdb.store import act_for, create_engine, sessions
from memdb.values import UserKey

Result = TypeVar("Result")
Work: TypeAlias = Callable[[AsyncSession], Awaitable[Result]]
"""What is to be done in a session, within one transaction."""


class Pool:
    """Connections to a database, shared by any number of adapters, for any users, in any threads and event loops.

    `url` and `options` are those of memdb.store.create_engine, `model` is the class of an application's own memories.
    Where the set row_security is applied when the pool is first used, each transaction says for whom it asks.
    """

    def __init__(self, url: str, model: type[MemoryMixin[Any]] = Memory, **options: Any) -> None:
        self.model = model
        self.shape = shape_of(model)
        self._memory, self._question = _schemas(self.shape.embedding)
        self._engine = create_engine(url, **options)
        self._sessions = sessions(self._engine)
        self._is_secured: bool | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="memdb", daemon=True)
        self._thread.start()

    def memory(self, **fields: Any) -> MemoryCreate[Any]:
        """What a store takes. It looks at the fields then, and raises InvalidMemory for what cannot be."""
        return self._memory.model_construct(**fields)

    def question(self, **fields: Any) -> MemorySimilarityQuery[Any]:
        """What a store searches by, in the same way."""
        return self._question.model_construct(**fields)

    def run(self, work: Work[Result], user_id: UserKey) -> Result:
        """The result of the work, once it is committed. It may be called anywhere, and blocks until then.

        Raises UsageError if the pool is closed.
        """
        future = self._begin(work, user_id)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # where it is this thread that was interrupted
            raise

    async def arun(self, work: Work[Result], user_id: UserKey) -> Result:
        """The same, awaited in any event loop. If the caller is cancelled, so is the work."""
        return await asyncio.wrap_future(self._begin(work, user_id))

    def close(self) -> None:
        """Cancels what is being done, closes the connections and ends the thread.

        A pool that nobody closes ends with the process.
        """
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _end(self) -> None:
        works = asyncio.all_tasks() - {asyncio.current_task()}
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await self._engine.dispose()

    def _begin(self, work: Work[Result], user_id: UserKey) -> Future[Result]:
        if not self._thread.is_alive():
            raise UsageError(
                "this pool is closed, or was made before this process was forked",
                hint="Make a new Pool, in the process that uses it.",
            )
        return asyncio.run_coroutine_threadsafe(self._done(work, user_id), self._loop)

    async def _done(self, work: Work[Result], user_id: UserKey) -> Result:
        if self._is_secured is None:
            self._is_secured = await self._asks_for_policies()
        async with self._sessions.begin() as session:
            if self._is_secured:
                act_for(session, user_id)
            return await work(session)

    async def _asks_for_policies(self) -> bool:
        """Whether row-level security holds on the table of memories for the role that connects."""
        name = self._engine.dialect.identifier_preparer.format_table(cast("Table", inspect(self.model).local_table))
        async with self._sessions() as session:
            return bool(await session.scalar(select(func.row_security_active(func.to_regclass(name)))))


def _schemas(embedding: str) -> tuple[type[MemoryCreate[Any]], type[MemorySimilarityQuery[Any]]]:
    """What takes memories, and searches, with embeddings of a type."""

    class Create(MemoryCreate[Any]):
        embedding_type = embedding

    class Question(MemorySimilarityQuery[Any]):
        embedding_type = embedding

    return Create, Question
