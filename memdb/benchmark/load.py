"""Searching over several connections at once, alone or while memories are being added.

As in pgbench, one thread serves all connections: each asks its next question as soon as it has its answer, so the
server has as many searches at a time as there are connections, and Python's lock is in nobody's way.
"""

import selectors
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice

import psycopg
from psycopg import pq, sql

from memdb import database
from memdb.benchmark import measurement, preparation, searching, strategies
from memdb.benchmark.identity import Identity
from memdb.benchmark.measurement import Latency
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Answer, Search
from memdb.benchmark.strategies import Strategy
from memdb.database import Connection
from memdb.target import Target

_WARM_UP = 8  # searches of each connection: after five the server has made up its mind about the plan
_DIFFERENT = 50  # memories that writers take turns to add


@dataclass(frozen=True, slots=True)
class Load:
    """`connections` searched for so many seconds. `latency` is that of one search, as its connection sees it.

    `writers` is how many further connections added memories meanwhile, one per transaction.
    """

    connections: int
    seconds: float
    queries: int
    queries_per_second: float
    latency: Latency
    recall_mean: float
    writers: int = 0
    added_per_second: float = 0.0


@dataclass
class _Client:
    """One connection with its search, what it has asked, and since when."""

    search: Search
    questions: Iterator[int]
    asked: int = 0
    since: float = 0.0
    speaking: bool = False
    results: list[pq.abc.PGresult] = field(default_factory=list)

    @property
    def pgconn(self) -> pq.abc.PGconn:
        return self.search.connection.pgconn


@contextmanager
def crowd(
    connection: Connection,
    target: Target,
    strategy: Strategy,
    k: int,
    *,
    snapshot: str,
    count: int,
    identity: Identity | None = None,
) -> Iterator[list[Search]]:
    """So many further connections that see the same snapshot, each with the search prepared."""
    with ExitStack() as stack:
        searches = []
        for _ in range(count):
            other = stack.enter_context(database.again(connection, purpose="benchmark"))
            stack.enter_context(other.transaction())
            preparation.begin(other)
            other.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
            database.keep_to_own_names(other)
            strategies.apply(other, strategy, identity)
            searches.append(Search(other, strategy.statement(target), k, identity=identity))
        yield searches


def measure(searches: Sequence[Search], questions: Sequence[Query], truth: Sequence[Answer], seconds: float) -> Load:
    """Searches for so many seconds over all connections, after a few searches of each to warm up."""
    # Each goes round all questions, from a place of its own.
    round = range(len(questions))
    clients = [_Client(search, islice(cycle(round), place, None)) for place, search in enumerate(searches)]
    with searching.no_garbage_collection():
        _drive(clients, questions, limit=_WARM_UP)
        started = time.perf_counter()
        done = _drive(clients, questions, until=started + seconds)
        elapsed = time.perf_counter() - started
    latency = measurement.latency_of(milliseconds for _, milliseconds, _ in done)
    shares = [searching.recall(searching.distances(result), truth[place].distances) for place, _, result in done]
    recall = sum(shares) / len(shares)
    return Load(len(searches), elapsed, len(done), len(done) / elapsed, latency, recall)


def _drive(
    clients: Sequence[_Client],
    questions: Sequence[Query],
    *,
    limit: int | None = None,
    until: float = float("inf"),
) -> list[tuple[int, float, pq.abc.PGresult]]:
    """Which question was answered in how many milliseconds and how: `limit` by each client, or until a time."""
    done: list[tuple[int, float, pq.abc.PGresult]] = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.pgconn.socket, selectors.EVENT_READ, client)
            _ask(client, questions)
        waiting, answered = len(clients), dict.fromkeys(map(id, clients), 0)
        while waiting:
            for key, _ in selector.select():
                client = key.data
                if (result := _received(client)) is None:
                    continue
                if client.speaking:
                    _search(client, questions)
                    continue
                done.append((client.asked, (time.perf_counter() - client.since) * 1000, result))
                answered[id(client)] += 1
                if time.perf_counter() < until and answered[id(client)] != limit:
                    _ask(client, questions)
                else:
                    waiting -= 1
    return done


def _ask(client: _Client, questions: Sequence[Query]) -> None:
    """Takes the next question; under an identity, its user has to be named first."""
    client.asked = next(client.questions)
    identity = client.search.identity
    if identity is None:
        _search(client, questions)
        return
    client.speaking = True
    values = [identity.setting.encode(), identity.value(questions[client.asked]).encode()]
    client.pgconn.send_query_params(b"select set_config($1, $2, true)", values)
    client.pgconn.flush()


def _search(client: _Client, questions: Sequence[Query]) -> None:
    client.speaking = False
    client.since = time.perf_counter()
    client.search.send(questions[client.asked])
    while client.pgconn.flush():
        pass  # a question fits into the socket's buffer


def _received(client: _Client) -> pq.abc.PGresult | None:
    """The whole answer, or None where more is to come. Raises what the server raised."""
    client.pgconn.consume_input()
    while not client.pgconn.is_busy():
        result = client.pgconn.get_result()
        if result is None:
            answer, client.results = client.results[-1], []
            return answer
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
        client.results.append(result)
    return None


@contextmanager
def adding(
    connection: Connection, target: Target, questions: Sequence[Query], writers: int
) -> Iterator[Callable[[], float]]:
    """Adds memories over so many connections while the block lasts; yields what tells how many it were per second.

    Each is a transaction that is rolled back, so that nothing is left even when the program is killed. Indexes were
    written to nevertheless; the dead entries go with the next vacuum.
    """
    texts = [(question.user_id, question.embedding_text) for question in questions[:_DIFFERENT]]
    stop, added = threading.Event(), [0] * writers
    block = "add" if target.beside is None else "add_beside"
    started = time.perf_counter()

    def write(number: int, other: Connection) -> None:
        while not stop.is_set():
            (user, first), (_, second) = (texts[(added[number] * step + number) % len(texts)] for step in (1, 7))
            with other.transaction(force_rollback=True):
                database.keep_to_own_names(other)
                other.execute(target.query("benchmark", block), [user, first, second])
            added[number] += 1

    with ExitStack() as stack:
        guard = stack.enter_context(database.again(connection, purpose="benchmark"))
        stack.enter_context(guard.transaction())
        preparation.begin_writing(guard)
        others = [stack.enter_context(database.again(connection, purpose="benchmark")) for _ in range(writers)]
        pool = stack.enter_context(ThreadPoolExecutor(writers))
        running = [pool.submit(write, *pair) for pair in enumerate(others)]
        try:
            yield lambda: sum(added) / (time.perf_counter() - started)
        finally:
            stop.set()
        for one in running:
            one.result()
