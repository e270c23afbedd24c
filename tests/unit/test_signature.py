"""The constants of fast_search for any number of dimensions: as shipped for 1536, and enough for others."""

import re
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from memdb import shipped
from memdb.signature import Signature
from tests.conftest import ELSEWHERE

Vectors: TypeAlias = NDArray[np.float32]


def sql(name: str) -> str:
    return next(shipped.sql_directory().glob(f"fast_search/*_{name}.sql")).read_text()


def numbers(pattern: str, text: str) -> set[str]:
    return set(re.findall(pattern, text))


def test_1536_dimensions_have_the_constants_of_the_shipped_sql() -> None:
    shape = Signature.of(1536)
    signature, doubts = sql("create_memory_signature"), sql("create_memory_signature_doubts")
    search = sql("create_signature_search")
    assert numbers(r"subvector\(\S+, 1, (\d+)\)", signature + doubts) == {str(shape.large)}
    assert shape.small == 0
    assert numbers(r"array_fill\(([\d.]+)", signature) == {f"{shape.threshold:.3f}"}
    assert re.findall(r"array_fill\(([\d.]+)", doubts) == [
        f"{number:.3f}" for number in (shape.doubt, shape.doubt, shape.lower, shape.upper)
    ]
    assert numbers(r"bit\((\d+)\)", search + sql("add_signature_to_memories")) == {str(shape.bits)}
    assert numbers(r"differing\S*(?: w\.candidates\)\])? \+ (\d+)", search) == {str(shape.bound)}
    assert numbers(r"(?:weighted\[10\] \+|candidates is null then) (\d+)", search) == {str(shape.margin)}
    assert numbers(r"limit (\d\d)\n", search) == {str(shape.best)}


@pytest.mark.parametrize(("dimensions", "bits"), [(64, 192), (256, 768), (384, 896), (512, 1024), (3072, 3584)])
def test_the_fewer_numbers_there_are_the_more_bits_each_has(dimensions: int, bits: int) -> None:
    shape = Signature.of(dimensions)
    assert shape.bits == bits == dimensions + shape.large + shape.small
    assert max(shape.large, shape.small) <= dimensions


@pytest.fixture(scope="module")
def held_out(embeddings: Path) -> tuple[Vectors, Vectors, Vectors]:
    """Embeddings of memories, of questions like them, and of questions from another domain."""
    with np.load(embeddings) as file:
        vectors, sources = file["embedding"].astype(np.float32), file["user"]
    elsewhere = np.isin(sources, ELSEWHERE)
    known = vectors[~elsewhere][np.random.default_rng(1).permutation(int((~elsewhere).sum()))]
    return known[60:3560], known[:60], vectors[elsewhere][::8]


@pytest.mark.parametrize("dimensions", [256, 384, 768, 1536])
def test_what_is_near_by_signature_holds_the_nearest(
    held_out: tuple[Vectors, Vectors, Vectors], dimensions: int
) -> None:
    memories, alike, elsewhere = (shortened(vectors, dimensions) for vectors in held_out)
    shape = Signature.of(dimensions)
    recall, compared = searched(shape, memories, alike, 10)
    assert recall >= 0.99
    assert compared <= 0.2 * len(memories)
    recall, compared = searched(shape, memories, elsewhere, 5)
    assert recall >= 0.98
    assert compared <= 0.5 * len(memories)


def shortened(vectors: Vectors, dimensions: int) -> Vectors:
    first = vectors[:, :dimensions]
    return np.asarray(first / np.linalg.norm(first, axis=1, keepdims=True), np.float32)


def searched(shape: Signature, memories: Vectors, questions: Vectors, k: int) -> tuple[float, float]:
    """Recall and how many are compared by distance, on average, where search_memories does what 1006 says."""
    bits, asked, doubtful = signatures(shape, memories), signatures(shape, questions), doubts(shape, questions)
    differing_of = difference(bits, asked)
    weighted_of = (3 * differing_of + difference(bits, np.abs(asked - doubtful))) // 2
    recalls, compared = [], []
    for differing, weighted, nearness in zip(differing_of, weighted_of, questions @ memories.T, strict=True):
        near = differing <= np.sort(differing[:1000])[9] + shape.bound
        ranked = np.sort(weighted[near])
        reach = max(ranked[shape.best - 1], ranked[9] + shape.margin) if len(ranked) >= shape.best else np.inf
        candidates = near & (weighted <= reach)
        recalls.append(np.mean(candidates[np.argsort(-nearness)[:k]]))
        compared.append(candidates.sum())
    return float(np.mean(recalls)), float(np.mean(compared))


def signatures(shape: Signature, vectors: Vectors) -> Vectors:
    """Bits as zeros and ones."""
    large, small = vectors[:, : shape.large], vectors[:, : shape.small]
    return bits_of(vectors > 0, large > shape.threshold, small > -shape.threshold)


def doubts(shape: Signature, vectors: Vectors) -> Vectors:
    large, small = vectors[:, : shape.large], vectors[:, : shape.small]
    return bits_of(
        within(vectors, -shape.doubt, shape.doubt),
        within(large, shape.lower, shape.upper),
        within(small, -shape.upper, -shape.lower),
    )


def within(vectors: Vectors, lower: float, upper: float) -> NDArray[np.bool_]:
    return np.asarray((vectors > lower) & (vectors <= upper))


def bits_of(*parts: NDArray[np.bool_]) -> Vectors:
    return np.concatenate(parts, axis=1).astype(np.float32)


def difference(bits: Vectors, asked: Vectors) -> Vectors:
    """How many bits differ: (questions, memories)."""
    return np.asarray(asked.sum(axis=1)[:, np.newaxis] + bits.sum(axis=1) - 2 * asked @ bits.T)
