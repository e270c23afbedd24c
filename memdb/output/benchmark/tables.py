"""The figures of a study in tables, for the terminal, Markdown and HTML alike."""

from collections.abc import Iterator, Sequence

from memdb.benchmark.figures import ForSize, Measured
from memdb.benchmark.load import Load
from memdb.benchmark.measurement import Latency
from memdb.benchmark.strategies import WAYS
from memdb.benchmark.study import Study
from memdb.output.benchmark import surroundings, words
from memdb.output.benchmark.table import NONE, Table
from memdb.words import count, milliseconds


def tables(study: Study) -> Iterator[Table]:
    """All tables, the most telling first."""
    yield _strategies(study)
    yield _sizes(study)
    yield _each_size(study)
    if any(one.loads or one.while_adding for one in study.strategies):
        yield _loads(study)
        yield _each_load(study)
    yield _warmth(study)
    yield _plans(study)
    yield surroundings.facts(study)
    if study.trials:
        yield surroundings.trials(study)
    yield surroundings.settings(study)


def _strategies(study: Study) -> Table:
    rows = (
        (words.label(one), *_times(one.latency), milliseconds(one.server.p50_ms), *_recall(one))
        for one in study.strategies
    )
    described = dict.fromkeys(one.name for one in study.strategies)
    round_trip = study.strategies[0].server.round_trip_ms
    return Table(
        "Strategies",
        "; ".join(f"{name}: {WAYS[name].explanation}" for name in described)
        + ". In brackets is where the true value lies with 95 % confidence, ? if there are too few searches to tell. "
        f"Server is p50 minus the round trip of an empty search, {milliseconds(round_trip)}. Short counts searches "
        f"that "
        "lost rows.",
        ("strategy", "p50", "p95", "p99", "server", *_recall_columns(study)),
        tuple(rows),
        missed=_missed(study.strategies, study, p95=2, recall=5, short=7),
    )


def _times(latency: Latency) -> Iterator[str]:
    yield from map(words.quantile, latency.quantiles.values())


def _recall_columns(study: Study) -> tuple[str, str, str]:
    return f"recall@{study.k}", "least", "short"


def _recall(one: Measured | ForSize) -> tuple[str, str, str]:
    return f"{one.recall.mean:.3f}", f"{one.recall.minimum:.3f}", f"{one.recall.short_results:,}"


def _missed(
    rows: Sequence[Measured | ForSize], study: Study, *, p95: int, recall: int, short: int
) -> frozenset[tuple[int, int]]:
    """The cells that miss a target, where the columns with these figures are those."""
    return frozenset(
        (row, column)
        for row, one in enumerate(rows)
        for column, misses in ((p95, _slow(one, study)), (recall, _forgetful(one, study)), (short, _losing(one)))
        if misses
    )


def _slow(one: Measured | ForSize, study: Study) -> bool:
    return one.latency.p95.ms > study.targets.p95_ms


def _forgetful(one: Measured | ForSize, study: Study) -> bool:
    return one.recall.mean < study.targets.least_recall


def _losing(one: Measured | ForSize) -> bool:
    return one.recall.short_results > 0


def _sizes(study: Study) -> Table:
    classes = {size.from_memories: size for one in study.strategies for size in one.sizes}
    starts = sorted(classes)
    cells = [
        [{size.from_memories: size for size in one.sizes}.get(start) for start in starts] for one in study.strategies
    ]
    return Table(
        "By number of memories",
        "p95 and mean recall by how many memories users have, so that none disappear in an average. Marked: p95 above "
        f"{study.targets.p95_ms:g} ms, recall below {study.targets.least_recall:g}, or lost rows.",
        (
            "strategy",
            *(f"{words.held(classes[start])} ({count(classes[start].users, 'user')})" for start in starts),
        ),
        tuple((words.label(one), *map(_cell, sizes)) for one, sizes in zip(study.strategies, cells, strict=True)),
        missed=frozenset(
            (row, column)
            for row, sizes in enumerate(cells)
            for column, size in enumerate(sizes, start=1)
            if size and (_slow(size, study) or _forgetful(size, study) or _losing(size))
        ),
    )


def _cell(size: ForSize | None) -> str:
    if size is None:
        return NONE
    short = f", {size.recall.short_results:,} short" if size.recall.short_results else ""
    return f"{milliseconds(size.latency.p95.ms)}, {size.recall.mean:.3f}{short}"


def _each_size(study: Study) -> Table:
    found = sorted(
        ((size, one) for one in study.strategies for size in one.sizes), key=lambda pair: pair[0].from_memories
    )
    return Table(
        "By number of memories, in full",
        "All quantiles, with their intervals if there are enough searches.",
        ("memories", "strategy", "searches", "p50", "p95", "p99", *_recall_columns(study)),
        tuple(
            (words.held(size), words.label(one), f"{size.queries:,}", *_times(size.latency), *_recall(size))
            for size, one in found
        ),
        ("strategy",),
        missed=_missed([size for size, _ in found], study, p95=4, recall=6, short=8),
        folded=True,
    )


def _loads(study: Study) -> Table:
    counts = sorted({one.connections for measured in study.strategies for one in measured.loads})
    writing = any(measured.while_adding for measured in study.strategies)
    rows = []
    for measured in study.strategies:
        by_count = {one.connections: one for one in measured.loads}
        cells = [_load(by_count.get(count)) for count in counts]
        rows.append((words.label(measured), *cells, *([_load(measured.while_adding)] if writing else [])))
    return Table(
        "Over several connections",
        "Searches per second of all connections together, and p95 as one of them sees it.",
        (
            "strategy",
            *(count(number, "connection") for number in counts),
            *(["while memories are added"] if writing else []),
        ),
        tuple(rows),
    )


def _load(load: Load | None) -> str:
    if load is None:
        return NONE
    text = f"{load.queries_per_second:,.0f}/s, {milliseconds(load.latency.p95.ms)}"
    return f"{text} (at {load.connections}, adding {load.added_per_second:,.0f}/s)" if load.writers else text


def _each_load(study: Study) -> Table:
    return Table(
        "Over several connections, in full",
        "All quantiles, with their intervals.",
        ("strategy", "connections", "searches", "per second", "p50", "p95", "p99", f"recall@{study.k}", "added"),
        tuple(
            (
                words.label(one),
                f"{load.connections}",
                f"{load.queries:,}",
                f"{load.queries_per_second:,.0f}",
                *_times(load.latency),
                f"{load.recall_mean:.3f}",
                f"{load.added_per_second:,.0f}/s" if load.writers else NONE,
            )
            for one in study.strategies
            for load in (*one.loads, *([one.while_adding] if one.while_adding else ()))
        ),
        folded=True,
    )


def _warmth(study: Study) -> Table:
    cold = any(one.cold for one in study.strategies)
    rows = []
    for one in study.strategies:
        runs = [*([one.cold] if cold else []), one.first_run, one.latency]
        rows.append((words.label(one), *(_both(run) for run in runs)))
    return Table(
        "Cold and warm",
        "p50 and p95 of the first run, with the caches as they were, and of the second."
        + (" Cold: right after a restart of the server, with the operating system's cache as it was." if cold else ""),
        ("strategy", *(["cold"] if cold else []), "first run", "second run"),
        tuple(rows),
        folded=len(rows) == 1 and not cold,
    )


def _both(latency: Latency | None) -> str:
    return NONE if latency is None else f"{milliseconds(latency.p50.ms)}, {milliseconds(latency.p95.ms)}"


def _plans(study: Study) -> Table:
    rows = tuple((words.label(one), words.plans(one.plans)) for one in study.strategies)
    return Table("Plans", "How the server finds the rows, according to EXPLAIN.", ("strategy", "plan"), rows, ("plan",))
