"""What a study says in words, for the terminal, Markdown and HTML alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from memdb.benchmark.changes import Change, Changes
from memdb.benchmark.explain import Plans
from memdb.benchmark.figures import ForSize, Measured
from memdb.benchmark.measurement import Quantile
from memdb.benchmark.study import Study
from memdb.words import count, milliseconds

_SETTINGS = ("hnsw.ef_search", "hnsw.iterative_scan", "shared_buffers", "work_mem")  # a table has the others
_FIGURES = {
    "p50_ms": "p50",
    "p95_ms": "p95",
    "p99_ms": "p99",
    "recall": "mean recall",
    "short_results": "searches that came up short",
    "bytes_per_memory": "bytes a memory",
    "insert_ms": "time of an insert",
}


def summary(study: Study) -> str:
    """Which searches were made, in one sentence."""
    sample = study.sample
    low, high = sample.smallest_user_memories, sample.largest_user_memories
    sizes = count(high, "memory") if low == high else f"{low:,} to {count(high, 'memory')}"
    return (
        f"{count(sample.queries, 'search')} for the nearest {study.k} by {count(sample.users, 'user')} with {sizes} "
        f"each, of {study.facts.memories:,} in all (workload {study.workload}, random seed {sample.random_seed})"
    )


def surroundings(study: Study) -> str:
    """When it was measured, and with what."""
    told = study.versions | {name: study.settings[name] or "not set" for name in _SETTINGS if name in study.settings}
    return f"{study.started_at:%Y-%m-%d %H:%M} UTC, {', '.join(f'{name} {value}' for name, value in told.items())}"


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of the verdict: a word that says what it is (`missed`, `advice`, …), and the text, after some code."""

    word: str
    text: str
    code: str = ""

    @property
    def tone(self) -> str:
        """How that sounds: good, bad, warn or plain."""
        tones = {"missed": "bad", "worse": "bad", "met": "good", "better": "good", "advice": "warn"}
        return tones.get(self.word, "plain")


def remarks(study: Study) -> Iterator[Remark]:
    """The verdict, what has changed and what would help, the most important first."""
    if study.verdict.first:
        yield Remark("advice", study.verdict.first)
    yield from (Remark("missed", failure) for failure in study.verdict.failures)
    if not study.verdict.failures:
        recall = f" and mean recall {study.targets.recall:g}" if study.targets.recall is not None else ""
        target = f"p95 {study.targets.p95_ms:g} ms{recall}"
        enough = "" if study.verdict.advice or study.verdict.first else ": nothing needs to change"
        yield Remark("met", f"{study.verdict.judged} meets {target} for users of every size{enough}")
    yield Remark("cost", _cost(study))
    if study.changes is not None:
        yield from _changes(study.changes)
    yield from (Remark("advice", advice) for advice in study.verdict.advice)
    for one in study.verdict.recommendations:
        kept = one.current == one.value
        now = "" if one.current is None or kept else f" (now {one.current})"
        yield Remark("keep" if kept else "recommended", f"{now}: {one.because}", f"{one.setting} = {one.value}")


def _cost(study: Study) -> str:
    """What it takes to keep a memory, with the indexes that have a tenth of it or more, and to write one."""
    found, inserts = study.facts, study.inserts
    large = [index for index in found.indexes if index.bytes >= found.bytes / 10]
    shares = "".join(f", {index.bytes / found.bytes:.0%} of that in {index.name}" for index in large if found.bytes)
    told = f"{found.bytes_per_memory:,.0f} bytes a memory with all indexes{shares}"
    if inserts is None:
        return told
    low, high = ("?" if rate is None else f"{rate:,.0f}" for rate in (inserts.low, inserts.high))
    return f"{told}; {inserts.per_second:,.0f} single inserts a second ({low}–{high}), without the commit"


def _changes(changes: Changes) -> Iterator[Remark]:
    counts = f"{len(changes.worse)} worse and {len(changes.better)} better than in {changes.since.name}"
    yield Remark("compared", f"{counts}, of {changes.compared} figures compared")
    yield from (Remark("worse", _sentence(change)) for change in changes.worse)
    yield from (Remark("better", _sentence(change)) for change in changes.better)


def notes(study: Study) -> tuple[str, ...]:
    """What else is to be known of the figures."""
    return *study.notes, *(study.changes.notes if study.changes else ())


def label(measured: Measured) -> str:
    """The strategy, and the role if it searched as another."""
    return f"{measured.strategy} as {measured.role}" if measured.role else measured.strategy


def quantile(quantile: Quantile) -> str:
    """With its interval: `62 ms (60–71)`, or `62 ms (60–?)` where too few searches are beyond it to bound it."""
    low, high = ("?" if bound is None else milliseconds(bound) for bound in (quantile.low_ms, quantile.high_ms))
    return f"{milliseconds(quantile.ms)} ({low.removesuffix(' ms')}–{high.removesuffix(' ms')})"


def held(size: ForSize) -> str:
    """How much the users of a class hold: `10–99`."""
    return f"{size.from_memories:,}–{size.from_memories * 10 - 1:,}"


def plans(plans: Plans) -> str:
    """How the rows were reached, the most frequent way first."""
    kinds = {True: "exact", False: "approximate", None: "not shown inside"}
    return "; ".join(f"{use.access}: {kinds[use.exact]}" for use in plans.used)


def _sentence(change: Change) -> str:
    """`plain, users from 1,000 memories: p95 5 ms, was 9 ms`"""
    who = f"{change.strategy} as {change.role}" if change.role else change.strategy
    whose = "" if change.from_memories is None else f", users from {change.from_memories:,} memories"
    before, after = (_figure(change.figure, value) for value in (change.before, change.after))
    return f"{who}{whose}: {_FIGURES[change.figure]} {after}, was {before}"


def _figure(name: str, value: float) -> str:
    return milliseconds(value) if name.endswith("_ms") else f"{value:.3f}" if name == "recall" else f"{value:,.0f}"
