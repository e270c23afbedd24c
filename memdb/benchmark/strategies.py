"""Ways to search: a statement, and the settings that make the planner take it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import LiteralString

from memdb.benchmark.identity import Identity
from memdb.database import Connection, query
from memdb.errors import UsageError
from memdb.target import Target

PLAIN, HNSW, STRICT, RELAXED, EXACT, FUNCTION = "plain", "hnsw", "strict", "relaxed", "exact", "search_memories"

# An index scan in the wanted order needs no sort, so where sorting is ruled out the planner takes the HNSW index.
_FORCED = {"enable_sort": "off", "enable_seqscan": "off", "enable_bitmapscan": "off"}


@dataclass(frozen=True, slots=True)
class Way:
    """A strategy before anything is varied: what it is, its statement in sql/queries, and how HNSW scans for it."""

    explanation: str
    block: str = "similar"
    iterative_scan: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        return {} if self.iterative_scan is None else _FORCED | {"hnsw.iterative_scan": self.iterative_scan}


WAYS = {
    PLAIN: Way("the plain query, as the planner runs it"),
    HNSW: Way("HNSW forced, filtered after the scan", iterative_scan="off"),
    STRICT: Way("HNSW forced, iterative scan in strict order", iterative_scan="strict_order"),
    RELAXED: Way("HNSW forced, iterative scan in relaxed order, sorted afterwards", "relaxed", "relaxed_order"),
    EXACT: Way("every memory of the user compared", "exact"),
    FUNCTION: Way("search_memories of set fast_search", "search_memories"),
}
NAMES = tuple(WAYS)
SCANNING = tuple(name for name, way in WAYS.items() if way.iterative_scan)  # those that ef_search has a say in


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to search. `ef_search` and `candidates`, the depth of the re-rank, are None where they are as set."""

    name: str
    ef_search: int | None = None
    candidates: int | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name, with what a sweep varies."""
        varied = {"ef_search": self.ef_search, "candidates": self.candidates}
        return ", ".join([self.name, *(f"{key} {value}" for key, value in varied.items() if value is not None)])

    def statement(self, target: Target) -> LiteralString:
        """With the user as $1, the embedding as $2, the id that is left out as $3 and k as $4."""
        if self.candidates is None:
            return target.query("benchmark", WAYS[self.name].block)
        among = target.query("benchmark", "search_memories_among")
        return among.replace("{candidates}", f"{self.candidates:d}")


def choose(
    connection: Connection,
    target: Target,
    names: Sequence[str],
    ef_search: Sequence[int] = (),
    candidates: Sequence[int] = (),
) -> tuple[list[Strategy], tuple[str, ...]]:
    """The strategies to run, and notes on those that this database does not offer.

    Raises UsageError where none of them is offered.
    """
    missing = dict(_missing(connection, target))
    chosen = [
        strategy for name in names if name not in missing for strategy in _variants(target, name, ef_search, candidates)
    ]
    if not chosen:
        raise UsageError(f"none of these strategies can be run here: {', '.join(names)}", hint=missing[names[0]])
    return chosen, tuple(f"Left out: {name}. {missing[name]}" for name in names if name in missing)


def parse(text: str) -> list[str]:
    """Names from a list with commas, or `all`. Raises UsageError for a name that is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise UsageError(
            f"there is no strategy {unknown[0]!r}" if unknown else "no strategy is named",
            hint=f"Strategies are {', '.join(NAMES)}; or all.",
        )
    return list(dict.fromkeys(names))


@contextmanager
def applied(connection: Connection, strategy: Strategy, identity: Identity | None = None) -> Iterator[None]:
    """Within a transaction, the strategy's settings and the identity's role, until the block ends."""
    with connection.transaction(force_rollback=True):  # going back to a savepoint puts the settings back
        apply(connection, strategy, identity)
        yield


def apply(connection: Connection, strategy: Strategy, identity: Identity | None = None) -> None:
    """The strategy's settings and the identity's role, until the transaction ends."""
    parameters = {"names": list(strategy.settings), "values": list(strategy.settings.values())}
    connection.execute(query("benchmark", "apply_settings"), parameters)
    if identity is not None:
        identity.assume(connection)


def _missing(connection: Connection, target: Target) -> Iterator[tuple[str, str]]:
    memories = {"memories": target.memories}
    if connection.value(query("benchmark", "hnsw_indexes"), memories) is None:
        yield from ((name, "There is no valid HNSW index on memories.") for name in SCANNING)
    if not connection.value(query("benchmark", "find_search_memories"), memories):
        yield FUNCTION, "It comes with: memdb migrate --with fast_search"


def _variants(target: Target, name: str, ef_search: Sequence[int], candidates: Sequence[int]) -> Iterator[Strategy]:
    settings = {"search_path": target.search_path} if name == FUNCTION else WAYS[name].settings
    if name in SCANNING and ef_search:
        for width in ef_search:
            yield Strategy(name, ef_search=width, settings=settings | {"hnsw.ef_search": str(width)})
        return
    yield Strategy(name, settings=settings)
    if name == FUNCTION:
        yield from (Strategy(name, candidates=depth, settings=settings) for depth in candidates)
