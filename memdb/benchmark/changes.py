"""What got better or worse since an earlier study, as far as it is more than noise.

A quantile of the time of a search, or the time of an insert, has changed where its intervals do not overlap, by more
than the machine itself was slower or faster, and it differs by a tenth or more; recall where its mean differs by 0.005
or more, since building an HNSW index anew moves it a little; lost rows by any number; bytes for each memory by a tenth
or more. What looks worse is measured once more, and is so only if it lasts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdb import files
from memdb.benchmark.inserts import Inserts
from memdb.benchmark.measurement import SHARES, Latency, Quantile, Recall
from memdb.errors import DataError

if TYPE_CHECKING:
    from memdb.benchmark.study import Study

TABLE = "memories"
"""In place of a strategy, where it is the table and its indexes that have changed."""

_TIME = 0.10
_SIZE = 0.10
_RECALL = 0.005
_BUSY = 1.25  # times as long for the same work


@dataclass(frozen=True, slots=True)
class Change:
    """`from_memories` is the size of the users it is about; None for all of them.

    `figure` is `p50_ms`, `p95_ms`, `p99_ms`, `recall` or `short_results`; of TABLE, it is `bytes_per_memory` or
    `insert_ms`.
    """

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

    since: Path
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    compared: int
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.worse


_Key = tuple[str, str | None, int | None]  # strategy, role, and `from_memories`, None for users of every size


@dataclass(frozen=True, slots=True)
class Figures:
    """What is compared, and the pace of the machine meanwhile."""

    latency: Latency
    recall: Recall
    pace: Quantile


@dataclass(frozen=True, slots=True)
class Insert:
    """The time of an insert, and the pace of the machine meanwhile."""

    each: Quantile
    pace: Quantile


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is compared of an earlier report, and in `conditions` what should be the same in both."""

    path: Path
    figures: dict[_Key, Figures]
    bytes_per_memory: float
    insert: Insert | None
    conditions: dict[str, object]


def read(path: Path) -> Earlier:
    """The JSON report of a study. Raises DataError where it is none."""
    try:
        report = files.read_json(path)
        figures = {
            (one["strategy"], one["role"], part.get("from_memories")): _figures(part, one["pace"])
            for one in report["strategies"]
            for part in (one, *one["sizes"])
        }
        size = float(report["facts"]["bytes_per_memory"])
        return Earlier(path, figures, size, _insert(report.get("inserts")), _conditions(report))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read: {reason}", hint="Name the JSON report of an earlier run.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{path} is not a report of benchmark-similarity, or is from another version",
            hint="Write one with --report FILE.json, and compare with that.",
        ) from None


def _insert(found: dict[str, Any] | None) -> Insert | None:
    if found is None:
        return None
    inserts = Inserts(**found | {"pace": Quantile(**found["pace"])})
    return Insert(inserts.each, inserts.pace)


def _figures(part: Mapping[str, Any], pace: Mapping[str, Any]) -> Figures:
    times = part["latency"]
    p50, p95, p99 = (Quantile(**times[name]) for name in SHARES)
    return Figures(Latency(p50, p95, p99, times["max_ms"]), Recall(**part["recall"]), Quantile(**pace))


def _conditions(report: Mapping[str, Any]) -> dict[str, object]:
    same = {
        "k": report["k"],
        "the workload": report["workload"],
        "the random seed": report["sample"]["random_seed"],
        "the number of searches": report["sample"]["queries"],
        "the number of memories": report["facts"]["memories"],
    }
    return same | dict(report["versions"])


def since(earlier: Earlier, study: "Study", again: Callable[[tuple[str, ...]], "Study"]) -> "Study":
    """The study with its changes since an earlier one.

    `again` measures the strategies with these names once more. Raises like `compare`.
    """
    changes = compare(earlier, study)
    if changes.worse:
        worse = {change.strategy for change in changes.worse}
        names = dict.fromkeys(one.name for one in study.strategies if one.strategy in worse)
        # Where only the table is worse, something has to be searched for beside it.
        changes = _lasting(changes, compare(earlier, again(tuple(names) or (study.strategies[0].name,))))
    return replace(study, changes=changes)


def _lasting(first: Changes, second: Changes) -> Changes:
    """Without what was worse only once."""
    still = {_subject(change) for change in second.worse}
    worse = tuple(change for change in first.worse if _subject(change) in still)
    passing = len(first.worse) - len(worse)
    note = (f"Figures that were worse at first, but not when measured again: {passing:,}.",) if passing else ()
    return replace(first, worse=worse, notes=(*first.notes, *note))


def _subject(change: Change) -> tuple[object, ...]:
    return change.strategy, change.role, change.from_memories, change.figure


def compare(earlier: Earlier, study: "Study") -> Changes:
    """What has changed. Raises DataError where the two have no strategy in common."""
    pairs = {key: (earlier.figures[key], new) for key, new in _figures_of(study) if key in earlier.figures}
    if not pairs:
        raise DataError(f"{earlier.path} has none of these strategies", hint="Measure the same ones with --strategies.")
    compared = [figure for key, (old, new) in pairs.items() for figure in _pair(key, old, new)]
    compared += _table(earlier, study)
    changes = [change for change, _ in compared if change is not None]
    worse = tuple(change for change in changes if change.worse)
    better = tuple(change for change in changes if not change.worse)
    undecided = sum(not decided for _, decided in compared)
    notes = (*_notes(earlier, study), *_notes_on_pace(pairs.values()), *_notes_on_doubt(undecided))
    return Changes(earlier.path, worse, better, len(compared) - undecided, notes)


def _figures_of(study: "Study") -> Iterator[tuple[_Key, Figures]]:
    for one in study.strategies:
        yield (one.strategy, one.role, None), Figures(one.latency, one.recall, one.pace)
        for size in one.sizes:
            yield (one.strategy, one.role, size.from_memories), Figures(size.latency, size.recall, one.pace)


def _pair(key: _Key, old: Figures, new: Figures) -> Iterator[tuple[Change | None, bool]]:
    """Each figure with the change that it shows, if any, and whether that could be decided."""
    for name in SHARES:
        times = old.latency.quantiles[name], new.latency.quantiles[name]
        yield _time(key, f"{name}_ms", (times[0], old.pace), (times[1], new.pace))
    mean = old.recall.mean, new.recall.mean
    yield Change(*key, "recall", *mean, mean[1] < mean[0]) if abs(mean[1] - mean[0]) >= _RECALL else None, True
    short = old.recall.short_results, new.recall.short_results
    yield Change(*key, "short_results", *short, short[1] > short[0]) if short[0] != short[1] else None, True


def _table(earlier: Earlier, study: "Study") -> Iterator[tuple[Change | None, bool]]:
    """What it costs to keep memories, and to write them where both have it."""
    key: _Key = (TABLE, None, None)
    before, after = earlier.bytes_per_memory, study.facts.bytes_per_memory
    changed = abs(after - before) >= _SIZE * before
    yield Change(*key, "bytes_per_memory", before, after, after > before) if changed else None, True
    if earlier.insert and study.inserts:
        old, new = earlier.insert, study.inserts
        yield _time(key, "insert_ms", (old.each, old.pace), (new.each, new.pace))


def _time(
    key: _Key, figure: str, old: tuple[Quantile, Quantile], new: tuple[Quantile, Quantile]
) -> tuple[Change | None, bool]:
    """Of a time and the pace meanwhile, before and now."""
    (was, old_pace), (now, new_pace) = old, new
    most = _times(was.high_ms, new_pace.high_ms, old_pace.low_ms, max)
    least = _times(was.low_ms, new_pace.low_ms, old_pace.high_ms, min)
    slower, faster = _apart(most, now.low_ms), _apart(now.high_ms, least)
    changed = bool(slower or faster) and abs(now.ms - was.ms) >= _TIME * was.ms
    change = Change(*key, figure, was.ms, now.ms, bool(slower)) if changed else None
    return change, changed or (slower is not None and faster is not None)


def _times(
    bound: float | None, now: float | None, before: float | None, choose: Callable[[float, float], float]
) -> float | None:
    """A bound where the same work takes as long as now, if that is the more cautious one."""
    return None if bound is None or now is None or not before else bound * choose(1.0, now / before)


def _apart(high: float | None, low: float | None) -> bool | None:
    """Whether one interval ends before the other begins; None where a bound is not known."""
    return None if high is None or low is None else high < low


def _notes(earlier: Earlier, study: "Study") -> Iterator[str]:
    for name, new in _conditions(asdict(study)).items():
        old = earlier.conditions.get(name)
        if old != new:
            yield f"Not the same in both: {name}, {old} before and {new} now."


def _notes_on_pace(pairs: Iterable[tuple[Figures, Figures]]) -> Iterator[str]:
    paces = [(old.pace.ms, new.pace.ms) for old, new in pairs]
    before, now = max(paces, key=lambda pace: max(pace) / min(pace))
    if max(before, now) > _BUSY * min(before, now):
        yield (
            f"The same work took up to {max(before, now) / min(before, now):.1f} times as long "
            f"{'now' if now > before else 'before'}: the machine or the network was busier. Only what exceeds that "
            "counts as a change."
        )


def _notes_on_doubt(undecided: int) -> Iterator[str]:
    if undecided:
        yield f"Times with too few searches to see a change: {undecided:,}. Ask for more with --queries."
