"""Constants that fit what was measured: by least squares of relative errors, none below zero."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from memdb.capacity import parts, timing
from memdb.capacity.demand import Demand
from memdb.capacity.measured import Constants, Cost, Measurement
from memdb.shape import DEFAULT

_GROWTHS = [number / 100 for number in range(41)]
_Point = tuple[float, float, float]
"""Rows, bytes of each, and the figure."""


def demand(one: Measurement) -> Demand:
    """What would be asked to predict it."""
    return Demand(
        users=max(one.memories // 100, 1),
        memories_per_user=one.memories / max(one.memories // 100, 1),
        sets=one.chosen,
        shape=DEFAULT.with_embedding(one.embedding),
        content_bytes=one.content_bytes,
        metadata_bytes=one.metadata_bytes,
    )


def constants(measured: Sequence[Measurement]) -> Constants:
    """One step after the other: what an HNSW index adds is what is left of those that have one."""
    plain = [one for one in measured if "fast_search" not in one.chosen]
    fast = [one for one in measured if "fast_search" in one.chosen]
    with_graph = [one for one in measured if parts.has_graph(demand(one))]
    without = [one for one in measured if not parts.has_graph(demand(one))]
    insert = fit([(1, _row(one), one.insert_ms) for one in without if one not in fast])
    signing = fit([(1, _value(one), one.insert_ms - insert.of(1, _row(one))) for one in without if one in fast])
    wal = fit([(1, _row(one), one.insert_wal_bytes) for one in without])
    growth = min(_GROWTHS, key=lambda power: _error(_builds(with_graph, power)))
    return Constants(
        plain_toasted=fit(_searches(one for one in plain if "embedding" in parts.outside(demand(one)))),
        plain_inline=fit(_searches(one for one in plain if "embedding" not in parts.outside(demand(one)))),
        fast_few=fit(point for point in _searches(fast) if point[0] <= timing.FEW),
        fast_many=fit(
            (rows, parts.signature_bytes(demand(one).shape), ms)
            for one in fast
            for rows, _, ms in _searches([one])
            if rows > timing.FEW
        ),
        insert=insert,
        signature_insert=signing,
        growth=growth,
        graph_insert=fit(
            [(one.memories**growth, _value(one), one.insert_ms - insert.of(1, _row(one))) for one in with_graph],
            base=False,
        ),
        graph_build=fit(_builds(with_graph, growth), base=False),
        migrated=fit([(one.memories, _row(one), 1000 * one.migrated_seconds) for one in fast if one.migrated_seconds]),
        wal=wal,
        graph_wal=fit([(1, _value(one), one.insert_wal_bytes - wal.of(1, _row(one))) for one in with_graph]),
    )


def fit(points: Iterable[_Point], *, base: bool = True) -> Cost:
    """The columns whose constants would be below zero are left out, one after the other."""
    rows, size, figure = np.array([point for point in points if point[2] > 0], dtype=float).T
    columns: NDArray[np.float64] = np.column_stack([np.ones_like(rows), rows, rows * size]) / figure[:, None]
    if len(set(rows)) == 1:
        base = False  # each and base would be the same
    chosen = [0, 1, 2] if base else [1, 2]
    found = np.zeros(3)
    while True:
        solved = np.linalg.lstsq(columns[:, chosen], np.ones_like(figure), rcond=None)[0]
        if (solved >= 0).all():
            found[chosen] = solved
            return Cost(*(float(f"{value:.4g}") for value in found))
        del chosen[int(np.argmin(solved))]


def _searches(measured: Iterable[Measurement]) -> list[_Point]:
    return [(float(size), _value(one), used) for one in measured for size, (used, *_) in one.searches.items()]


def _value(one: Measurement) -> int:
    return parts.vector_bytes(demand(one).shape)


def _row(one: Measurement) -> float:
    return timing.row_bytes(demand(one))


def _builds(measured: Iterable[Measurement], growth: float) -> list[_Point]:
    return [(one.memories ** (1 + growth), _value(one), 1000 * (one.built_seconds or 0)) for one in measured]


def _error(points: list[_Point]) -> float:
    """The sum of squares of what is left when they have been fitted."""
    found = fit(points, base=False)
    return sum((found.of(rows, size) / figure - 1) ** 2 for rows, size, figure in points)
