"""What is made of a study's figures: the verdict, what has changed, plots and reports."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from memdb import output
from memdb.benchmark import changes, recommending, strategies, verdict
from memdb.benchmark.changes import Earlier
from memdb.benchmark.explain import Plans, PlanUse
from memdb.benchmark.facts import Facts, IndexFacts
from memdb.benchmark.figures import Distribution, ForSize, Measured, ServerTime
from memdb.benchmark.inserts import Inserts
from memdb.benchmark.load import Load
from memdb.benchmark.measurement import Latency, Quantile, Recall
from memdb.benchmark.preparation import SETTINGS, Sample, Wanted
from memdb.benchmark.study import Design, Study
from memdb.benchmark.targets import Targets
from memdb.benchmark.trials import Trial
from memdb.errors import DataError, UsageError
from memdb.output.benchmark import markdown, page, plots, reports, tags, words
from memdb.output.rendering import render

DEFINITION = (
    "CREATE INDEX ix_memories_embedding ON memories USING hnsw (embedding vector_cosine_ops) "
    "WITH (m='16', ef_construction='64')"
)
HNSW = IndexFacts(
    "ix_memories_embedding",
    "hnsw",
    80 * 2**20,
    8_200.0,
    0,
    True,
    False,
    0.5,
    "m=16, ef_construction=64",
    DEFINITION,
    "What it's for.",
)
PRIMARY = IndexFacts("memories_pkey", "btree", 2**20, 50.0, 0, True, True, None, None, "", None)
FACTS = Facts(10_000, 2**20, 80 * 2**20, 82 * 2**20, 17_000.0, (HNSW, PRIMARY), None, True)
SERVER_SETTINGS: dict[str, str | None] = {
    **dict.fromkeys(SETTINGS, "off"),
    "hnsw.ef_search": "40",
    "maintenance_work_mem": "64MB",
}


def latency(p95_ms: float, spread: float = 0.1) -> Latency:
    """A p95 with its interval; p50 is half of it."""
    p50, p95 = (Quantile(ms, ms * (1 - spread), ms * (1 + spread)) for ms in (p95_ms / 2, p95_ms))
    return Latency(p50, p95, p95, p95_ms)


def measured(
    name: str,
    p95_ms: Sequence[float],
    recall: float = 1.0,
    *,
    short: int = 0,
    ef_search: int | None = None,
    role: str | None = None,
) -> Measured:
    """A strategy with this p95 for users from 10, 100, … memories; the last one is also that of all."""
    found = Recall(recall, recall, short)
    sizes = tuple(
        ForSize(10**place, 5.0 * 10**place, 3, 100, latency(ms), found) for place, ms in enumerate(p95_ms, start=1)
    )
    return Measured(
        strategy=strategies.Strategy(name, ef_search).label,
        name=name,
        ef_search=ef_search,
        candidates=None,
        role=role,
        latency=latency(p95_ms[-1]),
        queries_per_second=100.0,
        recall=found,
        server=ServerTime(0.05, 1.0, 2.0),
        first_run=latency(p95_ms[-1]),
        cold=None,
        pace=Quantile(2.0, 1.95, 2.05),
        distribution=Distribution((0.0, 0.5, 0.95, 0.99, 1.0), (0.1, p95_ms[-1] / 2, *[p95_ms[-1]] * 3)),
        sizes=sizes,
        loads=(Load(4, 1.0, 100, 100.0, latency(2.0), recall),),
        while_adding=None,
        plans=Plans((PlanUse('a <scan> & "more"', True, 100),), "Limit  (cost=0.00..1.00)"),
    )


def study(
    *measurements: Measured,
    targets: Targets = Targets(50.0),
    trials: tuple[Trial, ...] = (),
    facts: Facts = FACTS,
    inserts: Inserts | None = None,
) -> Study:
    judged = verdict.judge(measurements, facts, trials, SERVER_SETTINGS, targets)
    return Study(
        started_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        verdict=judged,
        notes=("A note with <angles>.",),
        k=5,
        workload="skewed",
        targets=targets,
        sample=Sample(200, 9, 10, 9_000, 1),
        strategies=measurements,
        facts=facts,
        trials=trials,
        inserts=inserts,
        versions={"postgresql": "18.4", "memdb": "0"},
        settings=SERVER_SETTINGS,
    )


PLAIN = measured("plain", [1, 9, 97])
FAST = measured("search_memories", [1, 2, 6], 0.999)


def test_the_verdict_names_the_users_who_wait_too_long() -> None:
    told = "plain: p95 97 ms for users of 1,000 to 9,999 memories misses 50 ms. Search with search_memories, which "
    then = "; then measure both: --strategies plain,search_memories"
    assert study(PLAIN).verdict.failures == (f"{told}comes with memdb migrate --with fast_search{then}",)
    applied = study(PLAIN, facts=replace(FACTS, fast_search=True)).verdict
    assert (applied.failures, applied.advice) == ((f"{told}is there{then}",), ())
    near = study(PLAIN, targets=Targets(100)).verdict
    assert near.advice[-1].startswith("The time grows with the memories of a user: p95 97 ms for users of 1,000")


def test_what_to_do_is_said_once_for_users_of_all_sizes_and_never_left_out() -> None:
    slow = measured("plain", [60, 70, 97])
    assert [failure.partition(" misses 50 ms.")[2] != "" for failure in study(slow).verdict.failures] == [
        True, True, False
    ]  # fmt: skip
    late = measured("search_memories", [1, 2, 97])
    assert study(late).verdict.failures[0].endswith("misses 50 ms. Look for a faster way with --strategies all.")
    others = [measured(name, [1, 2, 96]) for name in strategies.WAYS if name != late.name]
    assert (
        study(late, *others)
        .verdict.failures[0]
        .endswith("No other way that was measured is surely faster and finds as much.")
    )
    plain = study(late, measured("plain", [1, 2, 9])).verdict
    assert plain.failures[0].endswith("Search for them with the plain query: p95 9.0 ms, recall 1.000.")
    assert plain.advice == ()


def test_a_vacuum_comes_before_all_else_where_an_index_alone_cannot_answer() -> None:
    stale = replace(FACTS, visible_share=0.1)
    told = list(words.remarks(study(FAST, PLAIN, facts=stale, targets=Targets(1))))
    assert told[0].text.startswith("Vacuum first, then measure again")
    assert told[1].word == "missed"
    for fresh in (study(FAST, PLAIN), study(PLAIN, facts=stale)):
        assert fresh.verdict.first is None


def test_the_verdict_names_what_was_measured_to_be_faster_for_them() -> None:
    strict = measured("strict", [30, 20, 8], 0.995, ef_search=100)
    (failure,) = study(PLAIN, strict).verdict.failures
    assert failure.endswith("misses 50 ms. Search for them with strict, ef_search 100: p95 8.0 ms, recall 0.995.")


def test_what_loses_rows_is_never_recommended_for_its_speed() -> None:
    hnsw = measured("hnsw", [1, 1, 1], 0.5, short=60, ef_search=40)
    advice = study(PLAIN, hnsw).verdict.advice
    assert "Search for them with" not in study(PLAIN, hnsw).verdict.failures[0]
    assert any("hnsw, ef_search 40 loses rows: 60 of 300 searches" in sentence for sentence in advice)


def test_what_is_not_there_is_not_advised() -> None:
    bare = replace(FACTS, indexes=(PRIMARY,))
    trial = Trial(16, 64, 10_000, 4.0, 8_000, 9_000.0, {40: 0.999})
    for judged in (measured("plain", [1, 9, 97], 0.9), measured("search_memories", [1, 9, 97], 0.9)):
        found = study(judged, facts=bare, trials=(trial,)).verdict
        assert found.recommendations == ()
        assert "hnsw" not in " ".join(found.failures + found.advice).lower()
    assert "candidates => 1000" in found.failures[0]
    both = study(measured("search_memories", [1, 2, 6]), measured("plain", [1, 9, 97], 0.9, short=2)).verdict
    assert "Search with search_memories; or have HNSW scans go on" in " ".join(both.advice)


def test_lost_rows_are_never_met_and_are_said_first() -> None:
    losing = study(measured("plain", [1, 9, 97], 0.97, short=1), targets=Targets(50.0, 0.9))
    assert not losing.ok
    assert losing.verdict.failures[0].startswith(
        "plain loses rows: 1 of 300 searches came up short, mean recall 0.970. "
    )
    assert "search_memories" in losing.verdict.failures[0]
    assert str(list(render(losing))[-1]).startswith("MISSED plain loses rows")


def test_without_a_target_a_recall_below_nineteen_of_twenty_is_a_failure() -> None:
    low, high = (study(measured("plain", [1, 1], recall)) for recall in (0.949, 0.95))
    assert (low.ok, high.ok) == (False, True)
    assert low.verdict.failures[0].startswith("plain: mean recall 0.949 is below 0.95. ")
    assert study(measured("plain", [1, 1], 0.949), targets=Targets(50.0, 0.9)).ok


def test_the_faster_one_of_those_that_find_what_they_should_is_to_be_used() -> None:
    for plain, function, wanted in (
        (
            measured("plain", [1, 9, 4]),
            FAST,
            "use the plain query and not search_memories: p95 4.0 ms instead of 6.0 ms",
        ),
        (PLAIN, FAST, "use search_memories and not the plain query: p95 6.0 ms instead of 97 ms"),
        (measured("plain", [1, 1, 1], 0.5, short=9), FAST, "use search_memories and not the plain query: p95 6.0 ms"),
    ):
        assert wanted in study(plain, function).verdict.advice[0]
    assert study(measured("plain", [1, 9, 5.5]), FAST).verdict.advice == ()  # chance


def test_no_index_is_said_to_be_superfluous_as_it_may_be_new() -> None:
    assert not any("rop" in sentence for sentence in study(PLAIN, FAST).verdict.advice)


def test_where_all_is_well_it_is_said_that_nothing_needs_to_change() -> None:
    remark = next(words.remarks(study(measured("plain", [1, 2]))))
    assert remark.text == "plain meets p95 50 ms for users of every size: nothing needs to change"


def test_a_design_names_strategies_as_the_command_line_does() -> None:
    assert Design(names=("all",)).names == tuple(strategies.WAYS)
    assert Design(names=("plain", "exact,plain")).names == ("plain", "exact")


def test_searches_and_targets_that_cannot_be_are_named_as_what_they_are() -> None:
    for wrong, told in (
        (lambda: Wanted(k=0), "k is 0"),
        (lambda: Wanted(queries=0), "queries is 0"),
        (lambda: Wanted(workload="odd"), "no workload 'odd'"),
        (lambda: Targets(p95_ms=float("nan")), "p95_ms is nan"),
        (lambda: Targets(recall=7), "recall is 7"),
        (lambda: Design(names=("nope",)), "no strategy 'nope'"),
        (lambda: Design(names=()), "no strategy is named"),
        (lambda: Design(concurrency=(0,)), "concurrency is 0"),
    ):
        with pytest.raises(UsageError, match=told):
            wrong()


def test_search_memories_is_judged_where_it_is_there() -> None:
    found = study(PLAIN, FAST)
    assert (found.ok, found.verdict.judged) == (True, "search_memories")
    assert "p95 6.0 ms instead of 97 ms, recall 0.999 instead of 1.000" in found.verdict.advice[0]


def test_recall_is_judged_for_users_of_every_size() -> None:
    found = study(measured("plain", [1, 1], 0.9), targets=Targets(50.0, 0.95)).verdict
    assert [failure.split(": ")[1].split(" for")[0] for failure in found.failures] == ["recall 0.900"] * 2


def test_a_role_that_finds_less_is_pointed_out() -> None:
    advice = study(PLAIN, measured("plain", [1, 9, 97], 0.2, role="app")).verdict.advice
    assert any("As app, plain finds less: recall 0.200 instead of 1.000" in sentence for sentence in advice)


def test_a_role_is_called_slower_where_that_is_no_chance() -> None:
    slower, chance = (measured("plain", [1, 9, ms], role="app") for ms in (150, 117))
    assert any(
        "As app, plain takes p95 150 ms instead of 97 ms" in advice for advice in study(PLAIN, slower).verdict.advice
    )
    assert not any("As app" in advice for advice in study(PLAIN, chance).verdict.advice)


def test_the_smallest_ef_search_that_is_good_enough_is_recommended_with_its_migration() -> None:
    swept = [
        measured("strict", [5, 5, 5], recall, ef_search=width) for width, recall in ((40, 0.9), (100, 0.99), (200, 1.0))
    ]
    one = next(one for one in study(PLAIN, *swept).verdict.recommendations if one.setting == "hnsw.ef_search")
    (step,) = one.migrations
    assert (one.value, one.current) == ("100", "40")
    assert "set hnsw.ef_search = 100" in step.sql
    assert "set hnsw.iterative_scan = strict_order" in step.sql
    assert "reset hnsw.ef_search" in step.rollback


def test_no_ef_search_is_recommended_where_none_is_good_enough() -> None:
    found = study(PLAIN, measured("strict", [5, 5, 5], 0.9, ef_search=40)).verdict
    assert "hnsw.ef_search" not in [one.setting for one in found.recommendations]


@pytest.mark.parametrize(("recalls", "best"), [((0.8, 0.9, 0.995), "24"), ((0.99, 0.995, 1.0), "16")])
def test_m_is_changed_only_where_that_of_now_is_not_good_enough(recalls: tuple[float, ...], best: str) -> None:
    trials = tuple(
        Trial(m, 4 * m, 1000, 1.0, 8_200_000, 7_000.0, {40: recall})
        for m, recall in zip((8, 16, 24), recalls, strict=True)
    )
    found = {one.setting: one for one in study(PLAIN, trials=trials).verdict.recommendations}
    assert found["m"].value == best
    assert [step.name for step in found["m"].migrations] == (
        []
        if best == "16"
        else [
            "create ix_memories_embedding_m24",
            "comment on ix_memories_embedding_m24",
            "drop ix_memories_embedding",
            "rename ix_memories_embedding_m24",
        ]
    )
    assert found["maintenance_work_mem"].value == "81MB"  # 7,000 bytes of 10,000 memories, and a fifth


@pytest.mark.parametrize(("setting", "megabytes"), [("64MB", 64), ("2GB", 2048), ("65536kB", 64)])
def test_memory_is_read_as_the_server_writes_it(setting: str, megabytes: float) -> None:
    settings = SERVER_SETTINGS | {"maintenance_work_mem": setting}
    recommended = [one.setting for one in recommending.recommend([PLAIN], FACTS, (), settings, 0.99)]
    assert recommended == ([] if megabytes >= 96 else ["maintenance_work_mem"])


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (Sample(1, 1, 1, 1, 7), "1 search for the nearest 5 by 1 user with 1 memory each, of 10,000 in all"),
        (Sample(50, 3, 2, 900, 7), "50 searches for the nearest 5 by 3 users with 2 to 900 memories each, of 10,000"),
    ],
)
def test_searches_are_told_in_a_sentence(sample: Sample, expected: str) -> None:
    assert words.summary(replace(study(PLAIN), sample=sample)).startswith(expected)


def test_strategies_are_named_in_a_list() -> None:
    assert strategies.parse("plain, strict,plain") == ["plain", "strict"]
    assert strategies.parse("all") == list(strategies.WAYS)
    with pytest.raises(UsageError, match="no strategy 'fast'"):
        strategies.parse("plain,fast")


@pytest.fixture
def earlier(tmp_path: Path) -> Earlier:
    path = tmp_path / "earlier.json"
    reports.write(study(PLAIN), path)
    return changes.read(path)


def test_the_same_figures_are_no_change(earlier: Earlier) -> None:
    found = changes.compare(earlier, study(PLAIN))
    assert (found.ok, found.worse, found.better, found.notes) == (True, (), (), ())
    assert found.compared == 21


def test_times_within_their_intervals_are_noise(earlier: Earlier) -> None:
    assert changes.compare(earlier, study(measured("plain", [1.1, 9.9, 110]))).ok


def test_what_is_slower_beyond_the_noise_is_a_regression(earlier: Earlier) -> None:
    slower = study(measured("plain", [1, 20, 97]), targets=Targets(500.0))
    found = changes.since(earlier, slower, lambda names: slower)
    assert found.changes is not None
    assert [(change.from_memories, change.figure, change.before, change.after) for change in found.changes.worse] == [
        (100, "p50_ms", 4.5, 10),
        (100, "p95_ms", 9, 20),
        (100, "p99_ms", 9, 20),
    ]
    assert not found.ok


def test_what_is_faster_is_no_regression(earlier: Earlier) -> None:
    found = changes.compare(earlier, study(measured("plain", [1, 9, 30])))
    assert found.ok
    assert {change.from_memories for change in found.better} == {None, 1000}


def test_each_quantile_is_compared_on_its_own(earlier: Earlier) -> None:
    times = replace(PLAIN.latency, p50=Quantile(90.0, 85.0, 95.0))
    found = changes.compare(earlier, study(replace(PLAIN, latency=times)))
    assert [(change.figure, change.before, change.after) for change in found.worse] == [("p50_ms", 48.5, 90)]


def test_lost_recall_and_lost_rows_are_regressions(earlier: Earlier) -> None:
    found = changes.compare(earlier, study(measured("plain", [1, 9, 97], 0.98, short=3)))
    assert {change.figure for change in found.worse} == {"recall", "short_results"}


def test_more_bytes_for_each_memory_are_a_regression(earlier: Earlier) -> None:
    larger = study(PLAIN, facts=replace(FACTS, bytes_per_memory=19_000.0))
    (worse,) = changes.compare(earlier, larger).worse
    assert (worse.strategy, worse.figure, worse.after) == ("memories", "bytes_per_memory", 19_000.0)
    again: dict[tuple[str, ...], Study] = {("plain",): larger}
    found = changes.since(earlier, larger, again.__getitem__)
    assert not found.ok
    assert any("memories: bytes a memory 19,000, was 17,000" in str(line) for line in render(found))


def test_slower_inserts_are_a_regression_where_both_were_timed(tmp_path: Path) -> None:
    quick = Inserts(100, 2_000.0, 1_900.0, 2_100.0, Quantile(2.0, 1.95, 2.05))
    slow = replace(quick, per_second=300.0, low=280.0, high=320.0)
    path = tmp_path / "quick.json"
    assert reports.write(study(PLAIN, inserts=quick), path)
    earlier = changes.read(path)
    assert changes.compare(earlier, study(PLAIN, inserts=quick)).ok
    assert changes.compare(earlier, study(PLAIN)).compared == 21
    (worse,) = changes.compare(earlier, study(PLAIN, inserts=slow)).worse
    assert (worse.strategy, worse.figure, worse.before) == ("memories", "insert_ms", 0.5)
    busy = replace(slow, pace=Quantile(20.0, 19.5, 20.5))
    assert changes.compare(earlier, study(PLAIN, inserts=busy)).ok


def test_a_report_says_what_it_costs_to_keep_and_to_write_a_memory() -> None:
    found = study(PLAIN, inserts=Inserts(100, 312.4, 301.0, None, Quantile(2.0, 1.95, 2.05)))
    sentence = "17,000 bytes a memory with all indexes, 49% of that in ix_memories_embedding"
    rate = "312 single inserts a second (301–?), without the commit"
    for text in (markdown.document(found), page.document(found)):
        assert f"{sentence}; {rate}" in text
    assert markdown.document(study(PLAIN)).count("single inserts") == 0
    assert "ix_memories_embedding | hnsw | 80 MB | 8,389 | 49%" in markdown.document(found)


def test_too_few_searches_to_compare_are_noted(earlier: Earlier) -> None:
    unknown = Quantile(500.0, None, None)
    slower = replace(PLAIN, latency=Latency(unknown, unknown, unknown, 500.0))
    found = changes.compare(earlier, study(slower))
    assert found.ok
    assert "too few searches" in found.notes[-1]


def test_what_makes_two_studies_differ_is_noted(earlier: Earlier) -> None:
    found = changes.compare(earlier, replace(study(PLAIN), k=10))
    assert found.notes == ("Not the same in both: k, 5 before and 10 now.",)


def test_a_busy_machine_is_not_taken_for_a_slow_search(earlier: Earlier) -> None:
    busy = replace(measured("plain", [1.6, 14, 150]), pace=Quantile(3.2, 3.1, 3.3))
    found = changes.compare(earlier, study(busy))
    assert found.ok
    assert "The same work took up to 1.6 times as long now" in found.notes[0]


def test_what_is_slower_than_a_busy_machine_explains_is_a_regression(earlier: Earlier) -> None:
    busy = replace(measured("plain", [1.6, 14, 400]), pace=Quantile(3.2, 3.1, 3.3))
    found = changes.compare(earlier, study(busy))
    assert {change.from_memories for change in found.worse} == {None, 1000}


def test_a_faster_machine_is_not_taken_for_a_faster_search(earlier: Earlier) -> None:
    quick = replace(measured("plain", [0.5, 4.5, 48]), pace=Quantile(1.0, 0.95, 1.05))
    found = changes.compare(earlier, study(quick))
    assert (found.worse, found.better) == ((), ())
    assert "2.0 times as long before" in found.notes[0]


def test_what_is_worse_only_once_is_no_regression(earlier: Earlier) -> None:
    asked: list[tuple[str, ...]] = []

    def again(names: tuple[str, ...]) -> Study:
        asked.append(names)
        return study(measured("plain", [1, 9, 300]))

    found = changes.since(earlier, study(measured("plain", [1, 20, 300], 0.9)), again)
    assert asked == [("plain",)]
    assert found.changes is not None
    assert {(change.from_memories, change.figure) for change in found.changes.worse} == {
        (whose, f"{name}_ms") for whose in (None, 1000) for name in ("p50", "p95", "p99")
    }
    assert "not when measured again: 7." in found.changes.notes[-1]


def test_nothing_is_measured_once_more_where_nothing_looks_worse(earlier: Earlier) -> None:
    found = changes.since(earlier, study(PLAIN), lambda names: pytest.fail("measured once more"))
    assert found.changes is not None
    assert found.changes.ok


def test_a_report_with_other_fields_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    reports.write(study(PLAIN), path)
    report = json.loads(path.read_text())
    for one in report["strategies"]:
        one["latency"] = {"p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0}
    path.write_text(json.dumps(report))
    with pytest.raises(DataError, match="or is from another version"):
        changes.read(path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "1", '{"strategies": []}', '{"strategies": [{}]}', '{"strategies": 1}']
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(DataError, match="not a report of benchmark-similarity"):
        changes.read(path)
    with pytest.raises(DataError, match=r"missing.json cannot be read: No such file"):
        changes.read(tmp_path / "missing.json")


def test_strategies_that_were_not_measured_before_cannot_be_compared(earlier: Earlier) -> None:
    with pytest.raises(DataError, match="none of these strategies"):
        changes.compare(earlier, study(FAST))


ALL = study(
    PLAIN,
    measured("hnsw", [1, 1, 1], 0.4, short=9, ef_search=40),
    measured("hnsw", [2, 2, 2], 0.6, short=5, ef_search=100),
    FAST,
    measured("plain", [2, 12, 120], role="app <b>"),
    trials=(Trial(16, 64, 1000, 1.0, 8_200_000, None, {40: 0.99}),),
)


def test_a_page_needs_no_network_and_no_script() -> None:
    text = page.document(ALL)
    addresses = re.findall(r"\w+://[^\"'\s<)]*", text)
    assert set(addresses) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|@import|url\(|<img|<iframe", text)
    assert "prefers-color-scheme: dark" in text


def test_a_page_escapes_what_it_shows() -> None:
    text = page.document(ALL)
    assert "<angles>" not in text
    assert "app <b>" not in text
    assert "a &lt;scan&gt; &amp;" in text


def test_plots_are_well_formed_and_stay_within_their_frame() -> None:
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg[^>]* role=.*?</svg>", page.document(ALL))]
    assert len(charts) == 4
    for chart in charts:
        *_, width, height = map(float, chart.attrib["viewBox"].split())
        for dot in chart.iter("{http://www.w3.org/2000/svg}path"):
            across, down = map(float, dot.attrib["transform"].removeprefix("translate(").removesuffix(")").split())
            assert plots.LEFT - 10 <= across <= width - plots.RIGHT + 10
            assert plots.TOP <= down <= height - plots.BOTTOM


def test_a_study_of_one_search_can_be_drawn() -> None:
    one = replace(measured("plain", [0.0]), distribution=Distribution((0.0, 1.0), (0.0, 0.0)))
    assert page.document(study(one)).count('role="img"') == 4


def test_a_strategy_has_its_colour_and_shape_in_every_chart() -> None:
    legends = re.findall(r'<svg[^>]*class="(s\d[^"]*)"[^>]*>.*?d="([^"]*)".*?</svg>([^<]*)<', page.document(ALL))
    looks: dict[str, set[tuple[str, str]]] = {}
    for style, shape, name in legends:
        looks.setdefault(name.split(",")[0], set()).add((style, shape))
    assert set(looks) == {"plain", "hnsw", "search_memories", "plain as app &lt;b&gt;"}
    assert all(len(found) == 1 for found in looks.values())
    assert len({shape for found in looks.values() for _, shape in found}) == 3
    assert "dashed" in next(iter(looks["plain as app &lt;b&gt;"]))[0]


def test_the_target_is_drawn_where_it_is_within_the_chart() -> None:
    assert page.document(study(PLAIN)).count("target 50 ms") == 2
    assert page.document(study(PLAIN, targets=Targets(5_000.0))).count("target 5000 ms") == 0


def test_intervals_are_drawn_where_they_are_known() -> None:
    drawn = page.document(study(PLAIN)).count('<line class="interval"')
    times = [replace(size, latency=replace(size.latency, p95=Quantile(5.0, 4.0, None))) for size in PLAIN.sizes]
    assert drawn == 3 + 3  # p50, p95 and p99 of all, and p95 of each size
    assert page.document(study(replace(PLAIN, sizes=tuple(times)))).count('<line class="interval"') == 3


def test_recall_is_the_wider_apart_the_nearer_it_is_to_one() -> None:
    axis = plots.towards_one("recall", (0.9, 0.99, 0.999, 1.0), str, rest=0.0005)
    places = [axis.place(value) for value in (0.9, 0.99, 0.999, 1.0)]
    assert (places[0], places[3]) == pytest.approx((0, 1))
    assert min(after - before for before, after in pairwise(places)) > 0.15


def test_texts_beside_dots_cover_neither_a_dot_nor_each_other() -> None:
    dots = [(100.0, 100.0), (104.0, 100.0), (300.0, 100.0)]
    first, second, third = tags.arrange([(str(place), dot) for place, dot in enumerate(dots)], dots)
    assert first == (100.0, 91.0, "middle")
    assert second == (104.0, 118.0, "middle")
    assert third == (300.0, 91.0, "middle")
    crowded = [(100.0 + 6 * place, 100.0 + 6 * row) for place in range(9) for row in range(9)]
    assert None in tags.arrange([("100", dot) for dot in crowded], crowded)


def test_figures_that_miss_a_target_are_marked() -> None:
    text = page.document(ALL)
    assert '<td class="missed">97 ms <span class="soft">(87–107)</span></td>' in text
    assert '<td class="missed">0.400</td>' in text
    assert "<td>0.999</td>" in text
    assert "**97 ms (87–107)**" in markdown.document(ALL)


def test_an_interval_without_an_end_says_so() -> None:
    assert words.quantile(Quantile(62.0, 60.0, 71.4)) == "62 ms (60–71)"
    assert words.quantile(Quantile(9.56, 9.1, 1234.0)) == "9.6 ms (9.1–1,234)"
    assert words.quantile(Quantile(62.0, 60.0, None)) == "62 ms (60–?)"
    assert words.quantile(Quantile(62.0, None, None)) == "62 ms (?–?)"


def test_a_verdict_that_the_searches_do_not_decide_is_said_to_be_none() -> None:
    doubtful, firm = (measured("plain", [1, 9, ms]) for ms in (52, 97))
    assert "are too few to tell whether p95 misses 50 ms" in study(doubtful).verdict.advice[0]
    assert "1,000 to 9,999" in study(measured("plain", [1, 9, 48])).verdict.advice[0]
    assert not any("are too few to tell" in advice for advice in study(firm).verdict.advice)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [([3.0, 70.0], 2, 100), ([5.0], 5, 10), ([0.012, 0.4], 0.01, 0.5), ([1.0, 1000.0], 1, 1000)],
)
def test_a_logarithmic_axis_ends_at_round_values(values: list[float], low: float, high: float) -> None:
    axis = plots.logarithmic("ms", values, str)
    assert [axis.low, axis.high] == pytest.approx([low, high])
    assert axis.place(axis.low) == pytest.approx(0)
    assert axis.place(axis.high) == pytest.approx(1)


def test_markdown_says_the_verdict_first(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    reports.write(study(PLAIN), path)
    lines = path.read_text().splitlines()
    assert lines[0] == "## Similarity search"
    assert lines[4].startswith("- **Missed:** plain: p95 97 ms")
    rows = [line for line in lines if line.startswith("| plain")]
    assert all(row.count("|") >= 3 for row in rows)


def test_a_report_in_json_is_the_result(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    reports.write(ALL, path)
    assert json.loads(path.read_text()) == json.loads(json.dumps(output.as_json(ALL)))


def test_a_report_of_no_known_kind_or_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.md").mkdir()
    for path in (tmp_path / "report.pdf", tmp_path / "missing" / "report.md", tmp_path / "folder.md"):
        with pytest.raises(UsageError):
            reports.check(path)


def test_a_report_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(UsageError, match="is not writable"):
        reports.check(tmp_path / "report.md")


def test_text_ends_with_the_verdict() -> None:
    lines = [str(part) for part in render(study(PLAIN))]
    assert lines[-1].startswith(
        "MISSED plain: p95 97 ms for users of 1,000 to 9,999 memories misses 50 ms. Search with"
    )
    assert str(list(render(study(FAST)))[-1]).startswith("MET search_memories meets p95 50 ms")
