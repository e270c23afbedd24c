"""What got better or worse since an earlier study, as far as it is more than noise.

A time has changed where the intervals of p95 do not overlap and it differs by a tenth or more; recall where its mean
differs by 0.005 or more, since building an HNSW index anew moves it a little; lost rows by any number.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdb.benchmark.figures import ForSize, Measured
from memdb.errors import DataError

if TYPE_CHECKING:
    from memdb.benchmark.study import Study

_TIME = 0.10
_RECALL = 0.005
_BUSY = 1.5  # times as long for nothing at all


@dataclass(frozen=True, slots=True)
class Change:
    """`from_memories` is the size of the users it is about; None for all of them."""

    strategy: str
    role: str | None
    from_memories: int | None
    figure: str
    before: float
    after: float
    worse: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """`compared` counts figures, `notes` says what makes the two studies differ in more than their figures."""

    ok: bool
    since: Path
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    compared: int
    notes: tuple[str, ...]


def since(path: Path, study: "Study") -> "Study":
    """The same study, which is not all right where something got worse. Raises like `compare`."""
    changes = compare(path, study)
    return replace(study, ok=study.ok and changes.ok, changes=changes)


def compare(path: Path, study: "Study") -> Changes:
    """Compares with the JSON report of a study. Raises DataError where it is none, or has nothing in common."""
    before = _read(path)
    earlier = {(one["strategy"], one["role"]): one for one in before["strategies"]}
    pairs = [(earlier[one.strategy, one.role], one) for one in study.strategies if (one.strategy, one.role) in earlier]
    if not pairs:
        raise DataError(f"{path} has none of these strategies", hint="Measure the same ones with --strategies.")
    figures = [figure for old, new in pairs for figure in _figures(old, new)]
    changes = [change for change, _ in figures if change is not None]
    worse = tuple(change for change in changes if change.worse)
    better = tuple(change for change in changes if not change.worse)
    undecided = sum(not decided for _, decided in figures)
    return Changes(not worse, path, worse, better, len(figures) - undecided, tuple(_notes(before, study, undecided)))


def _read(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        for one in report["strategies"]:
            _ = one["strategy"], one["role"], one["latency"]["p95_low_ms"], one["recall"]["mean"], one["sizes"]
            _ = one["server"]["round_trip_ms"]
        _ = (
            report["k"],
            report["workload"],
            report["sample"]["queries"],
            report["facts"]["memories"],
            report["versions"],
        )
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="Name the JSON report of an earlier run.") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(
            f"{path} is no report of benchmark-similarity",
            hint="Write one with --report FILE.json, and compare with that.",
        ) from None
    return dict(report)


def _figures(old: Mapping[str, Any], new: Measured) -> Iterator[tuple[Change | None, bool]]:
    """Each figure with the change that it shows, if any, and whether that could be decided."""
    yield from _pair(new, None, old, new)
    sizes = {size["from_memories"]: size for size in old["sizes"]}
    for size in new.sizes:
        if size.from_memories in sizes:
            yield from _pair(new, size.from_memories, sizes[size.from_memories], size)


def _pair(
    measured: Measured, from_memories: int | None, old: Mapping[str, Any], new: Measured | ForSize
) -> Iterator[tuple[Change | None, bool]]:
    def change(figure: str, before: float, after: float, worse: bool) -> Change:
        return Change(measured.strategy, measured.role, from_memories, figure, before, after, worse)

    was, now = old["latency"], new.latency
    slower = _apart(was["p95_high_ms"], now.p95_low_ms)
    faster = _apart(now.p95_high_ms, was["p95_low_ms"])
    large = abs(now.p95_ms - was["p95_ms"]) >= _TIME * was["p95_ms"]
    changed = large and bool(slower or faster)
    decided = slower is not None and faster is not None
    yield change("p95_ms", was["p95_ms"], now.p95_ms, bool(slower)) if changed else None, decided or changed
    mean = old["recall"]["mean"], new.recall.mean
    yield change("recall", *mean, mean[1] < mean[0]) if abs(mean[1] - mean[0]) >= _RECALL else None, True
    short = old["recall"]["short_results"], new.recall.short_results
    yield change("short_results", *short, short[1] > short[0]) if short[0] != short[1] else None, True


def _apart(high: float | None, low: float | None) -> bool | None:
    """Whether one interval ends before the other begins; None where a bound is not known."""
    return None if high is None or low is None else high < low


def _notes(before: Mapping[str, Any], study: "Study", undecided: int) -> Iterator[str]:
    pairs = {
        "k": (before["k"], study.k),
        "the workload": (before["workload"], study.workload),
        "the random seed": (before["sample"]["random_seed"], study.sample.random_seed),
        "the number of searches": (before["sample"]["queries"], study.sample.queries),
        "the number of memories": (before["facts"]["memories"], study.facts.memories),
    }
    pairs |= {name: (before["versions"].get(name), version) for name, version in study.versions.items()}
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"Not the same in both: {name}, {old} before and {new} now."
    empty = before["strategies"][0]["server"]["round_trip_ms"], study.strategies[0].server.round_trip_ms
    if max(empty) > _BUSY * min(empty):
        yield (
            f"An empty search took {empty[0]:.2f} ms before and {empty[1]:.2f} ms now: the machine or the network was "
            "busier in one of the runs, so times tell little."
        )
    if undecided:
        yield f"Too few searches to tell whether a time has changed: {undecided} figures. Take more with --queries."
