"""What each way of keeping the same memories takes: disk, memory, time and servers."""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from memdb.capacity import measured
from memdb.capacity.demand import GIB, Demand
from memdb.capacity.parts import parts
from memdb.capacity.skew import Classes
from memdb.capacity.timing import FEW, Clock, Times
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


@dataclass(frozen=True, slots=True)
class Answer:
    """A user of so many memories, whose search takes the processor `ms` and reads so many `pages`.

    If these are in memory and a core is free, that is what the user waits, besides the way to the server and back.
    """

    who: str
    memories: float
    ms: float
    pages: float


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


def way(demand: Demand, classes: Classes) -> Way:
    """What one way of keeping the memories takes."""
    clock, found = clock_of(demand), parts(demand)
    each = sum(part.bytes for part in found)
    users = {
        "median search": classes.asked(0.5),
        "95 % of searches": classes.asked(0.95),
        "largest user": classes.largest,
    }
    searches = tuple(Answer(who, size, clock.one_ms(size), clock.pages(size)) for who, size in users.items())
    return Way(
        sets=demand.sets,
        embedding=demand.shape.embedding,
        bytes_per_memory=each,
        disk_bytes=each * demand.memories,
        memory_bytes=_warm(demand, classes),
        times=clock.times(_on_one(demand, classes)),
        searches=searches,
        servers=servers_of(demand, classes),
    )


def servers_of(demand: Demand, classes: Classes) -> Servers:
    """As many as the scarcest of disk, memory and cores asks for."""
    clock = clock_of(demand)
    search = float((classes.counts * classes.sizes) @ clock.search_ms(classes.sizes)) / classes.memories
    work = demand.qps * search + demand.writes * clock.times(_on_one(demand, classes)).insert_ms
    needs = _room(demand, classes) | {"cores": work / 1000 / (demand.node_cores * CORES_USED)}
    bound = max(needs, key=lambda name: needs[name])
    return Servers(max(math.ceil(needs[bound]), 1), int(demand.users / needs[bound]), bound, needs)


def _on_one(demand: Demand, classes: Classes) -> float:
    """Memories on a server, if disk and memory decide how many servers there are."""
    return demand.memories / max(math.ceil(max(_room(demand, classes).values())), demand.nodes or 1)


def _room(demand: Demand, classes: Classes) -> dict[Bound, float]:
    disk = demand.memories * sum(part.bytes for part in parts(demand))
    return {
        "disk": disk / (demand.node_disk_gib * GIB * DISK_USED),
        "memory": _warm(demand, classes) / (demand.node_memory_gib * GIB * MEMORY_USED),
    }


def _warm(demand: Demand, classes: Classes) -> float:
    """Bytes that should be in memory."""
    compared = float(classes.counts @ np.minimum(classes.sizes, FEW)) / classes.memories
    share = {"all": 1.0, "active": demand.active, "compared": demand.active * compared, "no": 0.0}
    return demand.memories * sum(part.bytes * share[part.warm] for part in parts(demand))


def clock_of(demand: Demand) -> Clock:
    """With the constants that come with memdb."""
    return Clock(demand, measured.read().constants)
