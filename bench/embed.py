"""memdb embed beside the bare client of an endpoint, and beside the least that storing takes; what a check costs.

`python -m bench embed` takes two minutes and 1 GB of disk. No HNSW index is there.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from bench import endpoint
from bench.compare import Comparison, medians
from bench.prune import clone
from memdb import database, embedded
from memdb.embedders.endpoint import Endpoint

_REQUESTS, _AT_ONCE, _ROUNDS = 160, 8, 3
_MEMORIES = _REQUESTS * endpoint.TEXTS
_CONFIGURATION = "shared_buffers = 1GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\n"
_TEXT = "I feel hopeful when I think about the garden, above all about getting started. A walk helps."
_FILL = (
    "with made as (insert into users default values returning id) insert into memories (user_id, memory_type, content) "
    f"select id, 'task', '{_TEXT} ' || n from made cross join generate_series(1, %s) as n"
)


class _Ready:
    """An embedder that takes no time."""

    model = "m"

    def __init__(self) -> None:
        vectors = np.random.default_rng(1).standard_normal((endpoint.TEXTS, endpoint.DIMENSIONS)).astype(np.float32)
        self._vectors = list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        return self._vectors[: len(texts)]


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    with embedded.temporary(configuration=_CONFIGURATION) as server, endpoint.serving() as url:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("drop_hnsw", "embeddings")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            connection.execute(_FILL, [_MEMORIES])
            connection.execute("vacuum analyze")
            name = connection.info.dbname

        def filled(embedder: Any) -> float:
            with clone(server, name) as copy, memdb.open(copy) as db:
                return _MEMORIES / db.embed(embedder).seconds

        with Endpoint("m", url) as client:
            found = medians(
                {
                    "bare": partial(_bare, client),
                    "embed": partial(filled, client),
                    "store": partial(filled, _Ready()),
                    "update": partial(_update, server, name),
                },
                runs=_ROUNDS,
            )
        yield Comparison("texts a second: embed / what the endpoint can give", found["embed"], endpoint.RATE, 0.9, True)
        yield Comparison("texts a second: embed / the bare client", found["embed"], found["bare"], 0.9, True)
        yield Comparison("embeddings stored a second / 2,000", found["store"], 2_000, 1, True)
        yield Comparison("embeddings stored a second / one COPY and one UPDATE", found["store"], found["update"], None)
        with clone(server, name) as copy, memdb.open(copy) as db:
            db.embed(_Ready())
            checks = medians({"check": lambda: _check(db), "read": partial(_read, copy)}, runs=_ROUNDS)
        yield Comparison(f"check of {_MEMORIES:,} / reading all embeddings once", checks["check"], checks["read"], None)


def _bare(client: Endpoint) -> float:
    """Texts a second, with nothing stored."""
    started, texts = time.perf_counter(), [_TEXT] * endpoint.TEXTS
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for future in [pool.submit(client.embed, texts) for _ in range(_REQUESTS)]:
            future.result()
    return _MEMORIES / (time.perf_counter() - started)


def _update(server: embedded.Server, name: str) -> float:
    """Memories a second: the least there is to do, which locks all of them at once and notes nothing."""
    vectors = [Vector(vector) for vector in _Ready().embed([""] * endpoint.TEXTS)]
    with clone(server, name) as copy, database.connect(copy, purpose="bench") as connection:
        register_vector(connection)
        ids = [id for (id,) in connection.execute("select id from memories order by id")]
        started = time.perf_counter()
        with connection.transaction():
            connection.execute("create temporary table given (id uuid, embedding vector(1536)) on commit drop")
            with connection.cursor().copy("copy given from stdin (format binary)") as stream:
                stream.set_types(["uuid", "vector"])
                for place, id in enumerate(ids):
                    stream.write_row((id, vectors[place % len(vectors)]))
            connection.execute("update memories as m set embedding = g.embedding from given as g where m.id = g.id")
        return len(ids) / (time.perf_counter() - started)


def _check(db: memdb.Database) -> None:
    assert {fault.kind for fault in db.check_embeddings("m").found} == {"duplicate"}


def _read(conninfo: str) -> None:
    with database.connect(conninfo, purpose="bench") as connection:
        connection.value("select sum(embedding <#> embedding) from memories")
