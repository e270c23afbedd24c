"""Ways to search: a statement, and the settings that make the planner take it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from memdb import distribution, trust
from memdb.benchmark.identity import Identity
from memdb.database import Connection, query
from memdb.errors import UsageError
from memdb.shape import INDEXED_DIMENSIONS, Shape
from memdb.target import Target

PLAIN, HNSW, STRICT, RELAXED, EXACT, FUNCTION = "plain", "hnsw", "strict", "relaxed", "exact", "search_memories"


@dataclass(frozen=True, slots=True)
class Need:
    """What a database must have for a strategy: the block that looks for it, and what is said where it is not."""

    block: str
    hint: Callable[[Shape], str]


def _no_index(shape: Shape) -> str:
    if not shape.is_indexed:
        most = INDEXED_DIMENSIONS[shape.embedding_type]
        return f"pgvector has an HNSW index for a {shape.embedding_type} of up to {most:,} dimensions, not for more."
    return "memories has no valid HNSW index for cosine distance. The set drop_hnsw drops it."


_INDEX = Need("hnsw_indexes", _no_index)
_SET = Need("find_search_memories", lambda _: "It comes with: memdb migrate --with fast_search")


@dataclass(frozen=True, slots=True)
class Way:
    """A strategy before anything is varied: what it is, its statement in sql/queries, and what belongs to that.

    `reranking` is the statement that re-ranks {depth} candidates, where the strategy can do that.
    """

    explanation: str
    block: str = "similar"
    reranking: str | None = None
    settings: Callable[[Target], dict[str, str]] = lambda _: {}
    needs: Need | None = None

    @property
    def sweeps(self) -> tuple[str, ...]:
        """What can be varied: ef_search, candidates, or neither."""
        return ("ef_search",) * (self.needs is _INDEX) + ("candidates",) * (self.reranking is not None)


def _scanning(explanation: str, iterative_scan: str, block: str = "similar") -> Way:
    """An index scan in the wanted order needs no sort, so where sorting is ruled out the planner takes HNSW."""
    forced = {"enable_sort": "off", "enable_seqscan": "off", "enable_bitmapscan": "off"}
    return Way(explanation, block, settings=lambda _: forced | {"hnsw.iterative_scan": iterative_scan}, needs=_INDEX)


WAYS = {
    PLAIN: Way("the plain query, as the planner runs it"),
    HNSW: _scanning("HNSW forced, filtered after the scan", "off"),
    STRICT: _scanning("HNSW forced, iterative scan in strict order", "strict_order"),
    RELAXED: _scanning("HNSW forced, iterative scan in relaxed order, sorted afterwards", "relaxed_order", "relaxed"),
    EXACT: Way("every memory of the user compared", "exact"),
    FUNCTION: Way(
        "search_memories of set fast_search",
        "search_memories",
        reranking="search_memories_among",
        settings=lambda target: {"search_path": target.search_path},
        needs=_SET,
    ),
}
"""All strategies by name; charts, reports and options go by these."""


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

    def statement(self, target: Target) -> str:
        """With the user as $1, the embedding as $2, the id that is left out as $3 and k as $4."""
        way = WAYS[self.name]
        if self.candidates is None or way.reranking is None:
            return target.query("benchmark", way.block)
        return target.query("benchmark", way.reranking).replace("{depth}", f"{self.candidates:d}")


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
    missing = dict(_missing(connection, target, names))
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
        return list(WAYS)
    unknown = [name for name in names if name not in WAYS]
    if unknown or not names:
        raise UsageError(
            f"there is no strategy {unknown[0]!r}" if unknown else "no strategy is named",
            hint=f"Strategies are {', '.join(WAYS)}; or all.",
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
    # What is forced looks dear where a worker has to sort all the same, and would be compiled first.
    forced = {"jit": "off"} if "enable_sort" in strategy.settings else {}
    distribution.reach_workers(connection, strategy.settings | forced)
    if identity is not None:
        identity.assume(connection)


def _missing(connection: Connection, target: Target, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        need = WAYS[name].needs
        where = target.embeddings if need is _INDEX else target.memories
        if need and not connection.value(query("benchmark", need.block), {"memories": where}):
            yield name, need.hint(target.shape)
        elif name == FUNCTION and (schemas := trust.open_to_others(connection, target.schema)):
            listed = ", ".join(schema.in_words() for schema in schemas)
            yield name, f"What others may create beside it would run with a superuser's rights: in {listed}."


def _variants(target: Target, name: str, ef_search: Sequence[int], candidates: Sequence[int]) -> Iterator[Strategy]:
    way = WAYS[name]
    settings = way.settings(target)
    if "ef_search" in way.sweeps and ef_search:
        for width in ef_search:
            yield Strategy(name, ef_search=width, settings=settings | {"hnsw.ef_search": str(width)})
        return
    yield Strategy(name, settings=settings)
    if "candidates" in way.sweeps:
        yield from (Strategy(name, candidates=depth, settings=settings) for depth in candidates)
