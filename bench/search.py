"""search_memories beside the plain query on `core` alone, and beside other systems, on the same rows and server.

`python -m bench search` takes three quarters of an hour, 30 GB of disk and 16 GB of memory; `python -m bench.search
--quick` leaves out the other systems, the 1,000,000 memories and the other indexes. It prints what each search takes
and finds, then the ratios. Searches take turns, question by question. The plain query is run once more without the
HNSW index: where the planner takes that index, rows are missing, and how fast a wrong answer comes is no measure.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import LiteralString

import memdb
from bench import half_indexes, search_rows, through_store
from bench.compare import Comparison
from bench.peers import client
from bench.search_rows import Rows
from bench.searching import PLAIN, AnySearch, Measured, Search, measure, prepare, show
from memdb import database, embedded
from memdb.database import Connection

SIZES = [10, 100, 500, 1_000, 10_000, 20_000, 40_000]
_LARGEST = 300_000  # one more user, among the 1,000,000
_MEMORIES, _MANY_MEMORIES, _LOADED, _QUESTIONS = 100_000, 1_000_000, 5_000, 60
_CONFIGURATION = """
shared_buffers = 8GB
maintenance_work_mem = 1500MB
max_wal_size = 8GB
fsync = off
full_page_writes = off
"""
_OURS: LiteralString = "select * from search_memories(%(user)s, %(embedding)s, %(k)s)"
_PLANNED, _EXACT, _FAST, _STORE = "plain", "plain without HNSW", "search_memories", "memdb.store"
_FEWER = "of 100,000"
_USERS = dict(enumerate(SIZES))
_LIMITS = {10: 1.0, 100: 0.6, 500: 0.3, 1_000: 0.2}
"""Of the time that the plain query takes; 0.06 of it for larger users."""


def run(*, quick: bool = False) -> Iterator[Comparison]:
    """The comparisons, as they are measured."""
    if not quick:
        client.install()  # now, as it may fail, and would disturb what is measured later
    real = search_rows.real(_QUESTIONS)
    with embedded.temporary(configuration=_CONFIGURATION) as server:
        for rows in (real, search_rows.synthetic(_QUESTIONS)):
            yield from _of_rows(server, rows, complete=not quick and rows is real)
        yield _inserting(server, real)
        if not quick:
            yield from _growing(server, real)


def _of_rows(server: embedded.Server, rows: Rows, *, complete: bool) -> Iterator[Comparison]:
    """Users of every size among 100,000 memories. The set is measured without the HNSW index, which it does not use."""
    with ExitStack() as stack:
        core = stack.enter_context(_database(server, f"core_{rows.name}"))
        fast = stack.enter_context(_database(server, f"fast_{rows.name}"))
        _migrate(core, to="0006")
        search_rows.load(core, rows, SIZES, _MEMORIES)
        _migrate(core)
        _migrate_with_set(fast)
        search_rows.load(fast, rows, SIZES, _MEMORIES)
        for connection in (core, fast):
            connection.execute("vacuum analyze memories")
        searches: dict[str, AnySearch] = {
            _PLANNED: Search(prepare(core), PLAIN),
            _EXACT: _exact(stack, core),
            _FAST: Search(prepare(fast), _OURS),
        }
        yield _storage(rows, core, fast)
        measured = measure(searches, rows.questions, _USERS, exact=dict.fromkeys(searches, _EXACT))
        show(measured, f"{rows.name}, of")
        yield from _ratios(measured, f"{rows.name}, ")
        if complete:
            yield from half_indexes.run(core, rows)
            del searches[_PLANNED]
            searches[_STORE] = stack.enter_context(through_store.opened(server.url(f"fast_{rows.name}")))
            searches |= stack.enter_context(client.peers(core, server.url(f"core_{rows.name}")))
            questions = {"alike": rows.questions["alike"]}
            measured = measure(searches, questions, _USERS, exact=dict.fromkeys(searches, _EXACT))
            show(measured, "peers, of")
            yield from _peer_ratios(measured)


def _ratios(measured: Measured, which: str) -> Iterator[Comparison]:
    """Against the plain query as it is planned, or without the HNSW index where that loses rows."""
    for (size, kind, search), ours in measured.items():
        if search != _FAST:
            continue
        exact = measured[size, kind, _EXACT]
        planned = measured.get((size, kind, _PLANNED), exact)
        theirs = planned if planned.recall >= 0.99 and planned.p95_ms < exact.p95_ms else exact
        what = f"{which}user of {size:,}, {kind}"
        yield Comparison(f"{what}: p95 / the plain query", ours.p95_ms, theirs.p95_ms, _LIMITS.get(size, 0.06))
        enough = 0.99 if kind == "alike" else 0.98
        yield Comparison(f"{what}: recall@{10 if kind == 'alike' else 5}", ours.recall, 1, enough, at_least=True)


def _peer_ratios(measured: Measured) -> Iterator[Comparison]:
    """Against the fastest of those that find 0.99 of what is nearest; their times are those of calls of a library."""
    for size in SIZES:
        figures = {name: measured[size, "alike", name] for name in client.ADAPTERS}
        right = {name: found for name, found in figures.items() if found.recall >= 0.99}
        if not right:
            continue
        best = min(right, key=lambda name: right[name].p95_ms)
        for ours, limit in ((_FAST, 0.2), (_STORE, 0.25)):
            label = f"user of {size:,}: p95 of {ours} / best peer ({best})"
            yield Comparison(label, measured[size, "alike", ours].p95_ms, right[best].p95_ms, limit)


def _storage(rows: Rows, core: Connection, fast: Connection) -> Comparison:
    """What the set adds, compared with the table and its TOAST table."""
    table = "select pg_table_size('memories')"
    before, after = _figure(core, table), _figure(fast, table)
    added = after - before + _figure(fast, "select pg_relation_size('ix_memories_signature')")
    return Comparison(f"{rows.name}: storage that the set adds / table", added, before, 0.08)


def _inserting(server: embedded.Server, rows: Rows) -> Comparison:
    """Loading 250 memories at a time, in turn, up to 5,000, with and without the set; both with the HNSW index."""
    times: dict[str, list[float]] = {"without": [], "with": []}
    vectors = next(rows.pieces(_LOADED))
    with _database(server, "without") as without, _database(server, "with") as with_set:
        _migrate(without)
        _migrate_with_set(with_set, embedding_index=True)
        for connection in (without, with_set):
            connection.execute("insert into users (id) values (%s)", [search_rows.user(0)])
        for turn in range(0, _LOADED, 250):
            for name, connection in (("without", without), ("with", with_set)):
                started = time.perf_counter()
                search_rows.copy(connection, ((0, vector) for vector in vectors[turn : turn + 250]))
                times[name].append(time.perf_counter() - started)
    ours, theirs = (statistics.median(times[name][4:]) for name in ("with", "without"))
    return Comparison("inserting with the set / without", ours, theirs, 1.25)


def _growing(server: embedded.Server, rows: Rows) -> Iterator[Comparison]:
    """The same sizes of users among ten times as many memories, and one user who holds a third of those."""
    with ExitStack() as stack:
        fewer = stack.enter_context(_database(server, f"fast_{rows.name}"))
        core = stack.enter_context(_database(server, "core_many"))
        more = stack.enter_context(_database(server, "fast_many"))
        _migrate(core, to="0006")
        _migrate_with_set(more)
        for connection in (core, more):
            search_rows.load(connection, rows, [*SIZES, _LARGEST], _MANY_MEMORIES)
            connection.execute("vacuum analyze memories")
        searches = {
            _FAST: Search(prepare(more), _OURS),
            _EXACT: _exact(stack, core),
            _FEWER: Search(prepare(fewer), _OURS),
            "exact": _exact(stack, fewer),
        }
        truths = {_FAST: _EXACT, _EXACT: _EXACT, _FEWER: "exact", "exact": "exact"}
        measured = measure(searches, rows.questions, _USERS, exact=truths)
        show(measured, "1,000,000, of")
        for size in SIZES:
            ours, theirs = measured[size, "alike", _FAST], measured[size, "alike", _FEWER]
            yield Comparison(f"user of {size:,} of 1,000,000: p95 / of 100,000", ours.p95_ms, theirs.p95_ms, 1.3)
        yield from _ratios(measured, "1,000,000, ")
        del searches[_FEWER], searches["exact"]
        questions = {kind: vectors[:20] for kind, vectors in rows.questions.items()}  # the plain query is slow here
        measured = measure(searches, questions, {len(SIZES): _LARGEST}, exact=dict.fromkeys(searches, _EXACT))
        show(measured, "1,000,000, of")
        yield from _ratios(measured, "1,000,000, ")


def _exact(stack: ExitStack, connection: Connection) -> Search:
    """The plain query, planned as if there were no HNSW index, over a connection of its own."""
    other = stack.enter_context(database.again(connection, purpose="bench"))
    return Search(prepare(other, "set enable_indexscan = off"), PLAIN)


def _database(server: embedded.Server, name: str) -> AbstractContextManager[Connection]:
    """A connection to a database, which is made if it is not there."""
    with database.connect(database.conninfo(server.url()), purpose="bench") as admin:
        if admin.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
            admin.execute(f'create database "{name}"'.encode())
    return database.connect(database.conninfo(server.url(name)), purpose="bench")


def _migrate(connection: Connection, to: str | None = None, chosen: tuple[str, ...] = ()) -> None:
    with memdb.open(connection.info.dsn, sets=chosen) as db:
        db.migrate(to=to)


def _migrate_with_set(connection: Connection, *, embedding_index: bool = False) -> None:
    _migrate(connection, chosen=("fast_search",))
    if not embedding_index:
        connection.execute("drop index ix_memories_embedding")


def _figure(connection: Connection, statement: LiteralString) -> int:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    for comparison in run(quick="--quick" in sys.argv):
        print(comparison, flush=True)
