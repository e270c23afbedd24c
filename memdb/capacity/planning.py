"""What it takes to keep so many memories: disk, memory, time and servers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from memdb.capacity import cluster, measured
from memdb.capacity.cluster import Spread
from memdb.capacity.demand import GIB, Demand
from memdb.capacity.measured import Source
from memdb.capacity.parts import Part, has_graph, parts
from memdb.capacity.skew import Classes
from memdb.capacity.timing import Times
from memdb.capacity.ways import MEMORY_USED, Servers, Way, clock_of, servers_of, ways
from memdb.errors import UsageError

_FEWEST_SHARDS, _MOST_SHARDS = 32, 2**14  # as Citus has it (citus.shard_count); as many as can be drawn in a second


@dataclass(frozen=True, slots=True)
class Tenfold:
    """Ten times the users: the servers they need, on as many shards; `ms` is what the median search takes."""

    users: int
    servers: Servers
    shards_per_node: float
    largest: float
    hottest: float
    ms: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """`ways` begins with the one that was asked for. `spread` is None where one server is enough,
    and `tenfold` where that would be more than can be reckoned with."""

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
    tenfold: Tenfold | None
    notes: tuple[str, ...]
    source: Source


def plan(demand: Demand) -> Capacity:
    """Everything that there is to say. Needs no database; the same demand gives the same answer."""
    classes = demand.skew.classes(demand.users, demand.memories_per_user)
    all_ways = ways(demand)
    asked = all_ways[0]
    nodes = demand.nodes or asked.servers.nodes
    shards = demand.shards or _shards(max(10 * asked.servers.nodes, nodes))
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
        move_seconds_per_million=_moving(demand, asked.times),
        tenfold=_tenfold(demand, shards),
        notes=tuple(_notes(demand, asked, spread, shards)),
        source=measured.read().source,
    )


def _spread(demand: Demand, classes: Classes, nodes: int, shards: int) -> Spread:
    cost = clock_of(demand).search_ms
    qps = demand.qps or 1.0  # where nothing is said of it, shares of the load are still to be told
    found = cluster.draw(classes, cost, qps, shards, demand.random_seed)
    return cluster.spread(found, classes, cost, qps, nodes)


def _shards(nodes: int) -> int:
    """A power of two that leaves two shards to every node: nodes are added easily, shards are not."""
    return min(max(_FEWEST_SHARDS, 1 << math.ceil(math.log2(2 * nodes))), _MOST_SHARDS)


def _moving(demand: Demand, times: Times) -> float:
    """Seconds that one process takes to write a million memories anew, with their indexes, as when a shard moves."""
    without = clock_of(replace(demand, sets=tuple({*demand.sets, "drop_hnsw"}))).times(times.memories)
    return 1e6 * (without.insert_ms / 1000 + times.build_seconds / times.memories)


def _tenfold(demand: Demand, shards: int) -> Tenfold | None:
    try:
        larger = replace(demand, users=demand.users * 10, qps=demand.qps * 10, writes=demand.writes * 10)
    except UsageError:
        return None
    classes, clock = larger.skew.classes(larger.users, larger.memories_per_user), clock_of(larger)
    servers = servers_of(larger, classes)
    found = cluster.draw(classes, clock.search_ms, larger.qps or 1.0, shards, larger.random_seed)
    hottest = float(found.load.max() / found.load.mean())
    largest = float(found.memories.max() / found.memories.mean())
    search = clock.one_ms(classes.asked(0.5))
    return Tenfold(larger.users, servers, shards / servers.nodes, largest, hottest, search)


def _notes(demand: Demand, asked: Way, spread: Spread | None, shards: int) -> Iterator[str]:
    room, needed = demand.node_memory_gib * GIB * MEMORY_USED / 2, asked.times.build_memory_bytes
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
