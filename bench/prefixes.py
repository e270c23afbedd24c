"""The first numbers of a Matryoshka embedding as the first look of a search, beside the signatures of fast_search.

`python -m bench prefixes` takes some minutes. Embeddings are those of text-embedding-3-small, made more as search_rows
says. Their first numbers are kept in an index beside the user, in 16 bits each, as signatures are; so many of the
nearest by them are compared by the whole embedding. Times are the server's processor time.
"""

from collections.abc import Iterator
from typing import LiteralString

import memdb
from bench import search_rows
from bench.changing import OnProcessor
from bench.compare import Comparison
from bench.searching import AnySearch, measure, prepare, show
from memdb import database, embedded

_MEMORIES, _SIZES, _QUESTIONS = 100_000, [1_000, 10_000, 40_000], 40
_LENGTHS, _CANDIDATES = (128, 256, 512), (40, 100, 200)
_CONFIGURATION = "shared_buffers = 3GB\nmaintenance_work_mem = 512MB\nmax_wal_size = 8GB\nfsync = off\n"
_OURS: LiteralString = "select * from search_memories(%(user)s, %(embedding)s, %(k)s)"
_EXACT: LiteralString = _OURS.replace("%(k)s", "%(k)s, candidates => 2147483647")
_BY_PREFIX = """
with near as materialized (
    select m.id from memories as m
    where m.user_id between (select %(user)s) and (select %(user)s)
    order by m.prefix{length} <=> (select subvector(%(embedding)s, 1, {length})::halfvec({length}))
    limit {candidates}
)

select m.id, m.content, m.memory_type, m.metadata, m.embedding <=> %(embedding)s as distance
from memories as m
where m.id = any(array(select n.id from near as n))
order by distance
limit %(k)s
"""


def run() -> Iterator[Comparison]:
    """The comparisons: processor time of the way with the fewest candidates that finds as much as signatures do."""
    rows = search_rows.real(_QUESTIONS, search_rows.SMALL)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        with memdb.open(server.url(), sets=("fast_search", "drop_hnsw")) as db:
            db.migrate()
        with database.connect(server.url(), purpose="bench") as connection:
            search_rows.load(connection, rows, _SIZES, _MEMORIES)
            for length in _LENGTHS:
                connection.execute(_column(length).encode())
                connection.execute(
                    f"create index on memories (user_id) include (id, memory_type, prefix{length})".encode()
                )
            connection.execute("vacuum (full, analyze) memories")
            connection.execute("vacuum memories")
            prepare(connection)
            searches: dict[str, AnySearch] = {"signatures": OnProcessor(connection, _OURS)}
            searches["exact"] = OnProcessor(connection, _EXACT)
            searches |= {
                f"{length}, {candidates}": OnProcessor(connection, _statement(length, candidates))
                for length in _LENGTHS
                for candidates in _CANDIDATES
            }
            exact = dict.fromkeys(searches, "exact")
            measured = measure(searches, rows.questions, dict(enumerate(_SIZES)), exact=exact)
        show(measured, "user of")
    for size in _SIZES:
        for kind in rows.questions:
            ours = measured[size, kind, "signatures"]
            others = [found for (s, k, name), found in measured.items() if (s, k) == (size, kind) and "," in name]
            enough = [found.p50_ms for found in others if found.recall >= ours.recall - 0.002]
            if enough:
                label = f"the best prefix / signatures, user of {size:,}, {kind}, processor ms"
                yield Comparison(label, min(enough), ours.p50_ms, None)


def _column(length: int) -> str:
    kind = f"halfvec({length})"
    made = f"generated always as (subvector(embedding, 1, {length})::{kind}) stored"
    return f"alter table memories add column prefix{length} {kind} {made}"


def _statement(length: int, candidates: int) -> LiteralString:
    return _BY_PREFIX.replace("{length}", str(length)).replace("{candidates}", str(candidates))


if __name__ == "__main__":
    for comparison in run():
        print(comparison, flush=True)
