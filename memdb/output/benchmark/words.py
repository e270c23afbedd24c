"""What a study says in words and tables, for the terminal, Markdown and HTML alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from memdb.benchmark.changes import Change, Changes
from memdb.benchmark.explain import Plans
from memdb.benchmark.figures import ForSize, Measured
from memdb.benchmark.load import Load
from memdb.benchmark.measurement import Latency
from memdb.benchmark.strategies import EXPLANATIONS
from memdb.benchmark.study import Study
from memdb.benchmark.verdict import megabytes, milliseconds

NONE = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """`note` says how to read it. Cells of all columns but the first, and those of `wide`, are figures."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wide: tuple[str, ...] = ()


def summary(study: Study) -> str:
    """Which searches were made, in one sentence."""
    sample = study.sample
    low, high = sample.smallest_user_memories, sample.largest_user_memories
    sizes = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    users = "1 user" if sample.users == 1 else f"{sample.users:,} users"
    return (
        f"{sample.queries:,} searches for {study.k} of {users} with {sizes} memories, of {study.facts.memories:,} in "
        f"all (workload {study.workload}, random seed {sample.random_seed})"
    )


def conclusion(study: Study) -> str:
    """Whether the targets are met, by what."""
    recall = f" and mean recall {study.targets.recall:g}" if study.targets.recall is not None else ""
    return f"{study.verdict.judged} meets p95 {study.targets.p95_ms:g} ms{recall} for users of every size"


def tables(study: Study) -> Iterator[Table]:
    """All tables, the most telling first."""
    yield _strategies(study)
    yield _sizes(study)
    if any(one.loads or one.while_adding for one in study.strategies):
        yield _loads(study)
    yield _warmth(study)
    yield _plans(study)
    yield _facts(study)
    if study.trials:
        yield _trials(study)


def label(measured: Measured) -> str:
    """The strategy, and the role if it searched as another."""
    return f"{measured.strategy} as {measured.role}" if measured.role else measured.strategy


def interval(latency: Latency) -> str:
    low, high = latency.p95_low_ms, latency.p95_high_ms
    return f"{milliseconds(low)} to {milliseconds(high)}" if low is not None and high is not None else "too few"


def plans(plans: Plans) -> str:
    """How the rows were reached, the most frequent way first."""
    kinds = {True: "exact", False: "approximate", None: "not shown inside"}
    return "; ".join(f"{use.access}: {kinds[use.exact]}" for use in plans.used)


def sentence(change: Change) -> str:
    """`story, users from 1,000 memories: p95 5 ms, was 9 ms`"""
    who = f"{change.strategy} as {change.role}" if change.role else change.strategy
    whose = "" if change.from_memories is None else f", users from {change.from_memories:,} memories"
    before, after = (_figure(change.figure, value) for value in (change.before, change.after))
    return f"{who}{whose}: {_FIGURES[change.figure]} {after}, was {before}"


def comparison(changes: Changes) -> str:
    """One line on all changes."""
    return (
        f"{len(changes.worse)} worse and {len(changes.better)} better than in {changes.since.name}, "
        f"of {changes.compared} figures compared"
    )


_FIGURES = {"p95_ms": "p95", "recall": "mean recall", "short_results": "searches that came up short"}


def _figure(name: str, value: float) -> str:
    return milliseconds(value) if name == "p95_ms" else f"{value:.3f}" if name == "recall" else f"{value:,.0f}"


def _strategies(study: Study) -> Table:
    rows = (
        (
            label(one),
            milliseconds(one.latency.p50_ms),
            milliseconds(one.latency.p95_ms),
            interval(one.latency),
            milliseconds(one.latency.p99_ms),
            milliseconds(one.server.p50_ms),
            f"{one.recall.mean:.3f}",
            f"{one.recall.minimum:.3f}",
            f"{one.recall.short_results:,}",
        )
        for one in study.strategies
    )
    described = dict.fromkeys(one.name for one in study.strategies)
    round_trip = study.strategies[0].server.round_trip_ms
    return Table(
        "Strategies",
        "; ".join(f"{name}: {EXPLANATIONS[name]}" for name in described)
        + f". Server is p50 less the round trip of an empty search, {milliseconds(round_trip)}. "
        "Short counts searches that lost rows.",
        ("strategy", "p50", "p95", "95 % sure p95 is", "p99", "server", f"recall@{study.k}", "least", "short"),
        tuple(rows),
    )


def _sizes(study: Study) -> Table:
    classes = {size.from_memories: size for one in study.strategies for size in one.sizes}
    heads = (f"{start:,}–{start * 10 - 1:,} ({classes[start].users} users)" for start in sorted(classes))
    rows = (
        (
            label(one),
            *(
                _cell(next((size for size in one.sizes if size.from_memories == start), None))
                for start in sorted(classes)
            ),
        )
        for one in study.strategies
    )
    return Table(
        "By what the user holds",
        "p95 and mean recall, so that nobody hides in a mean.",
        ("strategy", *heads),
        tuple(rows),
    )


def _cell(size: ForSize | None) -> str:
    return NONE if size is None else f"{milliseconds(size.latency.p95_ms)}, {size.recall.mean:.3f}"


def _loads(study: Study) -> Table:
    counts = sorted({one.connections for measured in study.strategies for one in measured.loads})
    writing = any(measured.while_adding for measured in study.strategies)
    rows = []
    for measured in study.strategies:
        by_count = {one.connections: one for one in measured.loads}
        cells = [_load(by_count.get(count)) for count in counts]
        rows.append((label(measured), *cells, *([_load(measured.while_adding)] if writing else [])))
    heads = [f"{count} {'connection' if count == 1 else 'connections'}" for count in counts]
    return Table(
        "Over several connections",
        "Searches per second, and p95 as one connection sees it.",
        ("strategy", *heads, *(["while memories are added"] if writing else [])),
        tuple(rows),
    )


def _load(load: Load | None) -> str:
    if load is None:
        return NONE
    text = f"{load.queries_per_second:,.0f}/s, {milliseconds(load.p95_ms)}"
    return f"{text} (at {load.connections}, adding {load.added_per_second:,.0f}/s)" if load.writers else text


def _warmth(study: Study) -> Table:
    cold = any(one.cold for one in study.strategies)
    rows = []
    for one in study.strategies:
        runs = [*([one.cold] if cold else []), one.first_run, one.latency]
        rows.append((label(one), *(_both(run) for run in runs)))
    return Table(
        "Cold and warm",
        "p50 and p95 of the first run, with caches as they were found, and of the second."
        + (" Cold: right after a restart of the server, with the operating system's cache as it was." if cold else ""),
        ("strategy", *(["cold"] if cold else []), "first run", "second run"),
        tuple(rows),
    )


def _both(latency: Latency | None) -> str:
    return NONE if latency is None else f"{milliseconds(latency.p50_ms)}, {milliseconds(latency.p95_ms)}"


def _plans(study: Study) -> Table:
    rows = tuple((label(one), plans(one.plans)) for one in study.strategies)
    return Table("Plans", "How the server gets to the rows, by EXPLAIN.", ("strategy", "plan"), rows, ("plan",))


def _facts(study: Study) -> Table:
    facts = study.facts
    each = max(facts.memories, 1)
    rows = [
        ("memories", "table", megabytes(facts.table_bytes), f"{facts.table_bytes / each:,.0f}", NONE, NONE),
        ("its TOAST", "out of line", megabytes(facts.toast_bytes), f"{facts.toast_bytes / each:,.0f}", NONE, NONE),
    ]
    for index in facts.indexes:
        share = NONE if index.buffered_share is None else f"{index.buffered_share:.0%}"
        kind = index.method if index.valid else f"{index.method}, invalid"
        size, bytes_each = megabytes(index.bytes), f"{index.bytes_per_memory:,.0f}"
        rows.append((index.name, kind, size, bytes_each, share, f"{index.scans:,}"))
    since = f" since {facts.counting_since:%Y-%m-%d %H:%M}" if facts.counting_since else ""
    return Table(
        "Table and indexes",
        f"{facts.memories:,} memories, {facts.bytes_per_memory:,.0f} bytes each with all indexes. Scans count{since}, "
        "those of benchmarks among them.",
        ("name", "kind", "size", "bytes a memory", "in shared buffers", "scans"),
        tuple(rows),
        ("kind",),
    )


def _trials(study: Study) -> Table:
    widths = list(study.trials[0].recall)
    rows = (
        (
            str(trial.m),
            str(trial.ef_construction),
            f"{trial.build_seconds:,.1f} s",
            f"{trial.index_bytes / trial.rows:,.0f}",
            NONE if trial.memory_bytes_per_row is None else f"{trial.memory_bytes_per_row:,.0f}",
            *(f"{trial.recall[width]:.3f}" for width in widths),
        )
        for trial in study.trials
    )
    return Table(
        "HNSW tried out",
        f"Built on {study.trials[0].rows:,} of the embeddings by one process; searched without a filter.",
        (
            "m",
            "ef_construction",
            "build",
            "bytes a memory",
            "memory to build",
            *(f"recall at {width}" for width in widths),
        ),
        tuple(rows),
    )
