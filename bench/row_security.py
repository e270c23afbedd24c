"""What the policies of set row_security cost a search: the same rows, as their owner and as a role held to them.

`python -m bench row_security` takes some minutes. The owner of the tables is not held to policies, so both ask the same
database, in turn, question by question. For whom it is asked is said before the clock starts: an application says it
together with what begins its transaction.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from pgvector import Vector

import memdb
from bench import search_rows
from bench.compare import Comparison
from bench.searching import PLAIN, AnySearch, Measured, Search, measure, prepare, show
from memdb import database, embedded
from memdb.database import Connection

SIZES = [10, 100, 500, 1_000, 10_000, 20_000]
_MEMORIES, _QUESTIONS, _LIMIT = 50_000, 60, 1.15
_CONFIGURATION = """
shared_buffers = 4GB
maintenance_work_mem = 1GB
max_wal_size = 8GB
fsync = off
full_page_writes = off
"""
_EXACT = "set enable_indexscan = off"
_SEARCHES: dict[str, tuple[LiteralString, LiteralString]] = {
    "plain": (PLAIN, "select 1"),
    "plain without HNSW": (PLAIN, _EXACT),
    "search_memories": ("select * from search_memories(%(user)s, %(embedding)s, %(k)s)", "select 1"),
    "search_memories, 5 k": ("select * from search_memories(%(user)s, %(embedding)s, 5 * %(k)s)", "select 1"),
    "with metadata": (
        'select * from search_memories(%(user)s, %(embedding)s, %(k)s, metadata => \'{"source": "chat"}\')',
        "select 1",
    ),
}
_ROLE: LiteralString = """
create role bench_application;
grant select on memories to bench_application;
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A search for a user who is said first, which warms up what a search would have to."""

    search: Search

    def run(self, embedding: Vector, owner: UUID, k: int) -> tuple[float, list[float]]:
        """Milliseconds, and the distances that were found."""
        self.search.connection.execute("select set_config('memdb.user_id', %s, false)", [str(owner)])
        return self.search.run(embedding, owner, k)


def run() -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    rows = search_rows.real(_QUESTIONS)
    with embedded.temporary(configuration=_CONFIGURATION) as server, ExitStack() as stack:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("fast_search", "row_security")) as db:
            db.migrate()
        owner = stack.enter_context(database.connect(conninfo, purpose="bench"))
        _fill(owner, rows)
        searches: dict[str, AnySearch] = {}
        for name, (statement, settings) in _SEARCHES.items():
            searches[name] = Said(Search(prepare(_again(stack, owner), settings), statement))
            role = _again(stack, owner)
            role.execute("set role bench_application")
            searches[f"{name}, secured"] = Said(Search(prepare(role, settings), statement))
        measured = measure(
            searches, rows.questions, dict(enumerate(SIZES)), exact=dict.fromkeys(searches, "plain without HNSW")
        )
        show(measured, "secured, of")
        yield from _ratios(measured)


def _fill(owner: Connection, rows: search_rows.Rows) -> None:
    """The HNSW index is built afterwards, which is faster."""
    row = owner.execute("select pg_get_indexdef('ix_memories_embedding'::regclass)").fetchone()
    assert row is not None
    owner.execute("drop index ix_memories_embedding")
    search_rows.load(owner, rows, SIZES, _MEMORIES)
    owner.execute(row[0])
    owner.execute("vacuum analyze memories")
    owner.execute(_ROLE)


def _again(stack: ExitStack, connection: Connection) -> Connection:
    return stack.enter_context(database.again(connection, purpose="bench"))


def _ratios(measured: Measured) -> Iterator[Comparison]:
    for (size, kind, name), plain in measured.items():
        if secured := measured.get((size, kind, f"{name}, secured")):
            label = f"user of {size:,}, {kind}: p95 of {name}, secured / not"
            yield Comparison(label, secured.p95_ms, plain.p95_ms, _LIMIT)


if __name__ == "__main__":
    for comparison in run():
        print(comparison, flush=True)
