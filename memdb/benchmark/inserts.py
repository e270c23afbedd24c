"""What a write costs: memories inserted one after another, timed, and rolled back.

A copy of a memory would cost less than a new one, as an HNSW index keeps equal embeddings in one place. So each row is
a copy but for its embedding, which lies between those of two memories, as that of a new one does. All are one
transaction: what is timed is the work of the table and its indexes, not the wait for the disk when it commits, which is
the same whatever the schema.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg

from memdb.benchmark import pace, preparation, quantiles
from memdb.benchmark.measurement import Quantile
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Search
from memdb.database import Connection
from memdb.errors import DataError
from memdb.target import Target

_ROUNDS = 10
_DIFFERENT = 1000
_WARM_UP = 10  # after five the server has made up its mind about the plan


@dataclass(frozen=True, slots=True)
class Inserts:
    """How many memories were inserted per second: the median of ten parts, of `inserted` rows in all.

    `low` and `high` enclose the true one with 95 % confidence. `pace` is the time of a fixed piece of work meanwhile.
    """

    inserted: int
    per_second: float
    low: float | None
    high: float | None
    pace: Quantile

    @property
    def each(self) -> Quantile:
        """The time of one, in milliseconds."""
        slow, fast = (None if rate is None else 1000 / rate for rate in (self.low, self.high))
        return Quantile(1000 / self.per_second, fast, slow)


def run(connection: Connection, count: int, *, random_seed: int) -> Inserts:
    """Inserts so many, of which nothing stays but dead entries, which go with the next vacuum.

    Raises DataError where that is not allowed, or the table takes no copy of a memory.
    """
    with connection.transaction(force_rollback=True):
        where = preparation.begin_writing(connection)
        memories = _memories(connection, where, count + _WARM_UP, random_seed)
        try:
            durations, meanwhile = _insert(connection, where, memories)
        except psycopg.OperationalError:
            raise
        except psycopg.DatabaseError as error:
            raise DataError(
                f"no copy of a memory can be inserted: {error.diag.message_primary}", hint="Leave out --inserts."
            ) from None
    rounds = [durations[start::_ROUNDS] for start in range(min(_ROUNDS, count))]
    rates = sorted(1000 * len(part) / sum(part) for part in rounds)
    low, high = quantiles.interval(rates, 0.5)
    return Inserts(count, quantiles.quantile(rates, 0.5), low, high, meanwhile)


def _memories(connection: Connection, where: Target, count: int, random_seed: int) -> list[Query]:
    """What is copied, each with the embedding of another memory."""
    parameters = {"random_seed": random_seed, "rows": min(count, _DIFFERENT)}
    cursor = connection.cursor(binary=True)
    rows = cursor.execute(where.query("benchmark", "to_copy"), parameters)
    found = [Query(user, memory, embedding, 0) for user, memory, embedding in rows]
    pairs = (
        (found[place % len(found)], found[(place + place // len(found) + 1) % len(found)]) for place in range(count)
    )
    return [replace(first, embedding=second.embedding) for first, second in pairs]


def _insert(connection: Connection, where: Target, memories: Sequence[Query]) -> tuple[list[float], Quantile]:
    columns = connection.value(where.query("benchmark", "copied_columns"), {"memories": where.memories})
    block = "insert_copy" if where.beside is None else "insert_copy_beside"
    statement = where.query("benchmark", block).replace("{columns}", columns)
    insert = Search(connection, statement, 1, named=True)
    work = pace.prepare(connection, where, 1)
    pace.run_all(insert, memories[:_WARM_UP], work)
    answers, meanwhile = pace.run_all(insert, memories[_WARM_UP:], work)
    insert.close()
    work.close()
    return [answer.duration_ms for answer in answers], meanwhile
