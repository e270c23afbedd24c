"""Runs searches and takes their time: any statement with the parameters user, embedding, own id and k, whose
last column is the distance.

What is timed is one round trip: from sending the parameters, already in their binary form, until the last row is
there, not yet turned into Python values. That is what pgbench takes, too. It is the server's time, the network's and
the driver's; an application adds making the parameters and reading the rows.

The statement is prepared without a name. Like a named one it is parsed once, and the server chooses between custom
and generic plans as ever; but it is gone with the next statement, so that nothing stays behind in a connection that a
pooler passes on, and no name can clash. Within a transaction a pooler keeps to one server connection. Only where
another statement comes in between, such as the one that says for which user a role speaks, it has a name, and is
removed by it.
"""

import gc
import math
import struct
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import generators, pq, sql

from memdb.benchmark.identity import Identity
from memdb.benchmark.sampling import Query
from memdb.database import Connection

_BINARY = pq.Format.BINARY
_FORMATS = [_BINARY] * 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search returned, as cosine distances in its order, and how long it took."""

    distances: tuple[float, ...]
    duration_ms: float


class Search:
    """A prepared search. Any other statement on the connection ends it, unless it is named, or has an identity."""

    def __init__(
        self,
        connection: Connection,
        statement: str,
        k: int,
        *,
        identity: Identity | None = None,
        named: bool = False,
    ) -> None:
        self._connection, self._identity = connection, identity
        self._name = f"memdb_{uuid.uuid4().hex}".encode() if named or identity else b""
        self._k = struct.pack("!q", k)
        connection.pgconn.send_prepare(self._name, statement.encode())
        self._wait()
        connection.pgconn.send_describe_prepared(self._name)
        user_type = self._wait().param_type(0)
        self._user = connection.adapters.get_dumper_by_oid(user_type, _BINARY)(object, connection)

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def identity(self) -> Identity | None:
        return self._identity

    def run(self, query: Query) -> Answer:
        """Searches once."""
        if self._identity is not None:
            self._identity.speak_for(self._connection, query)
        started = time.perf_counter_ns()
        self.send(query)
        result = self._wait()
        duration_ms = (time.perf_counter_ns() - started) / 1e6
        return Answer(distances(result), duration_ms)

    def send(self, query: Query) -> None:
        """Asks without waiting for the answer."""
        user = bytes(self._user.dump(query.user_id) or b"")
        parameters = [user, query.embedding, query.memory_id.bytes, self._k]
        self._connection.pgconn.send_query_prepared(self._name, parameters, _FORMATS, _BINARY)

    def close(self) -> None:
        """Removes what has a name on the server."""
        if self._name:
            self._connection.execute(sql.SQL("deallocate {}").format(sql.Identifier(self._name.decode())))

    def _wait(self) -> pq.abc.PGresult:
        results: list[pq.abc.PGresult] = self._connection.wait(generators.execute(self._connection.pgconn))
        if results[-1].status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(results[-1], encoding="utf-8")
        return results[-1]


def distances(result: pq.abc.PGresult) -> tuple[float, ...]:
    """The last column. NULL and NaN are left out: a row without an embedding, or with one that has no direction."""
    values = (result.get_value(row, result.nfields - 1) for row in range(result.ntuples))
    numbers = (struct.unpack("!d", value)[0] for value in values if value is not None)
    return tuple(number for number in numbers if not math.isnan(number))


def run_all(search: Search, queries: Iterable[Query]) -> list[Answer]:
    """Searches once for each query, one after another, undisturbed by Python's garbage collector."""
    with no_garbage_collection():
        return [search.run(query) for query in queries]


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def recall(found: Sequence[float], true: Sequence[float], tolerance: float = 1e-9) -> float:
    """The share of the true neighbours that was found, 0 to 1.

    A row counts when it is no farther than the last true neighbour, since among rows at the same distance the
    choice is arbitrary; the tolerance is for rounding. Raises ZeroDivisionError where there is nothing to find.
    """
    right = sum(distance <= true[-1] + tolerance for distance in found) if true else 0
    return min(right / len(true), 1.0)
