"""The pool under adapters: calls from scripts, running loops, threads and tasks, and what is left of those that end."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import memdb
from memdb.adapters import Pool
from memdb.adapters.langchain import MemdbVectorStore
from memdb.adapters.pool import Work
from memdb.database import Connection
from memdb.errors import UsageError
from memdb.models import MemoryType, User
from memdb.store import MemoryStore
from tests.integration.adapters.conftest import MODELS, OTHER, USER, Leaning

pytestmark = pytest.mark.once

TASK = MemoryType.TASK


def test_one_store_serves_threads_and_any_number_of_loops_also_running_ones(pool: Pool) -> None:
    embedding = Leaning()
    store = MemdbVectorStore(embedding, pool=pool, user_id=USER, memory_type="task")

    async def both() -> int:
        await store.aadd_texts(["async 1"])
        store.add_texts(["sync, in a running loop 1"])
        await asyncio.gather(*(store.asimilarity_search("1") for _ in range(20)))
        return len(await store.asimilarity_search("1", k=100))

    assert [asyncio.run(both()) for _ in range(3)] == [2, 4, 6]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: len(store.similarity_search("1", k=100)), range(20))) == [6] * 20
    assert threading.get_ident() in embedding.threads


def storing(pool: Pool, then: Callable[[], object]) -> Work[None]:
    """Stores a memory, tells so, and never ends by itself."""

    async def work(session: AsyncSession) -> None:
        await MemoryStore(session, pool.model).add_many([pool.memory(user_id=USER, memory_type=TASK, content="x")])
        then()
        await session.execute(text("select pg_sleep(600)"))

    return work


def count(pool: Pool) -> int:
    async def work(session: AsyncSession) -> int:
        return int(await session.scalar(text("select count(*) from memories")) or 0)

    return pool.run(work, USER)


async def test_work_of_a_task_that_is_cancelled_is_undone(pool: Pool) -> None:
    begun, loop = asyncio.Event(), asyncio.get_running_loop()
    task = asyncio.create_task(pool.arun(storing(pool, lambda: loop.call_soon_threadsafe(begun.set)), USER))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert count(pool) == 0


def test_work_that_fails_or_is_interrupted_is_undone(pool: Pool) -> None:
    def fail() -> None:
        raise RuntimeError("it fails")

    main = threading.main_thread().ident or 0
    with pytest.raises(RuntimeError, match="it fails"):
        pool.run(storing(pool, fail), USER)
    with pytest.raises(KeyboardInterrupt):
        pool.run(storing(pool, lambda: signal.pthread_kill(main, signal.SIGINT)), USER)
    assert count(pool) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_pool_that_is_closed_ends_what_is_done_and_says_so_as_one_from_before_a_fork_does(short: str) -> None:
    with Pool(short, MODELS.memory) as pool:
        assert count(pool) == 0
        child = os.fork()
        if child == 0:
            try:
                count(pool)
            except UsageError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        begun = threading.Event()
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(pool.run, storing(pool, begun.set), USER)
            begun.wait()
            pool.close()
            with pytest.raises(CancelledError):
                waiting.result()
        with pytest.raises(UsageError, match="closed"):
            count(pool)


def test_where_policies_hold_each_transaction_says_for_whom_it_asks(migrated: str, connection: Connection) -> None:
    name = f"adapting_{connection.info.backend_pid}"
    with memdb.open(migrated, sets=("row_security",)) as db:
        db.migrate()
    connection.execute(f"create role {name} login; grant all on memories, users to {name}".encode())
    with Pool(make_conninfo(migrated, user=name)) as pool:
        for user in (USER, OTHER):

            async def add(session: AsyncSession, user: object = user) -> None:
                session.add(User(id=user))
                await session.flush()
                memory = pool.memory(user_id=user, memory_type=TASK, content=f"{user}")
                await MemoryStore(session).upsert_many([memory])

            pool.run(add, user)

        async def seen(session: AsyncSession) -> list[str]:
            return list(await session.scalars(text("select content from memories")))

        assert [pool.run(seen, user) for user in (USER, OTHER)] == [[f"{USER}"], [f"{OTHER}"]]
    with psycopg.connect(migrated) as admin:
        admin.execute(f"drop owned by {name}; drop role {name}".encode())
