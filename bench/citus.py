"""What the set citus costs beside one server with the same processors: searches, loading, and ten times the users.

`MEMDB_TEST_CITUS_URL=… python -m bench citus` takes five minutes and 3 GB of disk. The one server is the coordinator.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from bench import search_rows
from bench.compare import Comparison
from memdb import database
from memdb.database import Connection
from memdb.seeding.embeddings import Synthetic
from tests.integration.citus.conftest import SETS, distributed_database, from_environment

_USERS, _SIZES, _ROUNDS, _LEAST = 20, (100, 1_000, 3_000), 150, 0.003
_FEW = 400  # memories of each user where there are ten times the users


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    with ExitStack() as stack:

        def made(*sets: str) -> Connection:
            conninfo = stack.enter_context(distributed_database(from_environment()))
            with memdb.open(conninfo, sets=(*SETS, *sets)) as db:
                db.migrate()
            connection = stack.enter_context(database.connect(conninfo, purpose="bench"))
            register_vector(connection)
            return connection

        one, many = made(), made("citus")
        sizes = [size for size in _SIZES for _ in range(_USERS // len(_SIZES))]
        rates = {name: _loaded(connection, sizes) for name, connection in (("many", many), ("one", one))}
        yield Comparison("rows loaded in a second: in shards / on one server", rates["many"], rates["one"], 0.6, True)
        for size in _SIZES:
            users = [number for number, has in enumerate(sizes) if has == size]
            times = _searched({"many": (many, users), "one": (one, users)})
            label = f"p95 of a search among {size:,} memories: in shards / on one server"
            yield Comparison(label, times["many"], times["one"], max(1.5, 1 + _LEAST / times["one"]))
        few, ten = made("citus"), made("citus")
        _loaded(few, [_FEW] * _USERS)
        _loaded(ten, [_FEW] * 10 * _USERS)
        times = _searched({"few": (few, [*range(_USERS)]), "ten": (ten, [*range(10 * _USERS)])})
        yield Comparison("p95 of a search: ten times the users / as many", times["ten"], times["few"], 1.2)


def _loaded(connection: Connection, sizes: list[int]) -> float:
    """Loads so many memories of each user; rows in a second."""
    owners = np.repeat(np.arange(len(sizes)), sizes)
    users = [[search_rows.user(number)] for number in range(len(sizes))]
    connection.cursor().executemany("insert into users (id) values (%s)", users)
    vectors = Synthetic(1).batch(0, len(owners))[0]
    started = time.perf_counter()
    search_rows.copy(connection, zip(owners.tolist(), vectors, strict=True))
    spent = time.perf_counter() - started
    connection.execute("vacuum (analyze) memories")
    return len(owners) / spent


def _searched(asked: dict[str, tuple[Connection, list[int]]]) -> dict[str, float]:
    """p95 of each, in seconds, asked in turn for random users."""
    random, times = np.random.default_rng(3), {name: list[float]() for name in asked}
    questions = Synthetic(1).batch(50_000_000, _ROUNDS)[0]
    for number, question in enumerate(questions):
        for name, (connection, users) in asked.items():
            given = [search_rows.user(int(random.choice(users))), Vector(question)]
            started = time.perf_counter()
            connection.execute("select * from search_memories(%s, %s, 10)", given, prepare=True).fetchall()
            if number >= _ROUNDS // 10:
                times[name].append(time.perf_counter() - started)
    return {name: float(np.percentile(spent, 95)) for name, spent in times.items()}
