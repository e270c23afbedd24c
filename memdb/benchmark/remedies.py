"""What helps users who wait too long, or do not find what they should: of what was measured, else what could be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memdb.benchmark.facts import Facts
from memdb.benchmark.figures import ForSize, Measured
from memdb.benchmark.measurement import Latency
from memdb.benchmark.strategies import FUNCTION, HNSW, PLAIN, WAYS
from memdb.benchmark.targets import Targets
from memdb.words import milliseconds

_FRESH = 0.8  # of a table's pages; what is written between two vacuums is less
_MANY = 1000  # with fewer, what takes long is not to compare them
_CALLED = {PLAIN: "the plain query", FUNCTION: "search_memories"}
_GO_ON = "have HNSW scans go on until enough rows pass the filter: set local hnsw.iterative_scan = strict_order"


@dataclass(frozen=True, slots=True)
class Case:
    """The strategy that is judged, and all that were measured `beside` it as the role that connected, itself too."""

    judged: Measured
    beside: Sequence[Measured]
    facts: Facts
    targets: Targets

    @property
    def has_function(self) -> bool:
        """Whether search_memories was measured."""
        return any(one.name == FUNCTION for one in self.beside)

    @property
    def needs_vacuum(self) -> bool:
        """It reads an index alone, but for rows of which no vacuum has seen that everybody may see them."""
        return self.judged.name == FUNCTION and self.facts.visible_share < _FRESH

    @property
    def function(self) -> str:
        """How to come to search with it."""
        use = "Search with search_memories"
        if self.has_function:
            return use
        return f"{use}, which {'is there' if self.facts.fast_search else 'comes with memdb migrate --with fast_search'}"


def users_of(size: ForSize) -> str:
    """The users of a class, in words."""
    last = size.from_memories * 10 - 1
    return f"users of {size.from_memories:,} to {last:,} memories"


def for_loss(case: Case, one: Measured) -> str:
    """What finds more than this strategy, of what is there; where nothing else is, the set that is made for it."""
    if one.name == FUNCTION:
        return "It finds more if more are compared: candidates => 1000, for example."
    if case.facts.vector_index is None or one.name not in (PLAIN, HNSW):
        return f"{case.function}."
    return f"{case.function}; or {_GO_ON}"


def for_wait(case: Case, place: int) -> str:
    """What is faster for the users of a class, and finds what it should; nothing where a vacuum has to come first."""
    ours, least = case.judged.sizes[place], case.targets.least_recall
    others = [one for one in case.beside if one is not case.judged and _is_right(one.sizes[place], least)]
    fastest = min(others, key=lambda one: one.sizes[place].latency.p95.ms, default=case.judged)
    best = fastest.sizes[place]
    if surely_slower(ours.latency, best.latency):
        took = f"p95 {milliseconds(best.latency.p95.ms)}, recall {best.recall.mean:.3f}"
        return f"Search for them with {_CALLED[PLAIN] if fastest.name == PLAIN else fastest.strategy}: {took}."
    if case.judged.name == PLAIN and not case.has_function and ours.from_memories >= _MANY:
        return f"{case.function}; then measure both: --strategies plain,search_memories"
    if case.needs_vacuum:
        return ""
    if len({one.name for one in case.beside}) < len(WAYS):
        return "Look for a faster way with --strategies all."
    return "No other way that was measured is surely faster and finds as much."


def growing(case: Case) -> Iterator[str]:
    """Where the plain query will not do for long."""
    largest = case.judged.sizes[-1]
    if case.judged.name != PLAIN or case.has_function:
        return
    if case.targets.p95_ms / 2 < largest.latency.p95.ms <= case.targets.p95_ms:
        yield (
            f"The time grows with the memories of a user: p95 {milliseconds(largest.latency.p95.ms)} for "
            f"{users_of(largest)}. {for_wait(case, -1)}"
        )


def beside_plain(case: Case) -> Iterator[str]:
    """Which of both serves the users who hold most: the one that finds what it should, or of both that do the faster.

    Nothing where both do and neither is surely faster, or where it was said of users who wait too long.
    """
    plain = next((one for one in case.beside if one.name == PLAIN), None)
    function = case.judged
    if plain is None or function.name != FUNCTION:
        return
    right = [one for one in (function, plain) if _is_right(one.sizes[-1], case.targets.bearable_recall)]
    if not right:
        return
    best = min(right, key=lambda one: one.sizes[-1].latency.p95.ms)
    other = plain if best is function else function
    ours, theirs = best.sizes[-1], other.sizes[-1]
    if len(right) == 2 and not surely_slower(theirs.latency, ours.latency):
        return
    if best is plain and theirs.latency.p95.ms > case.targets.p95_ms:
        return
    found, finds = f"{theirs.recall.mean:.3f}", f"{ours.recall.mean:.3f}"
    yield (
        f"For {users_of(ours)}, use {_CALLED[best.name]} and not {_CALLED[other.name]}: p95 "
        f"{milliseconds(ours.latency.p95.ms)} instead of {milliseconds(theirs.latency.p95.ms)}, "
        + (f"recall {finds} as well." if finds == found else f"recall {finds} instead of {found}.")
    )


def surely_slower(one: Latency, other: Latency) -> bool:
    """By a fifth, and by more than the intervals of p95 leave to chance; the longest time stands in for an end that
    too few searches leave open.
    """
    high = other.max_ms if other.p95.high_ms is None else other.p95.high_ms
    return one.p95.low_ms is not None and one.p95.low_ms > high and one.p95.ms > 1.2 * other.p95.ms


def _is_right(size: ForSize, least: float) -> bool:
    return size.recall.mean >= least and not size.recall.short_results
