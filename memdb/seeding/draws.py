"""What is drawn at random for a row beside its embedding: the same for the same seed and row, in any batch."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from memdb.reading.ids import MEMORIES
from memdb.values import TIERS

WEIGHTS = (30.0, 30.0, 40.0)

Draws: TypeAlias = NDArray[np.uint64]
Times: TypeAlias = NDArray[np.datetime64]
T = TypeVar("T")

_COLUMNS = 16
_DAY = 86_400_000_000  # in microseconds


def draw(random_seed: int, start: int, count: int) -> Draws:
    """The random numbers of rows `start` to `start + count`, (count, 16).

    Columns 0 and 1 make the row's id, 2 its tier, 3 to 5 its times; the others are free.
    """
    numbers_per_step = 4
    generator = np.random.Philox(key=[random_seed, 0], counter=start * _COLUMNS // numbers_per_step)
    return np.asarray(generator.random_raw(count * _COLUMNS), np.uint64).reshape(count, _COLUMNS)


def pick(options: Sequence[T], column: Draws) -> list[T]:
    """One of the options for each row."""
    return [options[index] for index in below(len(options), column)]


def below(limit: int, column: Draws) -> list[int]:
    """A whole number from 0 up to, not including, `limit` for each row."""
    return (column % np.uint64(limit)).tolist()  # type: ignore[no-any-return]


def ids(drawn: Draws) -> NDArray[np.void]:
    """Ids of seeded memories, (n,) of 16 bytes."""
    return MEMORIES.stamped(np.ascontiguousarray(drawn[:, :2]).view(np.uint8))


def tiers(drawn: Draws, weights: Sequence[float]) -> list[str]:
    """A tier for each row, in the proportions of `weights` (personal, project, task)."""
    limits = np.cumsum(weights) / np.sum(weights)
    return [TIERS[index] for index in np.searchsorted(limits[:2], _uniform(drawn[:, 2]), side="right")]


def access_counts(drawn: Draws) -> NDArray[np.int64]:
    """How often each memory was recalled: mostly never or a few times, 3.5 times on average."""
    return (-4 * np.log1p(-_uniform(drawn[:, 4]))).astype(np.int64)


def times(drawn: Draws, tiers: Sequence[str], now: datetime) -> tuple[Times, Times]:
    """When each memory was created, and when it was last recalled: at its creation if never since.

    Personal ones reach back two years, project ones one year, task ones 90 days: a quarter of these are older
    than 30 days, and due for pruning.
    """
    uniform = _uniform(drawn[:, 3])
    days = {"personal": 730 * uniform**1.5, "project": 365 * uniform, "task": np.minimum(-22 * np.log1p(-uniform), 90)}
    age = (np.select([np.array(tiers) == tier for tier in TIERS], [days[tier] for tier in TIERS]) * _DAY).astype(int)
    idle = np.where(access_counts(drawn) > 0, (age * _uniform(drawn[:, 5]) ** 2).astype(int), age)
    instant = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
    return instant - age.astype("m8[us]"), instant - idle.astype("m8[us]")


def _uniform(column: Draws) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 random bits."""
    return np.asarray((column >> np.uint64(11)) * 2.0**-53, np.float64)
