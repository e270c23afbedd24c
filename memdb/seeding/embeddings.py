"""Synthetic embeddings that lie to each other as a real model's do.

A vector is the sum of a direction that all texts share, of its area, subject and facet (a tree of topics), of
what is its own within a subspace of falling variance, and of a little noise in all dimensions. Random vectors
would not do: in so many dimensions they are all equally far apart, so every figure of recall would be meaningless.

The weights were fitted to figures of text-embedding-3-small: cosine of random pairs -0.06 to 0.65, median 0.24;
cosine of nearest neighbours 0.43 to 0.86, median 0.69. As in text-embedding-ada-002, where 50 of the 1536
principal components hold 49 % of the variance, variance is concentrated.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from memdb.values import DIMENSIONS, Vectors

Indices: TypeAlias = NDArray[np.int64]

AREAS = 8
SUBJECTS = 48  # six in each area
FACETS = 8  # of each subject

_BLOCK = 500  # rows that are made together; a block's rows do not depend on which of them are asked for
_SLICE = 50  # rows that fit into a core's cache
_RANK = 128

# Shares of a typical vector's squared length.
_COMMON, _AREA, _SUBJECT, _FACET, _OWN, _NOISE = 0.22, 0.10, 0.19, 0.15, 0.23, 0.13
_TOPIC_DECAY, _OWN_DECAY = 0.15, 0.05  # standard deviation of the k-th component falls as k to the minus this
_POPULARITY_DECAY = 0.9  # the k-th most popular subject, and facet of a subject, comes up as k to the minus this
_SPREAD = 0.4  # how much rows differ in how closely they keep to their topic
_BYTE = np.sqrt((2**16 - 1) / 12)  # standard deviation of -128 to 127


@dataclass(frozen=True)
class Synthetic:
    """An endless, reproducible sequence of embeddings: row i is the same however it is asked for.

    The same seed gives the same vectors on the same machine; elsewhere the last bits may differ, since
    libraries for linear algebra add in different orders.
    """

    random_seed: int
    dimensions: int = DIMENSIONS

    def batch(self, start: int, count: int) -> tuple[Vectors, Indices]:
        """Rows `start` to `start + count`: unit vectors (count, dimensions) and their topics (count,).

        A topic is `subject * FACETS + facet`, below SUBJECTS * FACETS; the area is `subject * AREAS // SUBJECTS`.
        """
        first, last = start // _BLOCK, -(-(start + count) // _BLOCK)
        blocks = [self._block(number) for number in range(first, last)]
        wanted = slice(start - first * _BLOCK, start - first * _BLOCK + count)
        if len(blocks) == 1:
            return blocks[0][0][wanted], blocks[0][1][wanted]
        vectors = np.concatenate([vectors for vectors, _ in blocks])
        return vectors[wanted], np.concatenate([topics for _, topics in blocks])[wanted]

    def _block(self, number: int) -> tuple[Vectors, Indices]:
        rng = np.random.Generator(np.random.SFC64([self.random_seed, 1, number]))
        basis, own_scale, centres, popularity, noise = self._model
        topics = np.searchsorted(popularity, rng.random(_BLOCK)).astype(np.int64)
        coefficients = rng.standard_normal((_BLOCK, _RANK), dtype=np.float32)
        coefficients *= own_scale
        coefficients *= np.exp(_SPREAD * rng.standard_normal((_BLOCK, 1), dtype=np.float32))
        coefficients += centres[topics]
        vectors = coefficients @ basis
        places = rng.integers(0, len(noise), _BLOCK)
        noise_scale = np.float32(np.sqrt(_NOISE / self.dimensions) / _BYTE)
        for start in range(0, _BLOCK, _SLICE):
            rows = vectors[start : start + _SLICE]
            rows += noise[places[start : start + _SLICE]] * noise_scale
            rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis]
        return vectors, topics

    @cached_property
    def _model(self) -> tuple[Vectors, Vectors, Vectors, NDArray[np.float64], NDArray[np.int8]]:
        """Basis of the subspace (rank, dimensions), scale of what is a row's own, topic centres, popularity, noise.

        Popularity is summed up. A million noises (n, dimensions) are windows into as many random bytes: drawing them
        afresh for each row would take a fifth of the time, and windows that overlap are as good as independent.
        """
        rng = np.random.Generator(np.random.SFC64([self.random_seed, 0]))
        basis = rng.standard_normal((_RANK, self.dimensions), dtype=np.float32) / np.float32(np.sqrt(self.dimensions))
        common, area, subject, facet = (_directions(rng, n) for n in (1, AREAS, SUBJECTS, SUBJECTS * FACETS))
        topic = np.arange(SUBJECTS * FACETS)
        centres = (
            np.sqrt(_COMMON) * common
            + np.sqrt(_AREA) * area[topic // FACETS * AREAS // SUBJECTS]
            + np.sqrt(_SUBJECT) * subject[topic // FACETS]
            + np.sqrt(_FACET) * facet
        )
        own = _spectrum(_OWN_DECAY) * np.sqrt(_OWN)
        noise = np.lib.stride_tricks.sliding_window_view(np.frombuffer(rng.bytes(2**20), np.int8), self.dimensions)
        return basis, own.astype(np.float32), centres.astype(np.float32), _popularity(rng), noise


def _directions(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    directions = rng.standard_normal((count, _RANK)) * _spectrum(_TOPIC_DECAY)
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True), np.float64)


def _spectrum(decay: float) -> NDArray[np.float64]:
    """Standard deviations of the components, of total variance 1."""
    deviations = np.arange(1, _RANK + 1) ** -decay
    return np.asarray(deviations / np.linalg.norm(deviations), np.float64)


def _popularity(rng: np.random.Generator) -> NDArray[np.float64]:
    """Cumulative shares of the topics, of which the last is 1: which subjects are popular is drawn."""
    subjects = rng.permutation(np.arange(1, SUBJECTS + 1) ** -_POPULARITY_DECAY)
    facets = np.arange(1, FACETS + 1) ** -_POPULARITY_DECAY
    shares = np.cumsum(np.outer(subjects, facets))
    return np.asarray(shares / shares[-1], np.float64)
