"""What to do about the figures: who waits too long, what would help, and settings that this data asks for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from memdb.benchmark import recommending, remedies
from memdb.benchmark.facts import Facts
from memdb.benchmark.figures import Measured
from memdb.benchmark.recommending import Recommendation
from memdb.benchmark.remedies import Case, users_of
from memdb.benchmark.strategies import FUNCTION, HNSW, PLAIN, RELAXED, STRICT
from memdb.benchmark.targets import Targets
from memdb.benchmark.trials import Trial
from memdb.words import milliseconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """`judged` is the strategy that applications use, so that must meet the targets: search_memories where it is
    measured, else the first. `first` is what to do before all else, as the figures are not what they could be;
    `failures` are the targets it misses, each with what to do about it, `advice` what else would help."""

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
    case = Case(judged, own, facts, targets)
    recommended = tuple(recommending.recommend(own, facts, trials, settings, targets.least_recall))
    advice = (
        *_on_doubt(case),
        *remedies.growing(case),
        *remedies.beside_plain(case),
        *_on_losses(case),
        *_on_sweep(case),
        *_on_roles(measured, targets),
        *_on_migrations(recommended),
    )
    failures = tuple(_once((*_on_rows(case), *_on_sizes(case))))
    return Verdict(judged.strategy, failures, advice, recommended, _first(case))


def _first(case: Case) -> str | None:
    if not case.needs_vacuum:
        return None
    return (
        f"Vacuum first, then measure again: vacuum (analyze) {case.facts.table}. A vacuum has seen "
        f"{case.facts.visible_share:.0%} of the table's pages; for the others search_memories reads the table as well, "
        "which takes several times as long."
    )


def _once(failures: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each with what to do about it, unless that was said before."""
    said: set[str] = set()
    for what, remedy in failures:
        yield what if remedy in said else f"{what} {remedy}".strip()
        said.add(remedy)


def _on_rows(case: Case) -> Iterator[tuple[str, str]]:
    """What matters most: rows that are not found at all."""
    judged = case.judged
    if judged.recall.short_results:
        yield _loss(judged), remedies.for_loss(case, judged)
    elif judged.recall.mean < case.targets.bearable_recall and case.targets.recall is None:
        least = case.targets.bearable_recall
        found = f"{judged.strategy}: mean recall {judged.recall.mean:.3f} is below {least:g}."
        yield found, remedies.for_loss(case, judged)


def _on_sizes(case: Case) -> Iterator[tuple[str, str]]:
    """Users with most memories first: they wait longest."""
    judged, targets = case.judged, case.targets
    for place, size in reversed(list(enumerate(judged.sizes))):
        if size.latency.p95.ms > targets.p95_ms:
            took = f"p95 {milliseconds(size.latency.p95.ms)}"
            missed = f"{judged.strategy}: {took} for {users_of(size)} misses {targets.p95_ms:g} ms."
            yield missed, remedies.for_wait(case, place)
        if targets.recall is not None and size.recall.mean < targets.recall:
            found = f"recall {size.recall.mean:.3f}"
            missed = f"{judged.strategy}: {found} for {users_of(size)} misses {targets.recall:g}."
            yield missed, remedies.for_loss(case, judged)


def _loss(one: Measured) -> str:
    short, searches = one.recall.short_results, sum(size.queries for size in one.sizes)
    told = f"{one.strategy} loses rows: {short:,} of {searches:,} searches came up short, "
    return f"{told}mean recall {one.recall.mean:.3f}."


def _on_doubt(case: Case) -> Iterator[str]:
    """Where the verdict could be another one with other searches of the same kind."""
    target = case.targets.p95_ms
    for size in case.judged.sizes:
        p95 = size.latency.p95
        could_meet = p95.low_ms is None or p95.low_ms <= target
        could_miss = p95.high_ms is not None and p95.high_ms > target
        if could_meet if p95.ms > target else could_miss:
            yield (
                f"The {size.queries:,} searches for {users_of(size)} are too few to tell whether p95 misses "
                f"{target:g} ms: ask for more with --queries."
            )


def _on_losses(case: Case) -> Iterator[str]:
    """Of strategies that an application could be using, in their worst variant."""
    losing = [one for one in case.beside if one.name in (PLAIN, HNSW) and one.recall.short_results]
    rising = sorted(losing, key=lambda one: one.recall.short_results)
    worst = {one.name: one for one in rising if one is not case.judged}
    for place, one in enumerate(worst.values()):
        said = place or case.judged in losing
        yield _loss(one) if said else f"{_loss(one)} {remedies.for_loss(case, one)}"


def _on_sweep(case: Case) -> Iterator[str]:
    """Where no ef_search would do."""
    least = case.targets.least_recall
    swept = [one for one in case.beside if one.name in (STRICT, RELAXED) and one.ef_search is not None]
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
        elif one.latency.p95.ms > targets.p95_ms and remedies.surely_slower(one.latency, bare.latency):
            yield (
                f"As {one.role}, {one.strategy} takes p95 {milliseconds(one.latency.p95.ms)} instead of "
                f"{milliseconds(bare.latency.p95.ms)}. Do its policies look up the user once per search, as "
                "(select auth.uid()) = user_id does?"
            )
