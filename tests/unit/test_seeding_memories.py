"""Synthetic memories: their tiers, texts, metadata, times and owners."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from memdb.seeding import draws, embeddings, phrases
from memdb.seeding.memories import Synthetic, sizes
from memdb.seeding.rows import Batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = {
    "personal": {"stressor", "emotion", "category", "intensity", "source", "access_count"},
    "project": {"goal_id", "milestone", "completion_percentage", "source", "access_count"},
    "task": {"conversation_id", "exchange_type", "eliza_response_tone", "source", "access_count"},
}


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    return list(Synthetic(users=20, memories=3210, random_seed=1).batches(NOW))


def test_there_are_as_many_rows_as_asked_for(batches: list[Batch]) -> None:
    assert sum(len(batch) for batch in batches) == 3210
    assert len({user for batch in batches for user in batch.users}) == 20
    assert len({id.tobytes() for batch in batches for id in batch.ids}) == 3210


def test_metadata_has_the_keys_of_its_tier_and_json_types(batches: list[Batch]) -> None:
    numbers = {"intensity", "completion_percentage", "access_count"}
    for batch in batches:
        for tier, text in zip(batch.tiers, batch.metadata, strict=True):
            metadata = json.loads(text)
            assert metadata.keys() == KEYS[tier]
            assert all(isinstance(value, int if key in numbers else str) for key, value in metadata.items())
            assert 0 <= metadata.get("completion_percentage", 0) <= 100


def test_texts_are_rarely_repeated_and_completely_filled_in(batches: list[Batch]) -> None:
    contents = [content for batch in batches for content in batch.contents]
    assert len(set(contents)) > 0.98 * len(contents)
    assert not any("{" in content or "  " in content for content in contents)


def test_texts_are_about_the_topic_of_their_embedding(batches: list[Batch]) -> None:
    _, topics = embeddings.Synthetic(1).batch(0, len(batches[0]))
    for content, topic in zip(batches[0].contents, topics, strict=True):
        subject = phrases.SUBJECTS[topic // embeddings.FACETS]
        assert any(word in content for word in (subject.name, subject.goal, phrases.FACETS[topic % embeddings.FACETS]))


def test_each_subject_and_facet_of_the_embeddings_has_words() -> None:
    assert len(phrases.SUBJECTS) == embeddings.SUBJECTS
    assert len(phrases.FACETS) == embeddings.FACETS
    assert len({subject.category for subject in phrases.SUBJECTS}) == embeddings.AREAS


def test_task_memories_reach_back_beyond_30_days_and_all_times_are_plausible(batches: list[Batch]) -> None:
    now = np.datetime64(NOW.replace(tzinfo=None), "us")
    old = Counter[str]()
    for batch in batches:
        assert (batch.created_at <= batch.accessed_at).all()
        assert (batch.accessed_at <= now).all()
        for tier, created_at in zip(batch.tiers, batch.created_at, strict=True):
            old[tier] += bool(now - created_at > np.timedelta64(30, "D"))
    tasks = sum(batch.tiers.count("task") for batch in batches)
    assert 0.1 * tasks < old["task"] < 0.4 * tasks


def test_the_same_seed_gives_the_same_rows_but_for_the_time_they_are_counted_from(batches: list[Batch]) -> None:
    later = NOW + timedelta(days=1)
    for batch, again in zip(batches, Synthetic(20, 3210, 1).batches(later), strict=True):
        np.testing.assert_array_equal(batch.ids, again.ids)
        np.testing.assert_array_equal(batch.embeddings, again.embeddings)
        assert (batch.users, batch.tiers, batch.contents) == (again.users, again.tiers, again.contents)
        assert batch.metadata == again.metadata
        assert set((again.created_at - batch.created_at).tolist()) == {timedelta(days=1)}


def test_another_seed_gives_other_rows(batches: list[Batch]) -> None:
    other = next(Synthetic(20, 3210, 2).batches(NOW))
    assert not set(other.users) & set(batches[0].users)
    assert not {id.tobytes() for id in other.ids} & {id.tobytes() for id in batches[0].ids}


@pytest.mark.parametrize(("weights", "expected"), [((1, 0, 0), {"personal"}), ((0, 5, 0), {"project"})])
def test_tiers_follow_their_weights(weights: tuple[float, float, float], expected: set[str]) -> None:
    assert set(draws.tiers(draws.draw(1, 0, 100), weights)) == expected


def test_draws_of_a_row_are_the_same_in_whichever_batch() -> None:
    np.testing.assert_array_equal(draws.draw(5, 17, 3), draws.draw(5, 0, 40)[17:20])


@pytest.mark.parametrize(("users", "memories"), [(20, 10_000), (3, 3), (1, 5), (700, 1000), (1000, 1_000_000)])
def test_users_sizes_are_skewed_and_none_is_left_out(users: int, memories: int) -> None:
    counts = sizes(users, memories)
    assert counts.sum() == memories
    assert counts.min() >= 1
    assert (np.diff(counts) <= 0).all()
    assert memories < 10 * users or counts[0] > 3 * memories / users or users == 1
