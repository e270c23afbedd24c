"""Ids of memories: in the order in which they were made, whatever the clock says."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from memdb.models import ids


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    id = ids.new_id()
    assert (id.version, id.variant) == (7, RFC_4122)
    assert before <= id.int >> 80 <= before + 60_000


def test_each_id_is_greater_than_those_before() -> None:
    made = [ids.new_id() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_ids_grow_while_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    made = []
    for moment in (now, now - 3_600 * 10**9, now - 3_600 * 10**9, 0, now + 10**9, now):
        monkeypatch.setattr("memdb.models.ids.time.time_ns", lambda moment=moment: moment)
        made += [ids.new_id() for _ in range(3)]
    assert made == sorted(set(made))


def test_ids_of_several_threads_are_all_different() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ids.new_id(), range(10_000)))
    assert len(set(made)) == 10_000


def test_a_forked_process_does_not_go_on_with_the_numbers_of_its_parent() -> None:
    before = ids.new_id()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        made = set(pool.map(_counter, range(8)))
    assert _counter_of(before) + 1 not in made


def _counter(_: int) -> int:
    return _counter_of(ids.new_id())


def _counter_of(id: UUID) -> int:
    return (id.int >> 64 & 0xFFF) << 30 | (id.int & (1 << 62) - 1) >> 32
