"""What is measured of each strategy in a study."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from memdb.benchmark import measurement, quantiles
from memdb.benchmark.explain import Plans
from memdb.benchmark.load import Load
from memdb.benchmark.measurement import Latency, Quantile, Recall
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Answer

_SHARES = (0.0, *(place / 20 for place in range(1, 20)), 0.96, 0.97, 0.98, 0.99, 0.995, 1.0)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Quantiles of the time of a search: `share` of them, 0 to 1, took no longer than `ms`."""

    shares: tuple[float, ...]
    ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ServerTime:
    """What is left of the time of a search without `round_trip_ms`.

    That is the median of a statement with the same parameters that searches for nothing: sending them, the network,
    taking them in, and the driver.
    """

    round_trip_ms: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class ForSize:
    """Searches of users with `from_memories` or more memories, but not ten times that."""

    from_memories: int
    median_memories: float
    users: int
    queries: int
    latency: Latency
    recall: Recall


@dataclass(frozen=True, slots=True)
class Measured:
    """One strategy. `strategy` is its label, `name` the strategy without what a sweep varies.

    `role` is None where the searches ran as the role that connected. `latency` is that of the second run with warm
    caches, `first_run` that of the first with caches as they were found, and `cold` that right after a restart.
    `pace` is the median time of a fixed piece of work during the second run: the longer, the busier the machine was.
    """

    strategy: str
    name: str
    ef_search: int | None
    candidates: int | None
    role: str | None
    latency: Latency
    queries_per_second: float
    recall: Recall
    server: ServerTime
    first_run: Latency
    cold: Latency | None
    pace: Quantile
    distribution: Distribution
    sizes: tuple[ForSize, ...]
    loads: tuple[Load, ...]
    while_adding: Load | None
    plans: Plans


def distribution(answers: Sequence[Answer]) -> Distribution:
    """Enough quantiles to draw the distribution by."""
    ordered = sorted(answer.duration_ms for answer in answers)
    return Distribution(_SHARES, tuple(quantiles.quantile(ordered, share) for share in _SHARES))


def server_time(latency: Latency, round_trip_ms: float) -> ServerTime:
    """The server's part of the time."""
    return ServerTime(round_trip_ms, *(max(whole - round_trip_ms, 0.0) for whole in (latency.p50.ms, latency.p95.ms)))


def by_size(questions: Sequence[Query], answers: Sequence[Answer], truth: Sequence[Answer]) -> Iterator[ForSize]:
    """Latency and recall for the users of each order of magnitude."""
    classes: dict[int, list[int]] = {}
    for place, question in enumerate(questions):
        classes.setdefault(len(str(question.user_memories)) - 1, []).append(place)
    for magnitude, places in sorted(classes.items()):
        these = [answers[place] for place in places]
        yield ForSize(
            10**magnitude,
            median(questions[place].user_memories for place in places),
            len({questions[place].user_id for place in places}),
            len(places),
            measurement.latency(these),
            measurement.recall(these, [truth[place] for place in places]),
        )
