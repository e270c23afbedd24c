"""Text for a benchmark."""

from collections.abc import Iterator
from typing import Any

from memdb.benchmark.measurement import Measurement, Quantile, Recall
from memdb.benchmark.preparation import Sample
from memdb.benchmark.similarity import Benchmark
from memdb.benchmark.study import Study
from memdb.output import styled
from memdb.output.rendering import render
from memdb.words import count

_SHOWN_SETTINGS = ("hnsw.ef_search", "hnsw.iterative_scan", "shared_buffers", "work_mem")  # JSON has them all


@render.register
def _(result: Study) -> Iterator[Any]:
    from memdb.output.benchmark import study

    yield from study.render(result)


@render.register
def _(result: Benchmark) -> Iterator[Any]:
    yield _searches(result.sample, result.k)
    yield ""
    yield _table(result.measurement)
    yield ""
    yield f"recall@{result.k:<2} {_recall(result.measurement.recall)}"
    yield from _plans(result.measurement)
    yield f"versions  {', '.join(f'{name} {version}' for name, version in result.versions.items())}"
    yield f"settings  {', '.join(f'{name} {result.settings[name]}' for name in _SHOWN_SETTINGS)}"
    yield ""
    for note in result.notes:
        yield styled(("note:", "bold yellow"), f" {note}")
    yield from (styled(("MISSED", "bold red"), f" {failure}") for failure in result.failures)
    if result.ok:
        yield styled(("MET", "bold green"), f" {_targets(result)}")


def _searches(sample: Sample, k: int) -> str:
    low, high = sample.smallest_user_memories, sample.largest_user_memories
    sizes = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    users = count(sample.users, "user")
    return f"{sample.queries:,} searches for {k} of {users} with {sizes} memories (random seed {sample.random_seed})"


def _table(measurement: Measurement) -> Any:
    from rich.table import Table

    latency = measurement.latency
    table = Table(
        "latency", *(("p50", "p95", "p99", "max", "per second")), box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in table.columns[1:]:
        column.justify = "right"
    times = (*(quantile.ms for quantile in latency.quantiles.values()), latency.max_ms)
    table.add_row("", *(f"{time:,.2f} ms" for time in times), f"{measurement.queries_per_second:,.0f}")
    table.add_row("95 % sure", *map(_interval, latency.quantiles.values()))
    return table


def _interval(quantile: Quantile) -> str:
    """Where the true value lies with 95 % confidence."""
    if quantile.low_ms is None:
        return "too few"
    if quantile.high_ms is None:
        return f"{quantile.low_ms:,.2f} or more"
    return f"{quantile.low_ms:,.2f} to {quantile.high_ms:,.2f}"


def _recall(recall: Recall) -> str:
    short = f"{recall.short_results:,} searches came up short" if recall.short_results else "none came up short"
    return f"mean {recall.mean:.3f}, minimum {recall.minimum:.3f}, {short}"


def _plans(measurement: Measurement) -> Iterator[str]:
    heading = "plans"
    for plan in measurement.plans.used:
        yield f"{heading:<9} {plan.queries:,} × {plan.access}: {'exact' if plan.exact else 'approximate'}"
        heading = ""


def _targets(result: Benchmark) -> str:
    measurement, targets = result.measurement, result.targets
    text = f"p95 {measurement.latency.p95.ms:,.2f} ms is within the target of {targets.p95_ms:g} ms"
    if targets.recall is None:
        return text
    return f"{text}, mean recall {measurement.recall.mean:.3f} reaches {targets.recall:g}"
