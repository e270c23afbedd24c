"""The arithmetic of a benchmark: quantiles and their intervals, shares of the sample, recall, and the verdict."""

import random
import struct
import uuid
from pathlib import Path

import pytest

from memdb.benchmark import measurement, quantiles, sampling, searching, truth
from memdb.benchmark.searching import Answer


@pytest.mark.parametrize("home", [None, Path("~/.cache/memdb")])
def test_a_user_without_a_home_keeps_no_true_neighbours(monkeypatch: pytest.MonkeyPatch, home: Path | None) -> None:
    def cache(_: str) -> Path:
        if home is None:
            raise RuntimeError("Could not determine home directory.")
        return home

    monkeypatch.setattr("platformdirs.user_cache_path", cache)
    assert truth.default_directory() is None


def test_a_quantile_is_a_value_that_occurred() -> None:
    values = [1.0, 2.0, 3.0, 10.0]
    assert [quantiles.quantile(values, share) for share in (0.0, 0.5, 0.75, 0.95, 1.0)] == [1.0, 2.0, 3.0, 10.0, 10.0]


def test_the_interval_of_a_median_has_the_published_ranks() -> None:
    assert quantiles.interval(range(1, 101), 0.5) == (40, 61)


def test_an_interval_is_open_where_the_values_are_too_few_to_bound_it() -> None:
    assert quantiles.interval([1.0], 0.95) == (None, None)
    assert quantiles.interval(range(1, 72), 0.95)[1] is None
    assert quantiles.interval(range(1, 74), 0.95)[1] == 73


def test_intervals_hold_the_true_quantile_as_often_as_they_claim() -> None:
    generator = random.Random(1)
    held = 0
    for _ in range(500):
        low, high = quantiles.interval(sorted(generator.random() for _ in range(200)), 0.95)
        assert low is not None
        assert high is not None
        held += low <= 0.95 <= high
    assert held >= 470


def test_each_quantile_of_a_latency_has_its_own_interval() -> None:
    found = measurement.latency_of(map(float, range(1, 401)))
    assert (found.p50.ms, found.p95.ms, found.p99.ms, found.max_ms) == (200, 380, 396, 400)
    for quantile in found.quantiles.values():
        assert quantile.low_ms is not None
        assert quantile.high_ms is not None
        assert quantile.low_ms <= quantile.ms <= quantile.high_ms


def test_the_rarer_what_is_asked_for_the_more_searches_it_takes_to_bound_it() -> None:
    found = measurement.latency_of(map(float, range(200)))
    assert found.p95.high_ms is not None
    assert found.p99.high_ms is None
    assert measurement.latency_of(map(float, range(368))).p99.high_ms == 367


def test_many_values_do_not_overflow() -> None:
    low, high = quantiles.interval(range(100_000), 0.95)
    assert low is not None
    assert high is not None
    assert 94_000 < low < 95_000 < high < 96_000


@pytest.mark.parametrize("queries", [1, 2, 7, 100, 200, 5_000])
def test_quotas_add_up_and_stay_within_what_is_held(queries: int) -> None:
    searchable = {0: 12, 1: 900, 3: 40_000}
    shares = sampling.quotas(searchable, queries)
    assert sum(shares.values()) == queries
    assert all(0 <= shares[magnitude] <= held for magnitude, held in searchable.items())


def test_users_of_every_size_are_sampled() -> None:
    assert sampling.quotas({0: 12, 1: 900, 3: 100_000}, 200) == {0: 10, 1: 10, 3: 180}


def test_no_more_queries_than_memories() -> None:
    assert sampling.quotas({0: 3, 1: 20}, 200) == {0: 3, 1: 20}


def test_an_embedding_reads_as_pgvector_writes_it() -> None:
    wire = struct.pack("!HH3f", 3, 0, 1.0, -0.5, 0.25)
    query = sampling.Query(uuid.UUID(int=1), uuid.UUID(int=2), wire, 10)
    assert query.embedding_text == "[1.0,-0.5,0.25]"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((0.1, 0.2, 0.3), 1.0),
        ((0.1, 0.3, 0.3), 1.0),  # at the same distance as the last true one: as good
        ((0.1, 0.2, 0.30000000001), 1.0),  # rounding
        ((0.1, 0.2, 0.4), 2 / 3),
        ((0.1,), 1 / 3),
        ((), 0.0),
    ],
)
def test_recall_counts_rows_no_farther_than_the_last_true_one(found: tuple[float, ...], expected: float) -> None:
    assert searching.recall(found, (0.1, 0.2, 0.3)) == pytest.approx(expected)


def test_recall_of_all_searches_has_its_minimum_and_counts_short_results() -> None:
    truth = [Answer((0.1, 0.2), 1.0), Answer((0.1, 0.2), 1.0), Answer((0.1,), 1.0)]
    found = [Answer((0.1, 0.2), 1.0), Answer((0.1,), 1.0), Answer((0.1,), 1.0)]
    result = measurement.recall(found, truth)
    assert (result.minimum, result.short_results) == (0.5, 1)
    assert result.mean == pytest.approx(2.5 / 3)
