"""What one way of searching achieves: latency with its interval, recall against the truth, and plans."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from memdb.benchmark import explain, quantiles, searching
from memdb.benchmark.explain import Plans
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Answer, Search
from memdb.database import Connection, query


@dataclass(frozen=True, slots=True)
class Latency:
    """Time of a search as the client sees it, in milliseconds.

    `p95_low_ms` and `p95_high_ms` enclose the true p95 with 95 % confidence; None where the queries are too few.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    p95_low_ms: float | None
    p95_high_ms: float | None


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the true nearest memories that was found, 0 to 1.

    `short_results` counts searches that returned fewer than k memories although the user has more.
    """

    mean: float
    minimum: float
    short_results: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one way of searching achieves. `queries_per_second` is of one connection, one search after another."""

    latency: Latency
    queries_per_second: float
    recall: Recall
    plans: Plans


def measure(
    connection: Connection, statement: LiteralString, questions: Sequence[Query], truth: Sequence[Answer], k: int
) -> Measurement:
    """What a statement achieves on these questions, each run once to warm up and once for the time."""
    search = Search(connection, statement, k)
    searching.run_all(search, questions)
    answers = searching.run_all(search, questions)
    plans = explain.read(connection, statement, questions, k, warmed_up=True)
    return Measurement(latency(answers), per_second(answers), recall(answers, truth), plans)


def measure_round_trip(connection: Connection, questions: Sequence[Query], k: int) -> float:
    """The median time, in milliseconds, of a statement that takes a search's parameters and searches for nothing."""
    search = Search(connection, query("benchmark", "nothing"), k)
    searching.run_all(search, questions)
    return statistics.median(answer.duration_ms for answer in searching.run_all(search, questions))


def latency(answers: Sequence[Answer]) -> Latency:
    """Quantiles of the time that the answers took."""
    ordered = sorted(answer.duration_ms for answer in answers)
    p50, p95, p99 = (quantiles.quantile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Latency(p50, p95, p99, ordered[-1], *quantiles.interval(ordered, 0.95))


def per_second(answers: Sequence[Answer]) -> float:
    """How many such searches one connection gets through in a second, one after another."""
    return 1000 * len(answers) / sum(answer.duration_ms for answer in answers)


def recall(answers: Sequence[Answer], truth: Sequence[Answer]) -> Recall:
    """How many of the true neighbours the answers hold, and how many answers came up short."""
    pairs = [(answer.distances, true.distances) for answer, true in zip(answers, truth, strict=True)]
    shares = [searching.recall(found, true) for found, true in pairs]
    short = sum(len(found) < len(true) for found, true in pairs)
    return Recall(sum(shares) / len(shares), min(shares), short)
