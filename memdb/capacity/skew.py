"""How unevenly memories are spread over users."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, Self, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from memdb.errors import UsageError

Kind: TypeAlias = Literal["equal", "lognormal", "zipf"]
Numbers: TypeAlias = NDArray[np.float64]

_ALONE = 20_000  # of so many users with the most memories each is told apart
_CLASSES = 100  # of all others
_MOST = {"equal": 0.0, "lognormal": 4.0, "zipf": 2.0}
_USUAL = {"equal": 0.0, "lognormal": 1.5, "zipf": 0.8}


@dataclass(frozen=True, slots=True)
class Skew:
    """`equal`; `lognormal` with `degree` the standard deviation of the logarithm; or `zipf`, where the k-th largest
    user has memories as k to the minus `degree`."""

    kind: Kind = "lognormal"
    degree: float = _USUAL["lognormal"]

    @classmethod
    def parse(cls, text: str) -> Self:
        """`equal`, `lognormal`, `lognormal:1.5` or `zipf:0.8`. Raises UsageError for anything else."""
        name, _, written = text.strip().partition(":")
        try:
            degree = float(written) if written else _USUAL[name]
        except (KeyError, ValueError):
            degree = math.nan
        if name not in get_args(Kind) or not 0 <= degree <= _MOST[name] or (name == "equal" and bool(written)):
            raise UsageError(
                f"{text!r} is no skew of users",
                hint="Write equal, lognormal:1.5 (0 to 4, the standard deviation of the logarithm) or zipf:0.8 (0 to "
                "2, the exponent).",
            )
        return cls(cast("Kind", name), degree)

    def __str__(self) -> str:
        return self.kind if self.kind == "equal" else f"{self.kind}:{self.degree:g}"

    def classes(self, users: int, mean: float) -> "Classes":
        """The users in classes of alike, the largest first."""
        edges = _edges(users)
        sizes = self._sizes(users, (edges[:-1] + edges[1:]) / 2)
        counts = np.diff(edges)
        return Classes(counts, sizes * (users * mean / float(counts @ sizes)))

    def _sizes(self, users: int, rank: Numbers) -> Numbers:
        """Of the user of a rank from 0 on, in any unit: for a distribution, its quantile there."""
        match self.kind:
            case "equal":
                return np.ones_like(rank)
            case "zipf":
                return np.asarray((rank + 0.5) ** -self.degree)
        quantile = NormalDist().inv_cdf
        shares = np.clip((rank + 0.5) / (users + 0.5), 1e-300, 1 - 1e-16)
        return np.exp([-self.degree * quantile(share) for share in shares.tolist()])


USUAL = Skew()


@dataclass(frozen=True, slots=True)
class Classes:
    """`counts` users have `sizes` memories each, (classes,). Each of the largest is a class of its own."""

    counts: Numbers
    sizes: Numbers

    @property
    def largest(self) -> float:
        return float(self.sizes[0])

    @property
    def memories(self) -> float:
        return float(self.counts @ self.sizes)

    def asked(self, share: float) -> float:
        """As many memories as the user has who asks at this place, 0 to 1, where users ask as they have memories."""
        order = np.argsort(self.sizes)
        weights = np.cumsum((self.counts * self.sizes)[order])
        place = min(int(np.searchsorted(weights, share * weights[-1])), len(order) - 1)
        return float(self.sizes[order][place])


def _edges(users: int) -> Numbers:
    """Ranks where classes begin and the last one ends: one by one first, then further and further apart."""
    alone = min(users, _ALONE)
    ranks = [np.arange(alone + 1, dtype=np.float64)]
    if users > alone:
        rest = np.unique(np.rint(np.geomspace(alone, users, _CLASSES + 1)))
        ranks.append(rest[rest > alone])
    return np.concatenate(ranks)
