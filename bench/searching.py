"""Searches that take turns on the same questions, and what each takes and finds."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import LiteralString, Protocol, TypeAlias
from uuid import UUID

import numpy as np
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector

from bench.search_rows import Vectors, user
from memdb.database import Connection

DEPTHS = {"alike": 10, "elsewhere": 5}  # k for each kind of question
_TURNS = 3  # of users of few memories
_WARM_UP = 6  # from the sixth run on, a prepared statement may keep its plan
PLAIN: LiteralString = """
select id, content, memory_type, metadata, embedding <=> %(embedding)s as distance
from memories
where user_id = %(user)s
order by distance
limit %(k)s
"""


class AnySearch(Protocol):
    """What can be measured: a statement, or another system."""

    def run(self, embedding: Vector, owner: UUID, k: int) -> tuple[float, list[float]]:
        """Milliseconds, and the distances that were found."""


@dataclass(frozen=True, slots=True)
class Search:
    """A prepared search with a column `distance`; `embedding`, `user` and `k` are its parameters."""

    connection: Connection
    statement: LiteralString

    def run(self, embedding: Vector | HalfVector, owner: UUID, k: int) -> tuple[float, list[float]]:
        """Milliseconds, and the distances that were found."""
        parameters = {"embedding": embedding, "user": owner, "k": k}
        started = time.perf_counter()
        cursor = self.connection.execute(self.statement, parameters, prepare=True, binary=True)
        rows = cursor.fetchall()
        elapsed = (time.perf_counter() - started) * 1000
        assert cursor.description is not None
        place = [column.name for column in cursor.description].index("distance")
        return elapsed, [row[place] for row in rows]


@dataclass(slots=True)
class Figures:
    """What a search took and found; recall is the mean share of the true nearest."""

    times_ms: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def p95_ms(self) -> float:
        return float(np.percentile(self.times_ms, 95))

    @property
    def recall(self) -> float:
        return statistics.mean(self.recalls)


Measured: TypeAlias = dict[tuple[int, str, str], Figures]
"""By the size of the user, the kind of question, and the name of the search."""


def prepare(connection: Connection, settings: LiteralString = "select 1") -> Connection:
    """A connection on which searches are prepared at once."""
    register_vector(connection)
    connection.execute(settings)
    connection.prepare_threshold = 0
    return connection


def measure(
    searches: Mapping[str, AnySearch],
    questions: Mapping[str, Vectors],
    users: Mapping[int, int],
    *,
    exact: Mapping[str, str],
) -> Measured:
    """All searches for users by number, with what they hold. `exact` names for each the one that finds the truth.

    Users of few memories ask more often: their searches are over soon, and a busy machine shows most in these.
    """
    measured: Measured = {}
    for number, size in users.items():
        for kind, vectors in questions.items():
            asked = np.concatenate([vectors[:_WARM_UP], *[vectors] * (_TURNS if size <= 1_000 else 1)])
            for turn, question in enumerate(asked):
                found = {
                    name: search.run(Vector(question), user(number), DEPTHS[kind]) for name, search in searches.items()
                }
                for name, (elapsed, distances) in found.items() if turn >= _WARM_UP else ():
                    figures = measured.setdefault((size, kind, name), Figures())
                    figures.times_ms.append(elapsed)
                    true = found[exact[name]][1]
                    figures.recalls.append(sum(distance <= true[-1] + 1e-6 for distance in distances) / len(true))
    return measured


def show(measured: Measured, title: str) -> None:
    """All figures as a table."""
    print(f"{title:<12} {'questions':<10} {'search':<20} {'p50 ms':>8} {'p95 ms':>8} {'recall':>7}")
    for (size, kind, name), figures in measured.items():
        line = f"{size:<12,} {kind:<10} {name:<20} {figures.p50_ms:8.2f} {figures.p95_ms:8.2f} {figures.recall:7.4f}"
        print(line, flush=True)
