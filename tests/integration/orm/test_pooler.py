"""Through PgBouncer in transaction mode: many clients on two server processes, which know nothing of each other."""

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from memdb.models import Memory, MemoryType, User
from memdb.models.ids import new_id
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery, MemoryUpdate
from memdb.store import MemoryStore, create_engine, sessions
from tests.helpers import address, vectors

pytestmark = pytest.mark.once

_CONFIGURATION = """
[databases]
{dbname} = {target}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 2
logfile = {folder}/log
pidfile = {folder}/pid
"""
PORT = 6432


@pytest.fixture
def pooler(migrated: str) -> Iterator[str]:
    """The connection string of a new database, by way of a transaction pooler."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (Debian: apt install pgbouncer)")
    values = conninfo_to_dict(migrated)
    target = make_conninfo(migrated, user=values.get("user") or getpass.getuser())
    with tempfile.TemporaryDirectory(prefix="memdb-pooler-") as name:
        folder = Path(name)
        configuration = _CONFIGURATION.format(dbname=values["dbname"], target=target, folder=folder, port=PORT)
        (folder / "ini").write_text(configuration)
        command = [program, "--quiet", str(folder / "ini")]
        if os.geteuid() == 0:  # PgBouncer does not run as root: let it be the user that the server runs as
            owner = _socket(values).owner() if _socket(values).exists() else "nobody"
            shutil.chown(folder, owner)
            folder.chmod(0o755)
            command = ["setpriv", f"--reuid={owner}", "--clear-groups", *command]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                _wait_for(folder / f".s.PGSQL.{PORT}", process)
                yield make_conninfo(migrated, host=name, port=PORT, user=values.get("user"))
            finally:
                process.terminate()


def _socket(values: Mapping[str, Any]) -> Path:
    return Path(values.get("host") or "/var/run/postgresql", f".s.PGSQL.{values.get('port') or 5432}")


def _wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 10
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            assert process.stderr is not None
            pytest.fail(f"PgBouncer does not start: {process.stderr.read()}")
        time.sleep(0.01)


async def _work(engine: AsyncEngine, number: int) -> int:
    """Some transactions, as requests make them: a user, memories in both ways, searches."""
    async with sessions(engine).begin() as session:
        user = User()
        session.add(user)
        await session.flush()
        store = MemoryStore(session)
        drawn = vectors(10, random_seed=number)
        await store.add_many(
            MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content="a walk", embedding=embedding)
            for embedding in drawn
        )
        await store.add(MemoryCreate(user_id=user.id, memory_type=MemoryType.TASK, content="a run", embedding=drawn[0]))
        known = MemoryCreate(id=new_id(), user_id=user.id, memory_type=MemoryType.TASK, content="a run")
        for stored in ([known.id], []):
            assert await store.add_many([known], skip_existing=True) == stored
        changed = await store.update(known.id or user.id, MemoryUpdate(content="a swim", extra_data={"n": number}))
        assert changed is not None
        assert await store.delete([changed.id]) == 1
    found = 0
    for embedding in drawn[:3]:
        async with sessions(engine).begin() as session:
            store = MemoryStore(session)
            alone = await store.nearest(MemorySimilarityQuery(user_id=user.id, embedding=embedding, limit=1))
            assert len(alone) == 1
            neighbours = await store.nearest(MemorySimilarityQuery(user_id=user.id, embedding=embedding, limit=20))
            listed = await store.list(MemoryQuery(user_id=user.id, extra_data={"done": False}))
            await store.touch([neighbour.id for neighbour in neighbours])
            found += len(neighbours) + len(listed)
    return found


async def test_the_store_works_through_a_transaction_pooler(pooler: str, driver: str) -> None:
    engine = create_engine(address(pooler, driver), transaction_pooler=True, pool_size=8)
    assert await asyncio.gather(*(_work(engine, number) for number in range(16))) == [66] * 16
    async with sessions(engine)() as session:
        assert await session.scalar(select(func.count()).select_from(Memory)) == 176
        prepared = await session.scalar(select(func.count()).select_from(func.pg_prepared_statement()))
        assert prepared == 0  # nothing is left behind for whoever gets the server process next
    await engine.dispose()
