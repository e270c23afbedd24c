"""What it takes to keep so many memories: disk, memory, time and servers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from memdb.capacity import cluster, measured
from memdb.capacity.cluster import Spread
from memdb.capacity.demand import GIB, Demand
from memdb.capacity.measured import Source
from memdb.capacity.parts import Part, has_graph, parts
from memdb.capacity.skew import Classes
from memdb.capacity.timing import FEW, Clock, Times
from memdb.errors import UsageError
from memdb.shape import EmbeddingType, Shape

Bound: TypeAlias = Literal["disk", "memory", "cores"]

DISK_USED, MEMORY_USED, CORES_USED = 0.7, 0.75, 0.5
"""How much of a server may be in use: the rest is for rebuilt indexes and WAL, for connections, and for peaks."""
_STEPS: tuple[tuple[tuple[str, ...], EmbeddingType | None], ...] = (
    ((), None),
    (("fast_search",), None),
    (("fast_search", "drop_hnsw"), None),
    (("fast_search", "drop_hnsw"), "halfvec"),
)
"""Ways of keeping memories, each the next step after the one before: sets, and another type of embeddings."""
_FEWEST_SHARDS, _MOST_SHARDS = 32, 2**14  # as Citus has it (citus.shard_count); as many as can be drawn in a second


@dataclass(frozen=True, slots=True)
class Answer:
    """A user of so many memories, who waits `p95_ms` for a search if what it reads is in memory."""

    who: str
    memories: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Servers:
    """How many are needed, for what; `needs` are fractions of one server by disk, memory and cores.

    `users_on_one` is how many users like these one server holds.
    """

    nodes: int
    users_on_one: int
    bound: Bound
    needs: dict[Bound, float]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of keeping the memories, in bytes of all of them."""

    sets: tuple[str, ...]
    embedding: str
    bytes_per_memory: float
    disk_bytes: float
    memory_bytes: float
    times: Times
    searches: tuple[Answer, ...]
    servers: Servers


@dataclass(frozen=True, slots=True)
class Tenfold:
    """Ten times the users: the servers they need, on as many shards; `p95_ms` is that of the median search."""

    users: int
    servers: Servers
    shards_per_node: float
    largest: float
    hottest: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """`ways` begins with the one that was asked for. `spread` is None where one server is enough."""

    users: int
    memories: int
    memories_per_user: float
    skew: str
    qps: float
    writes: float
    active: float
    parts: tuple[Part, ...]
    ways: tuple[Way, ...]
    spread: Spread | None
    move_seconds_per_million: float
    tenfold: Tenfold
    notes: tuple[str, ...]
    source: Source


def plan(demand: Demand) -> Capacity:
    """Everything that there is to say. Needs no database; the same demand gives the same answer."""
    classes = demand.skew.classes(demand.users, demand.memories_per_user)
    all_ways = ways(demand)
    asked = all_ways[0]
    nodes = demand.nodes or asked.servers.nodes
    larger = replace(demand, users=demand.users * 10, qps=demand.qps * 10, writes=demand.writes * 10)
    more = larger.skew.classes(larger.users, larger.memories_per_user)
    then = _servers(larger, more)
    shards = demand.shards or _shards(max(then.nodes, nodes))
    if demand.nodes and demand.nodes > shards:
        raise UsageError(f"{shards} shards cannot be on {demand.nodes} nodes", hint="Take more shards, or fewer nodes.")
    spread = _spread(demand, classes, min(nodes, shards), shards) if nodes > 1 else None
    return Capacity(
        users=demand.users,
        memories=demand.memories,
        memories_per_user=demand.memories_per_user,
        skew=str(demand.skew),
        qps=demand.qps,
        writes=demand.writes,
        active=demand.active,
        parts=parts(demand),
        ways=all_ways,
        spread=spread,
        move_seconds_per_million=_moving(demand),
        tenfold=_tenfold(larger, more, then, shards),
        notes=tuple(_notes(demand, asked, spread, shards)),
        source=measured.read().source,
    )


def way(demand: Demand, classes: Classes) -> Way:
    """What one way of keeping the memories takes."""
    clock, found = _clock(demand), parts(demand)
    each = sum(part.bytes for part in found)
    users = {
        "median search": classes.asked(0.5),
        "95 % of searches": classes.asked(0.95),
        "largest user": classes.largest,
    }
    searches = tuple(Answer(who, size, clock.p95_ms(size)) for who, size in users.items())
    return Way(
        demand.sets, demand.shape.embedding, each, each * demand.memories, _warm(demand, classes), clock.times(),
        searches, _servers(demand, classes),
    )  # fmt: skip


def _spread(demand: Demand, classes: Classes, nodes: int, shards: int) -> Spread:
    cost = _clock(demand).search_ms
    found = cluster.draw(classes, cost, demand.qps, shards, demand.random_seed)
    return cluster.spread(found, classes, cost, demand.qps, nodes)


def _clock(demand: Demand) -> Clock:
    return Clock(demand, measured.read().constants)


def _warm(demand: Demand, classes: Classes) -> float:
    """Bytes that should be in memory."""
    compared = float(classes.counts @ np.minimum(classes.sizes, FEW)) / classes.memories
    share = {"all": 1.0, "active": demand.active, "compared": demand.active * compared, "no": 0.0}
    return demand.memories * sum(part.bytes * share[part.warm] for part in parts(demand))


def _servers(demand: Demand, classes: Classes) -> Servers:
    clock = _clock(demand)
    disk = demand.memories * sum(part.bytes for part in parts(demand))
    search = float((classes.counts * classes.sizes) @ clock.search_ms(classes.sizes)) / classes.memories
    work = demand.qps * search + demand.writes * clock.times().insert_ms
    needs: dict[Bound, float] = {
        "disk": disk / (demand.node_disk_gib * GIB * DISK_USED),
        "memory": _warm(demand, classes) / (demand.node_memory_gib * GIB * MEMORY_USED),
        "cores": work / 1000 / (demand.node_cores * CORES_USED),
    }
    bound = max(needs, key=lambda name: needs[name])
    return Servers(max(math.ceil(needs[bound]), 1), int(demand.users / needs[bound]), bound, needs)


def _shards(nodes: int) -> int:
    """A power of two that leaves two shards to every node: nodes are added easily, shards are not."""
    return min(max(_FEWEST_SHARDS, 1 << math.ceil(math.log2(2 * nodes))), _MOST_SHARDS)


def ways(demand: Demand) -> tuple[Way, ...]:
    """The one that was asked for, then the steps from `core` on, with whatever else was asked for."""
    classes = demand.skew.classes(demand.users, demand.memories_per_user)
    besides = tuple(name for name in demand.sets if name not in {"fast_search", "drop_hnsw"})
    found = {_key(demand): demand}
    for chosen, shape in _STEPS:
        half = replace(demand.shape, embedding_type=shape) if shape else demand.shape
        other = replace(demand, sets=(*chosen, *besides), shape=half)
        found.setdefault(_key(other), other)
    return tuple(way(one, classes) for one in found.values())


def _key(demand: Demand) -> tuple[frozenset[str], Shape]:
    """Ways that keep nothing else are one way: for so many dimensions there may be no index to be dropped."""
    dropped = {"drop_hnsw"} if not demand.shape.is_indexed else set()
    return frozenset({*demand.sets} - dropped), demand.shape


def _moving(demand: Demand) -> float:
    """Seconds that one process takes to write a million memories anew, with their indexes, as when a shard moves."""
    times = _clock(demand).times()
    without = _clock(replace(demand, sets=tuple({*demand.sets, "drop_hnsw"}))).times()
    return (without.insert_ms * 1e6 / 1000) + times.build_seconds * 1e6 / demand.memories


def _tenfold(larger: Demand, classes: Classes, servers: Servers, shards: int) -> Tenfold:
    clock = _clock(larger)
    found = cluster.draw(classes, clock.search_ms, larger.qps, shards, larger.random_seed)
    hottest = float(found.load.max() / found.load.mean()) if found.load.any() else 1.0
    largest = float(found.memories.max() / found.memories.mean())
    p95 = clock.p95_ms(classes.asked(0.5))
    return Tenfold(larger.users, servers, shards / servers.nodes, largest, hottest, p95)


def _notes(demand: Demand, asked: Way, spread: Spread | None, shards: int) -> Iterator[str]:
    room, needed = demand.node_memory_gib * GIB * MEMORY_USED / 2, asked.times.build_memory_bytes / asked.servers.nodes
    if has_graph(demand) and needed > room:
        yield (
            f"Building the HNSW index needs {needed / GIB:,.0f} GiB of maintenance_work_mem on each server; with less, "
            "it takes many times as long."
        )
    if asked.servers.nodes > shards:
        yield f"{asked.servers.nodes:,} servers are more than there are shards: only {shards:,} can have any."
    elif spread and asked.servers.nodes > shards / 2:
        yield f"{shards:,} shards on {asked.servers.nodes:,} servers leave little to be moved: take more."
    if spread and spread.of_one_user > 0.5:
        yield (
            "The user with the most memories alone makes most of the load of the hottest shard; no number of servers "
            "changes that, as a user is on one."
        )
