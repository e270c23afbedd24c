"""Whether searches are as right and as fast after something as before it: the same questions, asked twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from memdb.benchmark import measurement, preparation, searching, strategies, truth
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Search
from memdb.benchmark.strategies import FUNCTION, PLAIN
from memdb.database import Connection

_ROUNDS = 3  # besides the first, which is not timed


@dataclass(frozen=True, slots=True)
class Searches:
    """So many searches for the k nearest: the mean recall against an exact scan, and what 95 % of them took at most."""

    queries: int
    recall: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Proof:
    """Searches by `strategy` before and after; `after` is None where no user is left who was searched for."""

    strategy: str
    k: int
    before: Searches
    after: Searches | None


def ask(connection: Connection, wanted: Wanted) -> list[Query]:
    """The questions. Raises DataError where nothing can be searched."""
    with connection.transaction():
        where, population = preparation.population_of(connection, wanted)
        drawn, _ = preparation.questions_for(connection, where, wanted, population)
    return drawn


def measure(connection: Connection, questions: Sequence[Query], k: int) -> tuple[str, Searches | None]:
    """What those find that can still be answered: by search_memories where it is there, else by the plain query."""
    with connection.transaction():
        preparation.begin(connection)
        where = preparation.enter(connection)
        true = truth.find(connection, where, questions, k).answers
        asked = [pair for pair in zip(questions, true, strict=True) if pair[1].distances]
        chosen, _ = strategies.choose(connection, where, [PLAIN, FUNCTION])
        strategy = chosen[-1]
        if not asked:
            return strategy.label, None
        with strategies.applied(connection, strategy):
            search = Search(connection, strategy.statement(where), k)
            answers = [searching.run_all(search, [question for question, _ in asked]) for _ in range(1 + _ROUNDS)]
    found = measurement.recall(answers[-1], [each for _, each in asked])
    timed = measurement.latency(answer for once in answers[1:] for answer in once)
    return strategy.label, Searches(len(asked), found.mean, timed.p95.ms)
