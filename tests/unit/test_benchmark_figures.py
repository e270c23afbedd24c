"""The arithmetic of a benchmark: quantiles and their intervals, shares of the sample, recall, and the verdict."""

import io
import random
import struct
import uuid
from pathlib import Path

import pytest
from rich.console import Console

from memdb.benchmark import measurement, preparation, quantiles, sampling, searching, similarity, truth
from memdb.benchmark.explain import Plans, PlanUse
from memdb.benchmark.measurement import Quantile
from memdb.benchmark.searching import Answer
from memdb.benchmark.similarity import Targets
from memdb.output import render


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


def _result(targets: Targets) -> similarity.Benchmark:
    measured = measurement.Measurement(
        latency=measurement.Latency(
            Quantile(20.0, 18.0, 22.0), Quantile(131.0, 80.0, 140.0), Quantile(140.0, 130.0, None), 150.0
        ),
        queries_per_second=40.0,
        recall=measurement.Recall(0.9, 0.2, 3),
        plans=Plans((PlanUse("ix_memories_embedding (hnsw)", False, 200),), "Limit"),
    )
    failures = tuple(similarity.failures(measured, targets))
    return similarity.Benchmark(
        ok=not failures,
        failures=failures,
        notes=tuple(similarity.notes_on_result(measured, targets)),
        k=5,
        targets=targets,
        sample=preparation.Sample(200, 20, 4, 3_000, 1),
        measurement=measured,
        versions={"postgresql": "18.4"},
        settings=dict.fromkeys(preparation.SETTINGS, "on"),
    )


def _text(result: similarity.Benchmark) -> str:
    written = io.StringIO()
    console = Console(width=120, file=written, color_system=None)
    for part in render(result):
        console.print(part)
    return written.getvalue()


def test_missed_targets_are_named_with_both_figures() -> None:
    result = _result(Targets(p95_ms=100, recall=0.95))
    assert result.failures == (
        "p95 131.00 ms misses the target of 100 ms",
        "mean recall 0.900 misses the target of 0.95",
    )
    assert "MISSED p95 131.00 ms misses the target of 100 ms" in _text(result)


def test_an_interval_around_the_target_is_said_to_decide_nothing() -> None:
    assert "do not decide" in " ".join(_result(Targets(p95_ms=100)).notes)
    assert "do not decide" not in " ".join(_result(Targets(p95_ms=10)).notes)


def test_quantiles_are_shown_above_their_intervals() -> None:
    lines = [line.split() for line in _text(_result(Targets())).splitlines()]
    assert ["20.00", "ms", "131.00", "ms", "140.00", "ms", "150.00", "ms", "40"] in lines
    assert ["95", "%", "sure", "18.00", "to", "22.00", "80.00", "to", "140.00", "130.00", "or", "more"] in lines


def test_lost_rows_are_noted_even_where_every_target_is_met() -> None:
    result = _result(Targets(p95_ms=1_000))
    assert result.ok
    text = _text(result)
    assert "Rows were lost: 3 searches" in text
    assert "3 searches came up short" in text
    assert "MET p95 131.00 ms is within the target of 1000 ms" in text
