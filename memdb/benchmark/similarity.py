"""Whether similarity search is fast and right: latency, recall against an exact scan, and the plans in use.

Everything happens in one read-only transaction on one snapshot: the sample, the true neighbours, a warm-up that runs
each search once, the timed runs and the reading of the plans. Figures are thus for warm caches and one connection.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

import psycopg

from memdb import __version__
from memdb.benchmark import explain, quantiles, sampling, searching
from memdb.benchmark.explain import Plans
from memdb.benchmark.sampling import Population, Query
from memdb.benchmark.searching import Answer, Search
from memdb.database import Connection, query
from memdb.errors import DatabaseError, DataError

SETTINGS = (
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "hnsw.max_scan_tuples",
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "random_page_cost",
    "max_parallel_workers_per_gather",
    "jit",
    "plan_cache_mode",
)


@dataclass(frozen=True, slots=True)
class Targets:
    """What must be reached: p95 at most so many milliseconds, and mean recall (0 to 1) at least this."""

    p95_ms: float = 100.0
    recall: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Which searches were made. `users` and the memories they hold are those of the users sampled."""

    queries: int
    users: int
    smallest_user_memories: int
    largest_user_memories: int
    random_seed: int


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


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The whole result; `failures` are missed targets, and `ok` says that there are none."""

    ok: bool
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    k: int
    targets: Targets
    sample: Sample
    measurement: Measurement
    versions: dict[str, str]
    settings: dict[str, str | None]


def run(
    connection: Connection,
    *,
    k: int = 5,
    queries: int = 200,
    targets: Targets = Targets(),
    user: UUID | None = None,
    random_seed: int = 1,
    on_phase: Callable[[str], None] = lambda _: None,
) -> Benchmark:
    """Measures the story's query: a user's k memories nearest to one of them. `on_phase` hears what comes next.

    Raises DataError where nothing can be searched, DatabaseError where the tables are not there.
    """
    statement = query("benchmark", "similar")
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        versions = _versions(connection)
        population = sampling.population(connection, user)
        sampling.require(connection, population, k=k, user=user)
        questions = sampling.sample(connection, population, queries=queries, random_seed=random_seed, user=user)
        on_phase(f"Finding the true neighbours for {len(questions):,} searches …")
        truth = searching.run_all(Search(connection, query("benchmark", "truth"), k), questions)
        asked, truth = _answerable(questions, truth)
        on_phase("Searching, once to warm up and once to take the time …")
        measurement = measure(connection, statement, asked, truth, k)
        settings = _settings(connection)
    taken = _sample(asked, random_seed)
    missed = tuple(failures(measurement, targets))
    notes = (
        *notes_on_result(measurement, targets),
        *_notes_on_sample(population, queries, len(questions), len(asked)),
    )
    return Benchmark(not missed, missed, notes, k, targets, taken, measurement, versions, settings)


def measure(
    connection: Connection, statement: LiteralString, questions: Sequence[Query], truth: Sequence[Answer], k: int
) -> Measurement:
    """What a statement achieves on these questions, each run once to warm up and once for the time."""
    search = Search(connection, statement, k)
    searching.run_all(search, questions)
    answers = searching.run_all(search, questions)
    plans = explain.read(connection, statement, questions, k, warmed_up=True)
    seconds = sum(answer.duration_ms for answer in answers) / 1000
    return Measurement(latency(answers), len(answers) / seconds, recall(answers, truth), plans)


def latency(answers: Sequence[Answer]) -> Latency:
    """Quantiles of the time that the answers took."""
    ordered = sorted(answer.duration_ms for answer in answers)
    p50, p95, p99 = (quantiles.quantile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Latency(p50, p95, p99, ordered[-1], *quantiles.interval(ordered, 0.95))


def recall(answers: Sequence[Answer], truth: Sequence[Answer]) -> Recall:
    """How many of the true neighbours the answers hold, and how many answers came up short."""
    pairs = [(answer.distances, true.distances) for answer, true in zip(answers, truth, strict=True)]
    shares = [searching.recall(found, true) for found, true in pairs]
    short = sum(len(found) < len(true) for found, true in pairs)
    return Recall(sum(shares) / len(shares), min(shares), short)


def _answerable(questions: Sequence[Query], truth: Sequence[Answer]) -> tuple[list[Query], list[Answer]]:
    """Without the questions that have no answer, since the embeddings have no direction: all zeros."""
    kept = [(question, true) for question, true in zip(questions, truth, strict=True) if true.distances]
    if not kept:
        raise DataError(
            "no memory has a neighbour: the embeddings are all zeros", hint="Compute them again, or try: memdb seed"
        )
    return [question for question, _ in kept], [true for _, true in kept]


def _versions(connection: Connection) -> dict[str, str]:
    extension = connection.execute(query("benchmark", "find_vector")).fetchone()
    row = connection.execute("select to_regclass('memories') is not null, current_setting('server_version')").fetchone()
    if extension is None or row is None or not row[0]:
        raise DatabaseError('this database has no table "memories"', hint="Create it with: memdb migrate")
    return {"postgresql": row[1], "pgvector": extension[0], "memdb": __version__, "psycopg": psycopg.__version__}


def _settings(connection: Connection) -> dict[str, str | None]:
    """Settings that decide over plans and times. Those of pgvector exist once a search has loaded its library."""
    return dict(connection.execute(query("benchmark", "settings"), [list(SETTINGS)]).fetchall())


def _sample(questions: Sequence[Query], random_seed: int) -> Sample:
    held = {question.user_id: question.user_memories for question in questions}
    return Sample(len(questions), len(held), min(held.values()), max(held.values()), random_seed)


def failures(measurement: Measurement, targets: Targets) -> Iterator[str]:
    """The targets that are missed, each as a sentence."""
    p95_ms, mean = measurement.latency.p95_ms, measurement.recall.mean
    if not p95_ms <= targets.p95_ms:
        yield f"p95 {p95_ms:,.2f} ms misses the target of {targets.p95_ms:g} ms"
    if targets.recall is not None and not mean >= targets.recall:
        yield f"mean recall {mean:.3f} misses the target of {targets.recall:g}"


def notes_on_result(measurement: Measurement, targets: Targets) -> Iterator[str]:
    """What else somebody who reads the figures should know: rows that were lost, and a verdict that is not firm."""
    short, low, high = measurement.recall.short_results, measurement.latency.p95_low_ms, measurement.latency.p95_high_ms
    if short:
        yield (
            f"Rows were lost: {short:,} searches returned fewer memories than the user has. An approximate index "
            "filters after its scan; search with: set local hnsw.iterative_scan = strict_order"
        )
    if (low is None or low <= targets.p95_ms) and (high is None or targets.p95_ms < high):
        yield (
            f"The target of {targets.p95_ms:g} ms lies within the interval of p95, so these searches do not decide "
            "whether it is met: take more with --queries"
        )


def _notes_on_sample(population: Population, wanted: int, drawn: int, asked: int) -> Iterator[str]:
    if population.lone_users:
        yield f"Left out, as there is nothing else to find: users with a single memory ({population.lone_users:,})."
    if drawn < wanted:
        yield f"There are only {drawn:,} memories to start a search from, so no more searches were made."
    if asked < drawn:
        yield f"Left out, as nothing is near them: memories whose embedding is all zeros ({drawn - asked:,})."
