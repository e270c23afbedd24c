"""Settings that the measurements ask for, with the migrations that would apply them."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from memdb import shape
from memdb.benchmark.facts import Facts, IndexFacts
from memdb.benchmark.figures import Measured
from memdb.benchmark.strategies import RELAXED, STRICT
from memdb.benchmark.trials import Trial

_DEFAULT_M = 16  # pgvector's
_ALONE = "-- transactional: false\n"
_DEFINITION = re.compile(
    r"CREATE INDEX .+? ON (?P<table>\S+) USING (?P<keys>.*?)(?: WITH \(.*?\))?(?P<where> WHERE .*)?", re.DOTALL
)
_MARGIN = 1.2  # what a build needs beside the graph


@dataclass(frozen=True, slots=True)
class Step:
    """A migration to be written: `name` is what it does, as `memdb new` wants it."""

    name: str
    sql: str
    rollback: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`value` for a setting, and the measurements that speak for it.

    `migrations` apply it, in order: none where it is in force already, or is given to a command instead.
    """

    setting: str
    value: str
    current: str | None
    because: str
    migrations: tuple[Step, ...] = ()


def recommend(
    measured: Sequence[Measured],
    facts: Facts,
    trials: Sequence[Trial],
    settings: Mapping[str, str | None],
    least: float,
) -> Iterator[Recommendation]:
    """What follows for ef_search from a sweep, for m from trials, for maintenance_work_mem from sizes.

    `least` is the mean recall to be reached, 0 to 1.
    """
    index = facts.vector_index
    if index is None:  # nobody is talked into one: it may have been dropped because nothing needs it
        return
    yield from _ef_search(measured, settings, facts.database_settings, least)
    if trials:
        yield from _m(index, trials, settings, least)
    yield from _memory(facts.memories, index, trials, settings)


def _ef_search(
    measured: Sequence[Measured], settings: Mapping[str, str | None], before: Mapping[str, str], least: float
) -> Iterator[Recommendation]:
    swept: list[Measured] = []
    good: list[Measured] = []
    for name in (STRICT, RELAXED):
        if not good:
            swept = [one for one in measured if one.name == name and one.ef_search is not None]
            good = [one for one in swept if one.recall.mean >= least]
    if not good:
        return
    best = min(good, key=lambda one: (one.ef_search or 0, one.latency.p95.ms))
    width, order = str(best.ef_search), f"{best.name}_order"
    wanted = {"hnsw.ef_search": width, "hnsw.iterative_scan": order}
    changed = {name: value for name, value in wanted.items() if settings.get(name) != value}
    tried = ", ".join(str(one.ef_search) for one in swept)
    chosen = f"the smallest of {tried}" if len(swept) > 1 else "the only one tried, one"
    yield Recommendation(
        "hnsw.ef_search",
        width,
        settings.get("hnsw.ef_search"),
        f"where HNSW is used with {order}: {chosen} whose mean recall reaches {least:g} "
        f"({best.recall.mean:.3f}, p95 {best.latency.p95.ms:,.1f} ms)",
        (_for_database(f"search with ef_search {width}", changed, before, best),) if changed else (),
    )


def _for_database(name: str, settings: Mapping[str, str], before: Mapping[str, str], measured: Measured) -> Step:
    """A database that had a value of its own `before` gets it back."""
    figures = f"mean recall {measured.recall.mean:.3f}, p95 {measured.latency.p95.ms:,.1f} ms"
    return Step(
        name,
        f"-- Measured by memdb benchmark-similarity on this data: {figures}.\n"
        "-- It is the default of this database for new connections; the operator loads the library that knows it.\n"
        + _alter_database([f"set {key} = {value}" for key, value in settings.items()]),
        "-- What the database had when that was measured.\n"
        + _alter_database(
            [
                f"set {key} = {sql.Literal(before[key]).as_string()}" if key in before else f"reset {key}"
                for key in settings
            ]
        ),
    )


def _alter_database(actions: Sequence[str]) -> str:
    quoted = (action.replace("'", "''").replace("%", "%%") for action in actions)
    lines = "".join(f"    execute format('alter database %I {action}', current_database());\n" for action in quoted)
    return f"do $$\nbegin\n    perform '[1]'::vector <=> '[1]'::vector;\n{lines}end\n$$;\n"


def _m(
    index: IndexFacts, trials: Sequence[Trial], settings: Mapping[str, str | None], least: float
) -> Iterator[Recommendation]:
    """The m in use if it is good enough at the ef_search in use; else the least that is, or the best there was."""
    current = _current_m(index)
    width = min(trials[0].recall, key=lambda tried: abs(tried - int(settings.get("hnsw.ef_search") or 40)))
    good = [trial for trial in trials if trial.recall[width] >= least]
    kept = next((trial for trial in good if trial.m == current), None)
    best = kept or (min(good, key=lambda one: one.m) if good else max(trials, key=lambda one: one.recall[width]))
    figures = "; ".join(
        f"m {trial.m}: {trial.recall[width]:.3f}, {trial.index_bytes / trial.rows:,.0f} bytes a memory, "
        f"built in {trial.build_seconds:,.1f} s"
        for trial in trials
    )
    yield Recommendation(
        "m",
        str(best.m),
        str(current),
        f"recall among {best.rows:,} memories at ef_search {width}, {least:g} being wanted: {figures}",
        tuple(_replace(index, best)) if current != best.m else (),
    )


def _current_m(index: IndexFacts) -> int:
    given = re.search(r"\bm=(\d+)", index.options or "")
    return int(given[1]) if given else _DEFAULT_M


def _replace(index: IndexFacts, trial: Trial) -> Iterator[Step]:
    """Four files, as what is concurrent stands alone; each is undone by itself. In the end it has the name that others,
    as the set drop_hnsw, know it by."""
    base = re.sub(r"_m[0-9]+$", "", index.name)
    old, name, new = map(shape.quoted, (index.name, base, f"{base}_m{trial.m}"))
    match = _DEFINITION.fullmatch(index.definition)
    if match is None:
        return
    tail = f"on {match['table']}\nusing {match['keys']}"
    where = match["where"] or ""
    old_options = f"\nwith ({index.options.replace('=', ' = ')})" if index.options else ""
    making = f"with (m = {trial.m}, ef_construction = {trial.ef_construction})"
    yield Step(
        f"create {new}",
        "-- Searches and writes go on meanwhile; the index that it replaces serves them until it is there.\n"
        f"{_ALONE}create index concurrently {new} {tail}\n{making}{where};\n",
        f"{_ALONE}drop index concurrently {new};\n",
    )
    options = {"m": trial.m, "ef_construction": trial.ef_construction}
    comment, said = (
        sql.Literal(text).as_string() if text else "null"
        for text in (index.comment, _saying(index.comment or "", index.options or "", options))
    )
    yield Step(
        f"comment on {new}",
        f"comment on index {new} is {said};\ncomment on index {old} is null;\n",
        f"comment on index {old} is {comment};\ncomment on index {new} is null;\n",
    )
    yield Step(
        f"drop {old}",
        f"-- It is replaced by {new}.\n{_ALONE}drop index concurrently {old};\n",
        f"{_ALONE}create index concurrently {old} {tail}{old_options}{where};\n",
    )
    yield Step(
        f"rename {new}",
        f"-- Other migrations and tools know the index by this name.\nalter index {new} rename to {name};\n",
        f"alter index {name} rename to {new};\n",
    )


def _saying(comment: str, before: str, options: Mapping[str, int]) -> str:
    """The comment, with the new options where it gives the old ones: `m 16, ef_construction 64`."""
    given = {"m": str(_DEFAULT_M), "ef_construction": "64"} | dict(re.findall(r"(\w+)=(\d+)", before))
    for name, new in options.items():
        comment = re.sub(rf"\b({name}\W{{1,3}}){given[name]}\b", rf"\g<1>{new}", comment)
    return comment


def _memory(
    memories: int, index: IndexFacts, trials: Sequence[Trial], settings: Mapping[str, str | None]
) -> Iterator[Recommendation]:
    """What a build of the vector index needs, so that its graph stays in memory."""
    measured = [trial.memory_bytes_per_row for trial in trials if trial.memory_bytes_per_row is not None]
    if measured:
        size, because = max(measured) * memories, f"the graph takes {max(measured):,.0f} bytes a memory"
    elif index.bytes:
        size, because = float(index.bytes), f"the graph is no larger than {index.name}, which it becomes"
    else:
        return
    needed, current = math.ceil(size * _MARGIN / 2**20), settings.get("maintenance_work_mem")
    if current is not None and _megabytes(current) >= needed:
        return
    yield Recommendation(
        "maintenance_work_mem",
        f"{needed}MB",
        current,
        f"{because}, and there are {memories:,} memories; for a build: memdb migrate --maintenance-work-mem {needed}MB",
    )


def _megabytes(setting: str) -> float:
    """Of a setting as PostgreSQL shows it: 512MB, 2GB, 65536kB."""
    number, unit = setting.rstrip("kMGTB"), setting.lstrip("0123456789")
    return int(number) * {"kB": 2**-10, "MB": 1, "GB": 2**10, "TB": 2**20}[unit]
