"""Whether searching is fast and right: the plain query, or several ways side by side, for users of every size.

All of it happens on one snapshot, which further connections import: the sample, the true neighbours, each strategy
once to warm up, once for the time and once to be explained, and then under load. It reads only, unless memories are
to be added meanwhile or indexes tried out, which is rolled back.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from memdb import trust
from memdb.benchmark import (
    explain,
    facts,
    figures,
    inserts,
    load,
    measurement,
    pace,
    preparation,
    searching,
    strategies,
    trials,
    verdict,
)
from memdb.benchmark.changes import Changes
from memdb.benchmark.facts import Facts
from memdb.benchmark.figures import Measured
from memdb.benchmark.identity import Identity
from memdb.benchmark.inserts import Inserts
from memdb.benchmark.load import Load
from memdb.benchmark.measurement import Latency
from memdb.benchmark.preparation import Prepared, Sample, Wanted
from memdb.benchmark.searching import Search
from memdb.benchmark.strategies import Strategy
from memdb.benchmark.targets import Targets
from memdb.benchmark.trials import Trial
from memdb.benchmark.verdict import Verdict
from memdb.database import Connection
from memdb.errors import DataError, UsageError
from memdb.words import count


@dataclass(frozen=True, slots=True)
class Design:
    """What a study measures: strategies by name, and values to sweep over.

    `concurrency` are numbers of connections, each to search for `seconds`; `writers` further connections add memories
    meanwhile, for the last of these numbers. `inserts` are single inserts to time. `identity` is a role to repeat
    everything as. `cold` was measured before, and for each m of `try_m` an index is tried out afterwards.
    """

    names: tuple[str, ...] = tuple(strategies.WAYS)
    ef_search: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    concurrency: tuple[int, ...] = ()
    seconds: float = 1.0
    writers: int = 0
    inserts: int = 0
    identity: Identity | None = None
    cold: Mapping[str, Latency] = field(default_factory=dict)
    try_m: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(strategies.parse(",".join(self.names))))
        for name in ("ef_search", "candidates", "concurrency", "try_m"):
            if any(number < 1 for number in getattr(self, name)):
                raise UsageError(f"{name} is {min(getattr(self, name))}", hint="Give 1 or more.")

    @property
    def writes(self) -> bool:
        """Whether memories are added, to be rolled back."""
        return bool(self.writers or self.inserts)


@dataclass(frozen=True, slots=True)
class Study:
    """The whole result."""

    started_at: datetime
    verdict: Verdict
    notes: tuple[str, ...]
    k: int
    workload: str
    targets: Targets
    sample: Sample
    strategies: tuple[Measured, ...]
    facts: Facts
    trials: tuple[Trial, ...]
    inserts: Inserts | None
    versions: dict[str, str]
    settings: dict[str, str | None]
    changes: Changes | None = None

    @property
    def ok(self) -> bool:
        """What the verdict is about meets the targets, and nothing is worse than before."""
        return not self.verdict.failures and (self.changes is None or self.changes.ok)


def run(
    connection: Connection,
    wanted: Wanted,
    design: Design,
    *,
    targets: Targets = Targets(),
    on_phase: Callable[[str], None] = lambda _: None,
) -> Study:
    """Measures each strategy that the database offers.

    Raises DataError where nothing can be searched, DatabaseError where the tables are not there, the role cannot be
    assumed or more connections are refused, UsageError where no strategy is left.
    """
    started_at = datetime.now(UTC)
    if design.identity is not None:
        design.identity.check(connection)
    with connection.transaction():
        prepared = preparation.prepare(connection, wanted, on_phase, writing=design.writes)
        if design.identity is not None:
            trust.require_own_policies(connection, prepared.target.memories)
        if design.try_m:
            trials.require_indexed(prepared.target)
        found = facts.read(connection, prepared.target)
        chosen, left_out = strategies.choose(
            connection, prepared.target, design.names, design.ef_search, design.candidates
        )
        empty = measurement.measure_round_trip(connection, prepared.target, prepared.questions, wanted.k)
        runs = _Runs(connection, prepared, wanted.k, design, connection.value("select pg_export_snapshot()"), empty)
        measured = tuple(runs.run(chosen, on_phase))
        settings = preparation.settings_of(connection)
    tried = trials.run(connection, design.try_m, k=wanted.k, random_seed=wanted.random_seed, on_phase=on_phase)
    # Last, as the dead entries that it leaves in the indexes would be in the way of searches.
    inserted, refused = _inserts(connection, design, wanted, on_phase)
    judged = verdict.judge(measured, found, tried, settings, targets)
    return Study(
        started_at=started_at,
        verdict=judged,
        notes=(*left_out, *prepared.notes, *refused, *_notes(design, found)),
        k=wanted.k,
        workload=wanted.workload,
        targets=targets,
        sample=preparation.sample_of(prepared.questions, wanted.random_seed),
        strategies=measured,
        facts=found,
        trials=tried,
        inserts=inserted,
        versions=prepared.versions,
        settings=settings,
    )


def _inserts(
    connection: Connection, design: Design, wanted: Wanted, on_phase: Callable[[str], None]
) -> tuple[Inserts | None, tuple[str, ...]]:
    """What was measured already is not lost where it is refused."""
    if not design.inserts:
        return None, ()
    on_phase(f"Inserting {count(design.inserts, 'memory')}, which are rolled back …")
    try:
        return inserts.run(connection, design.inserts, random_seed=wanted.random_seed), ()
    except DataError as error:
        return None, (f"Left out: inserts. {error.message}",)


@dataclass(frozen=True, slots=True)
class _Runs:
    """What is the same for all strategies."""

    connection: Connection
    prepared: Prepared
    k: int
    design: Design
    snapshot: str
    round_trip_ms: float

    def run(self, chosen: list[Strategy], on_phase: Callable[[str], None]) -> Iterator[Measured]:
        pairs = [
            (strategy, identity) for strategy in chosen for identity in dict.fromkeys((None, self.design.identity))
        ]
        measured = []
        for strategy, identity in pairs:
            on_phase(f"Searching: {_told(strategy, identity)} …")
            measured.append(self._measure(strategy, identity))
        if not self.design.writers:
            yield from measured
            return
        # Last, as what was rolled back stays in the indexes until a vacuum, and HNSW stumbles over it.
        for (strategy, identity), one in zip(pairs, measured, strict=True):
            on_phase(f"Searching while memories are added: {_told(strategy, identity)} …")
            yield replace(one, while_adding=self._load_while_adding(strategy, identity))

    def _measure(self, strategy: Strategy, identity: Identity | None) -> Measured:
        questions, truth = self.prepared.questions, self.prepared.truth
        statement = strategy.statement(self.prepared.target)
        with strategies.applied(self.connection, strategy, identity):
            work = pace.prepare(self.connection, self.prepared.target, self.k)
            search = Search(self.connection, statement, self.k, identity=identity)
            first = searching.run_all(search, questions)
            answers, meanwhile = pace.run_all(search, questions, work)
            search.close()
            work.close()
            plans = explain.read(self.connection, statement, questions, self.k, identity)
        latency = measurement.latency(answers)
        return Measured(
            strategy=strategy.label,
            name=strategy.name,
            ef_search=strategy.ef_search,
            candidates=strategy.candidates,
            role=identity.role if identity else None,
            latency=latency,
            queries_per_second=measurement.per_second(answers),
            recall=measurement.recall(answers, truth),
            server=figures.server_time(latency, self.round_trip_ms),
            first_run=measurement.latency(first),
            cold=None if identity else self.design.cold.get(strategy.label),
            pace=meanwhile,
            distribution=figures.distribution(answers),
            sizes=tuple(figures.by_size(questions, answers, truth)),
            loads=tuple(self._load(strategy, identity, count) for count in self.design.concurrency),
            while_adding=None,
            plans=plans,
        )

    def _load(self, strategy: Strategy, identity: Identity | None, count: int, writers: int = 0) -> Load:
        crowd = load.crowd(
            self.connection,
            self.prepared.target,
            strategy,
            self.k,
            snapshot=self.snapshot,
            count=count,
            identity=identity,
        )
        with crowd as searches, self._writing(writers) as added_per_second:
            found = load.measure(searches, self.prepared.questions, self.prepared.truth, self.design.seconds)
            return replace(found, writers=writers, added_per_second=added_per_second())

    def _load_while_adding(self, strategy: Strategy, identity: Identity | None) -> Load:
        return self._load(strategy, identity, (*self.design.concurrency, 1)[-2:][0], self.design.writers)

    def _writing(self, writers: int) -> AbstractContextManager[Callable[[], float]]:
        if not writers:
            return nullcontext(lambda: 0.0)
        return load.adding(self.connection, self.prepared.target, self.prepared.questions, writers)


def _told(strategy: Strategy, identity: Identity | None) -> str:
    return f"{strategy.label} as {identity.role}" if identity else strategy.label


def _notes(design: Design, found: Facts) -> Iterator[str]:
    if design.cold:
        yield "Cold means: right after a restart of the server, with the operating system's cache as it was."
    if design.writers or design.inserts:
        yield (
            "What was added was rolled back. Dead entries stay in the indexes until the next vacuum, "
            "and HNSW may find less until then: vacuum memories before you measure again."
        )
    if len(design.names) > 1 and not found.buffers_known:
        yield (
            "How much of an index is in shared buffers is not known: the extension pg_buffercache is not installed, "
            "or this role may not use it."
        )
