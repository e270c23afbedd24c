"""What to do about the figures: who waits too long, what would help, and settings that this data asks for."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from memdb.benchmark import recommending
from memdb.benchmark.facts import Facts
from memdb.benchmark.figures import ForSize, Measured
from memdb.benchmark.recommending import GOOD_RECALL, Recommendation
from memdb.benchmark.strategies import FUNCTION, HNSW, PLAIN, RELAXED, STRICT
from memdb.benchmark.trials import Trial
from memdb.errors import UsageError

BEARABLE_RECALL = 0.95
_FRESH = 0.8  # of a table's pages; what is written between two vacuums is less


@dataclass(frozen=True, slots=True)
class Targets:
    """What must be reached: p95 at most so many milliseconds, and mean recall (0 to 1) at least this.

    No search may come up short, whatever the recall; where none is given, the mean of all must be 0.95.
    """

    p95_ms: float = 100.0
    recall: float | None = None

    def __post_init__(self) -> None:
        if not self.p95_ms >= 0:
            raise UsageError(f"p95_ms is {self.p95_ms}", hint="Give 0 or more.")
        if self.recall is not None and not 0 <= self.recall <= 1:
            raise UsageError(f"recall is {self.recall}", hint="Give 0 to 1.")

    @property
    def least_recall(self) -> float:
        """The recall that is asked for; where none is, what is good enough."""
        return GOOD_RECALL if self.recall is None else self.recall


@dataclass(frozen=True, slots=True)
class Verdict:
    """`judged` is the strategy that applications use, so that must meet the targets: search_memories where it is
    measured, else the first. `first` is what to do before all else, as the figures are not what they could be;
    `failures` are the targets it misses, `advice` what would help."""

    judged: str
    failures: tuple[str, ...]
    advice: tuple[str, ...]
    recommendations: tuple[Recommendation, ...]
    first: str | None = None


def judge(
    measured: Sequence[Measured],
    facts: Facts,
    trials: Sequence[Trial],
    settings: Mapping[str, str | None],
    targets: Targets,
) -> Verdict:
    """The verdict on what was measured. Everything in it is a sentence with its figures."""
    own = [one for one in measured if one.role is None]
    judged = next((one for one in own if one.name == FUNCTION and one.candidates is None), own[0])
    least = targets.least_recall
    recommended = tuple(recommending.recommend(own, facts, trials, settings, least))
    advice = (
        *_on_doubt(judged, targets),
        *_advice(judged, own, facts, targets, least),
        *_on_sweep(own, least),
        *_on_roles(measured, targets),
        *_on_migrations(recommended),
    )
    return Verdict(
        judged.strategy, tuple(_failures(judged, own, facts, targets)), advice, recommended, _first(judged, facts)
    )


def _first(judged: Measured, facts: Facts) -> str | None:
    """search_memories reads an index alone, but for rows of which no vacuum has seen that everybody may see them."""
    if judged.name != FUNCTION or facts.visible_share >= _FRESH:
        return None
    return (
        "Vacuum first, then measure again: vacuum (analyze) memories. A vacuum has seen "
        f"{facts.visible_share:.0%} of the table's pages; for the others search_memories reads the table as well, "
        "which takes several times as long."
    )


def users_of(size: ForSize) -> str:
    """The users of a class, in words."""
    last = size.from_memories * 10 - 1
    return f"users of {size.from_memories:,} to {last:,} memories"


def _failures(judged: Measured, own: Sequence[Measured], facts: Facts, targets: Targets) -> Iterator[str]:
    """The first is what matters most: rows that are not found at all."""
    if judged.recall.short_results:
        yield _on_loss(judged, own, facts)
    elif targets.recall is None and judged.recall.mean < BEARABLE_RECALL:
        found = f"{judged.strategy}: mean recall {judged.recall.mean:.3f} is below {BEARABLE_RECALL:g}."
        yield f"{found} {_remedy(judged, own, facts)}".strip()
    for size in judged.sizes:
        if size.latency.p95.ms > targets.p95_ms:
            yield (
                f"{judged.strategy}: p95 {milliseconds(size.latency.p95.ms)} for {users_of(size)} "
                f"misses {targets.p95_ms:g} ms"
            )
        if targets.recall is not None and size.recall.mean < targets.recall:
            yield f"{judged.strategy}: recall {size.recall.mean:.3f} for {users_of(size)} misses {targets.recall:g}"


def _on_doubt(judged: Measured, targets: Targets) -> Iterator[str]:
    """Where the verdict could be another one with other searches of the same kind."""
    target = targets.p95_ms
    for size in judged.sizes:
        p95 = size.latency.p95
        could_meet = p95.low_ms is None or p95.low_ms <= target
        could_miss = p95.high_ms is not None and p95.high_ms > target
        if could_meet if p95.ms > target else could_miss:
            yield (
                f"The {size.queries:,} searches for {users_of(size)} are too few to tell whether p95 misses "
                f"{target:g} ms: "
                "ask for more with --queries."
            )


def _advice(judged: Measured, own: Sequence[Measured], facts: Facts, targets: Targets, least: float) -> Iterator[str]:
    for place, size in enumerate(judged.sizes):
        right = [one for one in own if _is_right(one.sizes[place], least)]
        fastest = min(right, key=lambda one: one.sizes[place].latency.p95.ms, default=judged)
        best = fastest.sizes[place]
        if size.latency.p95.ms > targets.p95_ms and fastest is not judged and best.latency.p95.ms < size.latency.p95.ms:
            yield (
                f"For {users_of(size)}, {fastest.strategy} measured here: p95 {milliseconds(best.latency.p95.ms)}, "
                f"recall {best.recall.mean:.3f}."
            )
    if all(one.name != FUNCTION for one in own) and judged.name == PLAIN:
        yield from _on_fast_search(judged, targets)
    if judged.name == FUNCTION:
        yield from _beside_plain(judged, own, targets)
    losing = [one for one in own if one.name in (PLAIN, HNSW) and one.recall.short_results and one is not judged]
    for name in dict.fromkeys(one.name for one in losing):
        worst = max((one for one in losing if one.name == name), key=lambda one: one.recall.short_results)
        yield _on_loss(worst, own, facts)


_USE = "Search with search_memories"
_USE_SET = f"{_USE}, which comes with the set fast_search"
_GO_ON = "have HNSW scans go on until enough rows pass the filter: set local hnsw.iterative_scan = strict_order"


def _remedy(one: Measured, own: Sequence[Measured], facts: Facts) -> str:
    """What finds more than this strategy, of what is there; where nothing else is, the set that is made for it."""
    if one.name == FUNCTION:
        return "It finds more if more are compared: candidates => 1000, for example."
    use = _USE if any(other.name == FUNCTION for other in own) else _USE_SET
    if facts.vector_index is None or one.name not in (PLAIN, HNSW):
        return f"{use}."
    return f"{use}; or {_GO_ON}"


def _on_loss(one: Measured, own: Sequence[Measured], facts: Facts) -> str:
    short, searches = one.recall.short_results, sum(size.queries for size in one.sizes)
    told = f"{one.strategy} loses rows: {short:,} of {searches:,} searches came up short, "
    told += f"mean recall {one.recall.mean:.3f}."
    return f"{told} {_remedy(one, own, facts)}" if one.name in (PLAIN, HNSW) else told


def _is_right(size: ForSize, least: float) -> bool:
    return size.recall.mean >= least and not size.recall.short_results


def _on_fast_search(plain: Measured, targets: Targets) -> Iterator[str]:
    """What the set would be for, where it was not measured."""
    largest = plain.sizes[-1]
    if largest.latency.p95.ms > targets.p95_ms / 2:
        yield (
            f"The time grows with the memories of a user: p95 {milliseconds(largest.latency.p95.ms)} for "
            f"{users_of(largest)}. The set fast_search is made for that: memdb migrate --with fast_search, then "
            f"measure again."
        )


def _beside_plain(function: Measured, own: Sequence[Measured], targets: Targets) -> Iterator[str]:
    """Which of both serves the users who hold most: the faster one, of those that find what they should."""
    plain = next((one for one in own if one.name == PLAIN), None)
    if plain is None:
        return
    least = BEARABLE_RECALL if targets.recall is None else targets.recall
    right = [one for one in (function, plain) if _is_right(one.sizes[-1], least)]
    if not right:
        return
    best = min(right, key=lambda one: one.sizes[-1].latency.p95.ms)
    other = plain if best is function else function
    ours, theirs = best.sizes[-1], other.sizes[-1]
    found, finds = f"{theirs.recall.mean:.3f}", f"{ours.recall.mean:.3f}"
    yield (
        f"For {users_of(ours)}, use {_CALLED[best.name]} and not {_CALLED[other.name]}: p95 "
        f"{milliseconds(ours.latency.p95.ms)} instead of {milliseconds(theirs.latency.p95.ms)}, "
        + (f"recall {finds} as well." if finds == found else f"recall {finds} instead of {found}.")
    )


_CALLED = {PLAIN: "the plain query", FUNCTION: "search_memories"}


def _on_sweep(own: Sequence[Measured], least: float) -> Iterator[str]:
    """Where no ef_search would do."""
    swept = [one for one in own if one.name in (STRICT, RELAXED) and one.ef_search is not None]
    if swept and all(one.recall.mean < least for one in swept):
        best = max(swept, key=lambda one: one.recall.mean)
        yield (
            f"No ef_search that was tried brings HNSW to recall {least:g} for these users; the best was "
            f"{best.strategy} with {best.recall.mean:.3f}."
        )


def _on_migrations(recommended: Sequence[Recommendation]) -> Iterator[str]:
    if any(one.migrations for one in recommended):
        yield (
            "With --report FILE.json, memdb new --from-benchmark FILE.json writes the migrations for what is "
            "recommended."
        )


def _on_roles(measured: Sequence[Measured], targets: Targets) -> Iterator[str]:
    own = {one.strategy: one for one in measured if one.role is None}
    for one in measured:
        if one.role is None:
            continue
        bare = own[one.strategy]
        if one.recall.mean < bare.recall.mean - 0.005 or one.recall.short_results > bare.recall.short_results:
            yield (
                f"As {one.role}, {one.strategy} finds less: recall {one.recall.mean:.3f} instead of "
                f"{bare.recall.mean:.3f}. May the role see the rows, and do the policies read the right setting?"
            )
        elif one.latency.p95.ms > targets.p95_ms and _surely_slower(one, bare):
            yield (
                f"As {one.role}, {one.strategy} takes p95 {milliseconds(one.latency.p95.ms)} instead of "
                f"{milliseconds(bare.latency.p95.ms)}. Do its policies look up the user once per search, as "
                "(select auth.uid()) = user_id does?"
            )


def _surely_slower(one: Measured, other: Measured) -> bool:
    """By a fifth, and by more than the intervals of p95 leave to chance."""
    low, high = one.latency.p95.low_ms, other.latency.p95.high_ms
    apart = low is not None and high is not None and low > high
    return apart and one.latency.p95.ms > 1.2 * other.latency.p95.ms


def milliseconds(value: float) -> str:
    """Two figures that count: 97 ms, 6.2 ms, 0.31 ms."""
    return f"{value:,.{max(0, 1 - math.floor(math.log10(value))) if 0 < value < 10 else 0}f} ms"


def megabytes(size: float) -> str:
    """82 MB, 0.1 MB."""
    return f"{size / 2**20:,.{0 if size >= 10 * 2**20 else 1}f} MB"
