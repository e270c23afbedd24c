"""What a way of searching achieves: latency with its intervals, and recall against the truth."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memdb.benchmark import quantiles, searching
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Answer, Search
from memdb.database import Connection
from memdb.target import Target


@dataclass(frozen=True, slots=True)
class Quantile:
    """A time in milliseconds that so large a share of the searches did not exceed.

    `low_ms` and `high_ms` enclose the true one with 95 % confidence, whatever the distribution; each is None where the
    searches are too few to bound it.
    """

    ms: float
    low_ms: float | None
    high_ms: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Time of a search as the client sees it: the median, what 95 % and 99 % do not exceed, and the longest."""

    p50: Quantile
    p95: Quantile
    p99: Quantile
    max_ms: float

    @property
    def quantiles(self) -> dict[str, Quantile]:
        """By name, as in SHARES."""
        return {"p50": self.p50, "p95": self.p95, "p99": self.p99}


SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the true nearest memories that was found, 0 to 1.

    `short_results` counts searches that returned fewer than k memories although the user has more.
    """

    mean: float
    minimum: float
    short_results: int


def measure_round_trip(connection: Connection, target: Target, questions: Sequence[Query], k: int) -> float:
    """The median time, in milliseconds, of a statement that takes a search's parameters and searches for nothing."""
    search = Search(connection, target.query("benchmark", "nothing"), k)
    searching.run_all(search, questions)
    return statistics.median(answer.duration_ms for answer in searching.run_all(search, questions))


def latency(answers: Iterable[Answer]) -> Latency:
    """Quantiles of the time that the answers took."""
    return latency_of(answer.duration_ms for answer in answers)


def latency_of(durations_ms: Iterable[float]) -> Latency:
    """Quantiles of times, in milliseconds."""
    ordered = sorted(durations_ms)
    p50, p95, p99 = (
        Quantile(quantiles.quantile(ordered, share), *quantiles.interval(ordered, share)) for share in SHARES.values()
    )
    return Latency(p50, p95, p99, ordered[-1])


def per_second(answers: Sequence[Answer]) -> float:
    """How many such searches one connection gets through in a second, one after another."""
    return 1000 * len(answers) / sum(answer.duration_ms for answer in answers)


def recall(answers: Sequence[Answer], truth: Sequence[Answer]) -> Recall:
    """How many of the true neighbours the answers hold, and how many answers came up short."""
    pairs = [(answer.distances, true.distances) for answer, true in zip(answers, truth, strict=True)]
    shares = [searching.recall(found, true) for found, true in pairs]
    short = sum(len(found) < len(true) for found, true in pairs)
    return Recall(sum(shares) / len(shares), min(shares), short)
