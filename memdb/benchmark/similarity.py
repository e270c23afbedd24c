"""Whether similarity search is fast and right: latency, recall against an exact scan, and the plans in use.

Everything happens in one read-only transaction on one snapshot: the sample, the true neighbours, a warm-up that runs
each search once, the timed runs and the reading of the plans. Figures are thus for warm caches and one connection.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from memdb.benchmark import preparation
from memdb.benchmark.measurement import Measurement, measure
from memdb.benchmark.preparation import Sample, Wanted
from memdb.database import Connection


@dataclass(frozen=True, slots=True)
class Targets:
    """What must be reached: p95 at most so many milliseconds, and mean recall (0 to 1) at least this."""

    p95_ms: float = 100.0
    recall: float | None = None


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
    wanted: Wanted,
    *,
    targets: Targets = Targets(),
    on_phase: Callable[[str], None] = lambda _: None,
) -> Benchmark:
    """Measures the story's query: a user's k memories nearest to one of them. `on_phase` hears what comes next.

    Raises DataError where nothing can be searched, DatabaseError where the tables are not there.
    """
    with connection.transaction():
        prepared = preparation.prepare(connection, wanted, on_phase)
        on_phase("Searching, once to warm up and once to take the time …")
        story = prepared.target.query("benchmark", "similar")
        measurement = measure(connection, story, prepared.questions, prepared.truth, wanted.k)
        settings = preparation.settings_of(connection)
    missed = tuple(failures(measurement, targets))
    notes = (*notes_on_result(measurement, targets), *prepared.notes)
    taken = preparation.sample_of(prepared.questions, wanted.random_seed)
    return Benchmark(not missed, missed, notes, wanted.k, targets, taken, measurement, prepared.versions, settings)


def failures(measurement: Measurement, targets: Targets) -> Iterator[str]:
    """The targets that are missed, each as a sentence."""
    p95_ms, mean = measurement.latency.p95.ms, measurement.recall.mean
    if not p95_ms <= targets.p95_ms:
        yield f"p95 {p95_ms:,.2f} ms misses the target of {targets.p95_ms:g} ms"
    if targets.recall is not None and not mean >= targets.recall:
        yield f"mean recall {mean:.3f} misses the target of {targets.recall:g}"


def notes_on_result(measurement: Measurement, targets: Targets) -> Iterator[str]:
    """What else somebody who reads the figures should know: rows that were lost, and a verdict that is not firm."""
    short, p95 = measurement.recall.short_results, measurement.latency.p95
    if short:
        yield (
            f"Rows were lost: {short:,} searches returned fewer memories than the user has. An approximate index "
            "filters after its scan; search with: set local hnsw.iterative_scan = strict_order"
        )
    if (p95.low_ms is None or p95.low_ms <= targets.p95_ms) and (p95.high_ms is None or targets.p95_ms < p95.high_ms):
        yield (
            f"The target of {targets.p95_ms:g} ms lies within the interval of p95, so these searches do not decide "
            "whether it is met: take more with --queries"
        )
