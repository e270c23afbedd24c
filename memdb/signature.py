"""How many bits an embedding's signature has, and how near two of them must be, for any number of dimensions."""

from dataclasses import dataclass
from math import sqrt
from typing import Self

_MORE = 512  # bits besides the signs
_LARGE, _CLOSE = 0.7, 0.5  # times what the numbers would be if all were equally large


@dataclass(frozen=True, slots=True)
class Signature:
    """The constants of the set `fast_search`. All follow from the dimensions d and the number of bits.

    The numbers of an embedding of length 1 are about 1/√d, so what is large or doubtful is told in multiples of that:
    large is 0.7/√d, and doubtful is what lies within 0.5/√d of where a bit changes.

    The fewer numbers there are, the more each has to say. There are 512 bits besides the d signs: whether the first
    512 numbers are above 0.7/√d. If there are fewer numbers, the bits that are left say which of the first are above
    −0.7/√d. So an embedding of 1536 has 2048 bits, one of 512 two for each number, one of 256 or fewer three.

    Chance makes of the difference in b bits, each of which differs or not, at most √b, give or take (its standard
    deviation is √b/2). What differs by √b more than the tenth best is dropped, and what is within 4/3 √b of the tenth
    best, where the doubtful count half, is compared. docs/search-research.md has what was measured.
    """

    dimensions: int
    large: int
    """Of so many first numbers a bit says whether they are above `threshold`."""
    small: int
    """Of so many first numbers a bit says whether they are above minus `threshold`: none from 512 dimensions on."""
    bits: int
    """Signs first, then `large`, then `small`."""
    threshold: float
    doubt: float
    """A sign is doubtful if the number is within this of zero."""
    lower: float
    """The bit for `threshold` is doubtful if the number is above this, and not above `upper`."""
    upper: float
    bound: int
    """What differs in so many bits more than the tenth best of the first thousand is dropped."""
    margin: int
    """What is within so many weighted bits of the tenth best is compared by distance."""
    best: int
    """So many are compared in any case."""

    @classmethod
    def of(cls, dimensions: int) -> Self:
        """Three decimals, as the SQL that memdb ships has them."""
        large = min(dimensions, _MORE)
        small = min(dimensions, _MORE - large)
        bits = dimensions + large + small
        usual = 1 / sqrt(dimensions)
        return cls(
            dimensions=dimensions,
            large=large,
            small=small,
            bits=bits,
            threshold=round(_LARGE * usual, 3),
            doubt=round(_CLOSE * usual, 3),
            lower=round((_LARGE - _CLOSE) * usual, 3),
            upper=round((_LARGE + _CLOSE) * usual, 3),
            bound=round(sqrt(bits)),
            margin=round(4 / 3 * sqrt(bits)),
            best=64,
        )
