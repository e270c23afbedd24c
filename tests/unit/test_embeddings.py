"""Synthetic embeddings: reproducible unit vectors that lie to each other as a real model's do."""

from pathlib import Path

import numpy as np
import pytest

from memdb.seeding.embeddings import FACETS, SUBJECTS, Indices, Synthetic
from memdb.values import DIMENSIONS, Vectors


@pytest.fixture(scope="module")
def sample() -> tuple[Vectors, Indices]:
    return Synthetic(random_seed=7).batch(0, 3000)


def cosines(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Of all pairs, and of each with its nearest neighbour."""
    products = vectors @ vectors.T
    pairs = products[np.triu_indices(len(vectors), 1)]
    np.fill_diagonal(products, -1)
    return pairs, products.max(axis=1)


def variance_in_50_components(vectors: Vectors) -> float:
    """Of a thousand of the vectors."""
    vectors = vectors[:: len(vectors) // 1000][:1000]
    centred = vectors - vectors.mean(axis=0)
    variances = np.linalg.eigvalsh(centred @ centred.T)
    return float(variances[-50:].sum() / variances.sum())


def test_vectors_are_of_unit_length(sample: tuple[Vectors, Indices]) -> None:
    vectors, _ = sample
    assert vectors.shape == (3000, DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_row_is_the_same_in_whichever_batch() -> None:
    generator = Synthetic(random_seed=3)
    whole, topics = generator.batch(0, 1700)
    for start, count in [(0, 1), (499, 2), (500, 500), (1234, 466)]:
        vectors, some_topics = generator.batch(start, count)
        np.testing.assert_array_equal(vectors, whole[start : start + count])
        np.testing.assert_array_equal(some_topics, topics[start : start + count])


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    np.testing.assert_array_equal(Synthetic(1).batch(0, 10)[0], Synthetic(1).batch(0, 10)[0])
    assert not np.allclose(Synthetic(1).batch(0, 10)[0], Synthetic(2).batch(0, 10)[0])


def test_nearest_neighbours_share_a_topic(sample: tuple[Vectors, Indices]) -> None:
    vectors, topics = sample
    products = vectors @ vectors.T
    np.fill_diagonal(products, -1)
    nearest = topics[products.argmax(axis=1)]
    assert (nearest == topics).mean() > 0.9
    assert (nearest // FACETS == topics // FACETS).mean() > 0.98
    assert topics.max() < SUBJECTS * FACETS


def test_random_pairs_are_as_far_apart_as_those_of_text_embedding_3_small(sample: tuple[Vectors, Indices]) -> None:
    pairs, _ = cosines(sample[0])
    low, median, high = np.percentile(pairs, [1, 50, 99])
    assert low == pytest.approx(-0.06, abs=0.10)
    assert median == pytest.approx(0.24, abs=0.05)
    assert high == pytest.approx(0.65, abs=0.08)


def test_nearest_neighbours_are_as_near_as_those_of_text_embedding_3_small(sample: tuple[Vectors, Indices]) -> None:
    _, nearest = cosines(sample[0])
    low, median, high = np.percentile(nearest, [0.5, 50, 99.5])
    assert low == pytest.approx(0.43, abs=0.06)
    assert median == pytest.approx(0.69, abs=0.05)
    assert high == pytest.approx(0.86, abs=0.06)


def test_variance_is_concentrated_as_in_real_embeddings(sample: tuple[Vectors, Indices], real_embeddings: Path) -> None:
    with np.load(real_embeddings) as file:
        real = file["embedding"]
    assert variance_in_50_components(sample[0]) == pytest.approx(variance_in_50_components(real), abs=0.15)
