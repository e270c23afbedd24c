"""What a study looks like: its figures as charts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memdb.benchmark.figures import Measured
from memdb.benchmark.measurement import SHARES, Quantile
from memdb.benchmark.strategies import WAYS
from memdb.benchmark.study import Study
from memdb.benchmark.targets import GOOD_RECALL
from memdb.output.benchmark import plots, words
from memdb.output.benchmark.plots import Axis, Guide, Point, Series

_RECALLS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
_PARTS = {0.0: "min", 0.5: "p50", 0.75: "p75", 0.9: "p90", 0.95: "p95", 0.99: "p99", 1.0: "max"}
_BARS = "Bars: where the true value lies with 95 % confidence."


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title, how to read it, and what the lines are."""

    title: str
    note: str
    series: tuple[Series, ...]
    svg: str


def figures(study: Study) -> Iterator[Figure]:
    """All charts. A strategy has one colour and one shape in all of them; dashed is another role."""
    measured = study.strategies
    target = Guide(study.targets.p95_ms, f"target {study.targets.p95_ms:g} ms")
    yield _spread(_best_of_each(measured))
    yield _trade(measured, target)
    yield _growth(_best_of_each(measured), target)
    if any(one.loads for one in measured):
        yield _throughput(_best_of_each(measured))


def _best_of_each(measured: Sequence[Measured]) -> list[Measured]:
    """Of each strategy the variant with the best recall."""
    best: dict[tuple[str, str | None], Measured] = {}
    for one in measured:
        kept = best.setdefault((one.name, one.role), one)
        if one.recall.mean > kept.recall.mean:
            best[one.name, one.role] = one
    return list(best.values())


def _spread(measured: Sequence[Measured]) -> Figure:
    """The share of searches that took no longer."""
    series = tuple(_series(one, _distribution(one)) for one in measured)
    times = [point.x for one in series for point in one.points]
    x = plots.logarithmic("milliseconds (← faster)", times, _number)
    y = plots.towards_one("share of the searches", tuple(_PARTS), _PARTS.__getitem__, rest=0.03)
    return Figure(
        "How long searches take",
        "How long the fastest half took (p50), and so on up to the slowest search. Further left is better; a long tail "
        f"to the right is what people complain of. {_BARS}",
        series,
        plots.chart("Distribution of latency", series, x, y),
    )


def _distribution(one: Measured) -> Iterator[Point]:
    names = {share: name for name, share in SHARES.items()}
    for share, ms in zip(one.distribution.shares, one.distribution.ms, strict=True):
        name = names.get(share)
        if name is None:
            yield Point(ms, share, bare=True)
            continue
        quantile = one.latency.quantiles[name]
        label = f"{words.label(one)}: {name} {words.quantile(quantile)}"
        bounds = _bounds(quantile)
        yield Point(ms, share, label, interval=((bounds[0], share), (bounds[1], share)) if bounds else None)


def _trade(measured: Sequence[Measured], target: Guide) -> Figure:
    groups: dict[tuple[str, str | None], list[Measured]] = {}
    for one in measured:
        groups.setdefault((one.name, one.role), []).append(one)
    series = tuple(
        Series(
            f"{name} as {role}" if role else name,
            _color(name),
            tuple(Point(one.latency.p95.ms, one.recall.mean, _told(one), _tag(one)) for one in group),
            dashed=role is not None,
        )
        for (name, role), group in groups.items()
    )
    lowest = max(mark for mark in (0.0, 0.5, 0.8, 0.9) if mark <= min(one.recall.mean for one in measured))
    marks = tuple(mark for mark in _RECALLS if mark >= lowest)
    x = plots.logarithmic("p95, milliseconds (← faster)", [one.latency.p95.ms for one in measured], _number, target)
    y = plots.towards_one("mean recall (↑ finds more)", marks, _number, rest=0.0005)
    return Figure(
        "Recall against time",
        "The upper left corner is best: fast, and nothing missed. A line is a sweep, labelled with ef_search or "
        "candidates. A point that is fast but low is fast because it does not look.",
        series,
        plots.chart("Recall against latency", series, x, y),
    )


def _told(one: Measured) -> str:
    return f"{words.label(one)}: p95 {words.quantile(one.latency.p95)}, recall {one.recall.mean:.3f}"


def _tag(one: Measured) -> str:
    """What tells it from others with its colour."""
    varied = one.ef_search or one.candidates
    return " ".join(str(part) for part in (varied, one.role) if part is not None)


def _growth(measured: Sequence[Measured], target: Guide) -> Figure:
    series = tuple(_series(one, _by_size(one)) for one in measured)
    sizes = [point.x for one in series for point in one.points]
    times = [point.y for one in series for point in one.points]
    bounds = [y for one in series for point in one.points for _, y in point.interval or ()]
    x = plots.logarithmic("memories of the user (median of the class)", sizes, lambda value: f"{value:,.0f}")
    y = plots.logarithmic("p95, milliseconds (↓ faster)", [*times, *bounds], _number, target)
    return Figure(
        "Time against the number of memories",
        f"Lower is better, and a flat line serves all users alike. Hollow: recall below {GOOD_RECALL:g}. {_BARS}",
        series,
        plots.chart("Latency against user size", series, x, y, apart=3.0),
    )


def _by_size(one: Measured) -> Iterator[Point]:
    for size in one.sizes:
        p95, held = size.latency.p95, size.median_memories
        bounds = _bounds(p95)
        yield Point(
            held,
            p95.ms,
            f"{words.label(one)}, {held:,.0f} memories: p95 {words.quantile(p95)}, recall {size.recall.mean:.3f}",
            hollow=size.recall.mean < GOOD_RECALL,
            interval=((held, bounds[0]), (held, bounds[1])) if bounds else None,
        )


def _throughput(measured: Sequence[Measured]) -> Figure:
    series = tuple(_series(one, _by_connections(one)) for one in measured)
    counts = sorted({point.x for one in series for point in one.points})
    rates = [point.y for one in series for point in one.points]
    x = Axis("connections", counts[0] / 1.25, counts[-1] * 1.25, tuple(counts), math.log10, _number)
    y = plots.logarithmic("searches per second (↑ more)", rates, _number)
    return Figure(
        "Over several connections",
        f"Higher is better. Where a line bends, the cores are busy. Hollow: recall below {GOOD_RECALL:g}.",
        series,
        plots.chart("Searches per second by connections", series, x, y),
    )


def _by_connections(one: Measured) -> Iterator[Point]:
    for load in one.loads:
        yield Point(
            load.connections,
            load.queries_per_second,
            f"{words.label(one)}, {load.connections} connections: {load.queries_per_second:,.0f} per second, "
            f"p95 {words.quantile(load.latency.p95)}",
            hollow=load.recall_mean < GOOD_RECALL,
        )


def _series(one: Measured, points: Iterator[Point]) -> Series:
    return Series(words.label(one), _color(one.name), tuple(points), dashed=one.role is not None)


def _color(strategy: str) -> int:
    """Its own, as long as there are some left."""
    return [*WAYS].index(strategy) % plots.COLORS


def _bounds(quantile: Quantile) -> tuple[float, float] | None:
    return None if quantile.low_ms is None or quantile.high_ms is None else (quantile.low_ms, quantile.high_ms)


def _number(value: float) -> str:
    return f"{value:,g}"
