"""Quantiles of measured values, and how far they can be trusted, without assuming any distribution."""

import itertools
import math
from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ascending values that at least `share` (0 to 1) of them do not exceed: one that occurred."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def interval(ordered: Sequence[float], share: float, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Two of the ascending values that enclose the true quantile with at least this confidence.

    How many of n independent values lie below the quantile is binomial (n, share), so the chance that the
    quantile lies outside two order statistics is a binomial tail, whatever the distribution; each tail gets
    half of what the confidence leaves. None where there are too few values for a bound.
    Source: David and Nagaraja, Order Statistics, 3rd edition (2003), section 7.1.
    """
    tail = (1 - confidence) / 2
    at_most = _binomial_cdf(len(ordered), share)
    lower = sum(chance <= tail for chance in at_most)  # the highest rank with P(B < rank) <= tail; 0: none
    upper = sum(1 - chance > tail for chance in at_most) + 1  # the lowest rank with P(B >= rank) <= tail
    return (
        ordered[lower - 1] if lower else None,
        ordered[upper - 1] if upper <= len(ordered) else None,
    )


def _binomial_cdf(n: int, p: float) -> list[float]:
    """P(B <= i) for i = 0 … n, by logarithms, since the factorials outgrow a float."""
    whole, yes, no = math.lgamma(n + 1), math.log(p), math.log1p(-p)
    masses = (
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * yes + (n - i) * no) for i in range(n + 1)
    )
    return list(itertools.accumulate(masses))
