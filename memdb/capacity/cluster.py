"""Users spread over shards by the hash of their id, and shards over nodes: what is where, and what happens then.

A user's place is drawn at random, which is what a hash does. Each of the users with the most memories is drawn alone;
of the others, as many of each class come to a shard as a multinomial distribution gives. So a hundred million users
take a second, and the same random seed always gives the same answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from memdb.capacity.skew import Classes, Numbers

Cost: TypeAlias = Callable[[Numbers], Numbers]
"""What searches of users with so many memories take, in ms of a processor."""

_THRESHOLD = 0.1
"""How far a node may be from the mean before shards are moved: Citus' rebalancer has the same tenth."""


@dataclass(frozen=True, slots=True)
class Shards:
    """By shard: users, memories, and processor time of searches in ms per second."""

    users: Numbers
    memories: Numbers
    load: Numbers


@dataclass(frozen=True, slots=True)
class Balance:
    """Shards on nodes. `fullest` and `busiest` are a node's memories and load, by the mean of all nodes."""

    nodes: int
    fullest: float
    busiest: float


@dataclass(frozen=True, slots=True)
class Moves:
    """What it takes to reach a balance: so many shards, with so many memories."""

    shards: int
    memories: float
    after: Balance


@dataclass(frozen=True, slots=True)
class Lost:
    """A node is gone, the fullest: whose memories cannot be reached until it is back, as a share of all users, and what
    each other node would have to take if its shards were made anew there."""

    users: float
    memories: float
    share_of_load: float
    others_take: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Users over `shards`. `largest` is a shard's memories and `hottest` its load, each by the mean of all shards;
    `of_one_user` is how much of the hottest shard's load the user with the most memories makes, 0 to 1, if there."""

    shards: int
    largest: float
    hottest: float
    of_one_user: float
    as_placed: Balance
    rebalanced: Moves
    one_node_more: Moves
    node_lost: Lost


def draw(classes: Classes, cost: Cost, qps: float, shards: int, random_seed: int) -> Shards:
    """Where users come to be. They ask as they have memories, `qps` searches per second in all, more than none."""
    random = np.random.default_rng(random_seed)
    per_memory = qps / classes.memories
    loads = classes.sizes * per_memory * cost(classes.sizes)
    alone = classes.counts == 1
    place = random.integers(0, shards, int(alone.sum()))
    each = np.stack([np.ones_like(loads), classes.sizes, loads])  # users, memories, load
    summed = np.stack([np.bincount(place, one[alone], minlength=shards) for one in each])
    for count, one in zip(classes.counts[~alone].tolist(), each.T[~alone], strict=True):
        summed += one[:, None] * random.multinomial(int(count), np.full(shards, 1 / shards))
    return Shards(*summed)


def spread(found: Shards, classes: Classes, cost: Cost, qps: float, nodes: int) -> Spread:
    """What there is to say of shards on so many nodes, of which there are no more than shards."""
    placed = np.arange(len(found.memories)) % nodes
    moved = _balanced(found.memories, placed, nodes)
    hottest = float(found.load.max())
    one = float((classes.sizes * cost(classes.sizes))[0]) * qps / classes.memories
    return Spread(
        shards=len(found.memories),
        largest=float(found.memories.max() / found.memories.mean()),
        hottest=hottest / float(found.load.mean()),
        of_one_user=min(one / hottest, 1.0),
        as_placed=_balance(found, placed, nodes),
        rebalanced=_moves(found, placed, moved, nodes),
        one_node_more=_moves(found, moved, _balanced(found.memories, moved, nodes + 1), nodes + 1),
        node_lost=_lost(found, moved, nodes),
    )


def _balance(found: Shards, placed: NDArray[np.int64], nodes: int) -> Balance:
    memories, load = (np.bincount(placed, each, minlength=nodes) for each in (found.memories, found.load))
    return Balance(nodes, float(memories.max() / memories.mean()), float(load.max() / load.mean()))


def _balanced(sizes: Numbers, placed: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """Shards of the fullest node go to the emptiest, as long as a node is too far from the mean and that helps."""
    placed = placed.copy()
    full = np.bincount(placed, sizes, minlength=nodes)
    for _ in range(len(sizes)):
        fullest, emptiest = int(full.argmax()), int(full.argmin())
        here = np.flatnonzero(placed == fullest)
        fits = here[sizes[here] < full[fullest] - full[emptiest]]
        if abs(full / full.mean() - 1).max() <= _THRESHOLD or not len(fits):
            break
        # The one that brings the two nearest to each other.
        best = fits[np.abs(full[fullest] - full[emptiest] - 2 * sizes[fits]).argmin()]
        placed[best] = emptiest
        full[fullest] -= sizes[best]
        full[emptiest] += sizes[best]
    return placed


def _moves(found: Shards, before: NDArray[np.int64], after: NDArray[np.int64], nodes: int) -> Moves:
    moved = before != after
    return Moves(int(moved.sum()), float(found.memories[moved].sum()), _balance(found, after, nodes))


def _lost(found: Shards, placed: NDArray[np.int64], nodes: int) -> Lost:
    full = np.bincount(placed, found.memories, minlength=nodes)
    here = placed == int(full.argmax())
    load = float(found.load[here].sum() / found.load.sum())
    others = nodes / (nodes - 1) if nodes > 1 else 0.0
    return Lost(float(found.users[here].sum() / found.users.sum()), float(found.memories[here].sum()), load, others)
