"""What memdb capacity predicts: sizes as they were measured, users spread as chance spreads them, no nonsense taken."""

import json
import math
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memdb.capacity import Demand, Skew, cluster, measured, plan
from memdb.capacity.demand import known_sets
from memdb.capacity.measured import Measurement
from memdb.capacity.parts import OF_SETS, parts
from memdb.capacity.timing import Clock
from memdb.cli import main
from memdb.errors import UsageError
from memdb.shape import DEFAULT

SKEWS = ("equal", "lognormal:0", "lognormal:1.5", "lognormal:3", "zipf:0.5", "zipf:1.1")
FAST = ("fast_search", "drop_hnsw")
MEASURED = measured.read().measurements


def told(one: Measurement) -> str:
    return f"{one.embedding}, {one.memories}, {one.sets}"


def asked(one: Measurement) -> Demand:
    """What would have been asked of that database, which had a hundred memories for each user."""
    users = max(one.memories // 100, 1)
    return Demand(
        users=users,
        memories_per_user=one.memories / users,
        sets=one.chosen,
        shape=DEFAULT.with_embedding(one.embedding),
        content_bytes=one.content_bytes,
        metadata_bytes=one.metadata_bytes,
    )


@pytest.mark.parametrize("one", MEASURED, ids=told)
def test_real_databases_were_within_a_fifth_of_the_prediction(one: Measurement) -> None:
    predicted = sum(part.bytes for part in parts(asked(one)) if part.name != "users")
    assert predicted == pytest.approx(one.bytes_each, rel=0.2)


def test_databases_of_three_sizes_were_measured() -> None:
    assert {one.memories for one in MEASURED} >= {10_000, 100_000, 1_000_000}


@pytest.mark.parametrize("one", [one for one in MEASURED if one.graph_bytes], ids=told)
def test_the_memory_of_a_build_was_within_a_fifth_of_the_prediction(one: Measurement) -> None:
    demand = asked(one)
    predicted = Clock(demand, measured.read().constants).times(demand.memories).build_memory_bytes / demand.memories
    assert predicted == pytest.approx(one.graph_bytes, rel=0.2)


def test_searches_of_large_users_took_what_is_predicted_give_or_take_half() -> None:
    off = [
        abs(math.log(float(clock.search_ms(np.array([float(size)]))[0]) / used))
        for one in MEASURED
        for clock in [Clock(asked(one), measured.read().constants)]
        for size, (used, *_) in one.searches.items()
        if int(size) >= 500
    ]
    assert np.median(off) < math.log(1.5)


def test_every_set_is_reckoned_with() -> None:
    assert set(known_sets()) <= OF_SETS.keys()


def test_long_texts_are_reckoned_beside_their_rows() -> None:
    for sets in ((), FAST):
        found = {part.name: part.bytes for part in parts(Demand(10, 10, sets=sets, content_bytes=100_000))}
        assert found["TOAST of memories"] > 100_000


def test_the_index_that_a_set_drops_takes_nothing() -> None:
    names = {part.name for part in parts(Demand(10, 10, sets=FAST))}
    assert "ix_memories_embedding" not in names
    assert "ix_memories_signature" in names


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("users", [1, 7, 20_000, 20_001, 10**8])
def test_classes_have_all_users_and_all_memories(users: int, skew: str) -> None:
    classes = Skew.parse(skew).classes(users, 200)
    assert classes.counts.sum() == users
    assert classes.memories == pytest.approx(200 * users)
    assert (np.diff(classes.sizes) <= 1e-9 * classes.sizes[:-1]).all()
    assert len(classes.sizes) < 21_000


def test_sizes_are_those_of_the_distribution() -> None:
    zipf = Skew.parse("zipf:0.8").classes(1000, 100)
    lognormal = Skew.parse("lognormal:1.5").classes(20_000, 100)
    assert zipf.sizes[0] / zipf.sizes[7] == pytest.approx((8 / 1) ** 0.8, rel=0.15)
    assert np.std(np.log(lognormal.sizes)) == pytest.approx(1.5, rel=0.02)


@pytest.mark.parametrize("skew", ["equal", "lognormal:1.5"])
def test_shards_differ_as_when_each_user_is_drawn(skew: str) -> None:
    users, shards, random = 60_000, 64, np.random.default_rng(3)
    classes = Skew.parse(skew).classes(users, 100)
    each = np.repeat(classes.sizes, classes.counts.astype(int))
    drawn = [np.bincount(random.integers(0, shards, users), each, minlength=shards).std() for _ in range(20)]
    found = [cluster.draw(classes, np.asarray, 1, shards, seed).memories.std() for seed in range(20)]
    assert np.mean(found) == pytest.approx(float(np.mean(drawn)), rel=0.15)


def test_shards_have_all_users_memories_and_load() -> None:
    classes = Skew().classes(1_000_000, 50)
    found = cluster.draw(classes, lambda sizes: 1 + 0 * sizes, 300, 32, 1)
    assert found.users.sum() == 1_000_000
    assert found.memories.sum() == pytest.approx(50_000_000)
    assert found.load.sum() == pytest.approx(300)  # a ms each


def test_the_same_random_seed_gives_the_same_answer() -> None:
    demand = Demand(10**6, 200, qps=100, sets=FAST, nodes=4)
    assert plan(demand) == plan(demand)
    assert plan(demand) != plan(replace(demand, random_seed=2))


def test_moving_shards_evens_servers_out() -> None:
    spread = plan(Demand(10_000, 100, Skew.parse("lognormal:2.5"), nodes=5, shards=64)).spread
    assert spread is not None
    assert spread.rebalanced.after.fullest < spread.as_placed.fullest
    assert spread.rebalanced.shards > 0


def test_a_further_server_gets_its_share() -> None:
    spread = plan(Demand(10**6, 100, Skew.parse("equal"), nodes=4, shards=256)).spread
    assert spread is not None
    assert spread.one_node_more.memories == pytest.approx(10**8 / 5, rel=0.15)
    assert spread.one_node_more.after.fullest < 1.15


def test_a_lost_server_is_as_many_users_as_it_had() -> None:
    spread = plan(Demand(10**6, 100, nodes=4)).spread
    assert spread is not None
    assert spread.node_lost.users == pytest.approx(1 / 4, abs=0.03)
    assert spread.node_lost.others_take == pytest.approx(4 / 3)


def test_a_user_who_is_too_large_is_told_of() -> None:
    result = plan(Demand(10**6, 200, Skew.parse("zipf:1.1"), qps=10, sets=FAST, nodes=4))
    assert any("most of the load of the hottest shard" in note for note in result.notes)


def test_ten_times_the_users_need_ten_times_the_servers_and_no_longer_searches() -> None:
    result = plan(Demand(10**7, 200, qps=1000, sets=FAST))
    asked = result.ways[0]
    assert result.tenfold is not None
    assert result.tenfold.servers.nodes == pytest.approx(10 * asked.servers.nodes, rel=0.1)
    assert result.tenfold.ms <= 1.2 * asked.searches[0].ms


def test_the_most_users_there_can_be_are_reckoned_with_and_no_more() -> None:
    assert plan(Demand(10**10, 10)).tenfold is None


def test_ways_are_each_told_once_the_one_that_was_asked_for_first() -> None:
    ways = plan(Demand(100, 100, sets=FAST)).ways
    assert ways[0].sets == FAST
    assert len({(frozenset(way.sets), way.embedding) for way in ways}) == len(ways) == 4


def test_without_an_index_for_so_many_dimensions_nothing_is_built() -> None:
    result = plan(Demand(100, 100, shape=DEFAULT.with_embedding("vector(3072)")))
    assert result.ways[0].times.build_seconds == 0


@pytest.mark.parametrize(
    "given",
    [
        {"users": 0},
        {"users": -1},
        {"users": 10**40},
        {"memories_per_user": 0},
        {"memories_per_user": math.nan},
        {"memories_per_user": math.inf},
        {"users": 10**10, "memories_per_user": 10**7},
        {"qps": -1},
        {"writes": math.nan},
        {"active": 1.1},
        {"content_bytes": -1},
        {"node_disk_gib": 0},
        {"nodes": 0},
        {"shards": 2**20},
        {"sets": ("fast_serch",)},
    ],
    ids=str,
)
def test_nonsense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as error:
        Demand(**({"users": 10, "memories_per_user": 10} | given))
    assert error.value.hint


@pytest.mark.parametrize("text", ["", "zipf:nan", "zipf:-1", "zipf:9", "equal:1", "normal", "lognormal:inf"])
def test_what_is_no_skew_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Skew.parse(text)


def test_fewer_shards_than_servers_are_refused() -> None:
    with pytest.raises(UsageError):
        plan(Demand(10, 10, nodes=9, shards=4))


def test_the_command_tells_parts_ways_and_servers(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["capacity", "--users", "100000000", "--memories-per-user", "200", "--qps", "9", "--with", "fast_search"]
    )
    shown = capsys.readouterr().out
    assert code == 0
    for text in (
        "20,000,000,000 memories",
        "ix_memories_signature",
        "halfvec(1536)",
        "Shards:",
        "A server lost",
        "Ten times",
    ):
        assert text in shown


def test_the_command_gives_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--users", "10", "--memories-per-user", "20", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["memories"] == 200
    assert found["spread"] is None
    assert found["source"]["pgvector"]


@pytest.mark.parametrize(
    "option", ["--users=0", "--memories-per-user=nan", "--skew=zipf:x", "--with=nothing", "--embedding=vector"]
)
def test_the_command_refuses_nonsense(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = option.partition("=")[0]
    usual = {"--users": "10", "--memories-per-user": "20"}
    rest = [f"{other}={value}" for other, value in usual.items() if other != name]
    assert main(["capacity", option, *rest]) == 2
    assert "hint:" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--users", "--memories-per-user", "--qps", "--active", "--node-memory"])
def test_a_value_out_of_range_is_told_with_its_option(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"--users": "10", "--memories-per-user": "20", option: "-1"}
    assert main(["capacity", *(f"{name}={value}" for name, value in given.items())]) == 2
    assert f"error: {option} cannot be -1\n" in capsys.readouterr().err


def test_what_takes_next_to_nothing_of_a_server_is_told_in_plain_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--users", "10", "--memories-per-user", "20"]) == 0
    assert "Servers: 1 (disk under 0.01, memory under 0.01, cores 0)." in capsys.readouterr().out


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    blocks = [block.splitlines() for block in re.findall(r"```console\n\$ memdb (capacity.*?)```", page, re.DOTALL)]
    assert blocks
    for first, *lines in blocks:
        assert main(shlex.split(first)) == 0
        shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert [line for line in lines if line and line != "…" and line.rstrip() not in shown] == [], (
            "Run: make picture"
        )


def test_rows_that_lie_scattered_are_a_page_each() -> None:
    clock = Clock(Demand(10, 100, sets=FAST), measured.read().constants)
    plain = Clock(Demand(10, 100), measured.read().constants)
    assert (clock.pages(200), plain.pages(200)) == (200, 400)  # the latter with TOAST
    assert clock.pages(10_000) < 0.1 * 10_000
