"""Rows to search among, and questions: real embeddings made more, and memdb's synthetic ones.

6,000 embeddings of OpenAI become any number: a row is one of them moved by the difference between two near texts of
its surroundings, times 0.6 to 1, and brought to length 1. So neighbours stay as near as in the original: cosine of
nearest neighbours 0.84 to 0.98, median 0.91, as among the 6,000; of random pairs 0.50 to 0.75, median 0.61 (0.61 to
0.81, median 0.68). Two kinds of questions are in no way part of the rows: texts of the same sources, and all texts of
sources that were left out altogether.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb

from memdb.database import Connection
from memdb.seeding.embeddings import Synthetic
from memdb.shape import EmbeddingType

Vectors: TypeAlias = NDArray[np.float32]

ADA, SMALL = "openai-ada002-6k.npz", "openai-3small-4k.npz"

_ELSEWHERE = {
    ADA: (
        "EverettBerry/chat-your-data", "lforalaska/website-qa", "nyquistdata/clinical-qa", "julep-ai/turbo-ai",
        "mazzzystar/teach-show-consult", "pamelafox/vector-embeddings-demos", "context-labs/babyagi-ts",
    ),
    SMALL: (
        "Azure-Samples/cosmos-db-vector-samples", "awiradarma/graphrag_project", "pamelafox/vector-embeddings-demos",
        "traversaal-ai/lennyhub-rag",
    ),
}  # fmt: skip
_SURROUNDINGS, _PIECE = 30, 5_000
_TIERS = ("personal", "project", "task", "task", "project")
_TEXT = "Of the things that were said on this day, the following seemed worth remembering, number {}; it came up again."


@dataclass(frozen=True, slots=True)
class Rows:
    """An endless sequence of embeddings, and questions by their kind, from memories alike or from elsewhere."""

    name: str
    questions: Mapping[str, Vectors]
    sources: Vectors | None = None

    def pieces(self, count: int) -> Iterator[Vectors]:
        """`count` embeddings, in pieces."""
        surroundings = None if self.sources is None else _surroundings(self.sources)
        for start in range(0, count, _PIECE):
            size = min(_PIECE, count - start)
            if self.sources is None or surroundings is None:
                yield Synthetic(1).batch(start, size)[0]
            else:
                yield _moved(self.sources, surroundings, np.random.default_rng([1, start]))[:size]


def real(count: int, name: str = ADA) -> Rows:
    """From a file of real embeddings, with `count` questions of each kind."""
    if (folder := os.environ.get("MEMDB_TEST_DATA")) is None:
        raise SystemExit(f"MEMDB_TEST_DATA has to name a folder with {name}: embeddings, their users and contents.")
    with np.load(Path(folder) / name) as file:
        vectors, sources = file["embedding"].astype(np.float32), file["user"]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    elsewhere = np.isin(sources, _ELSEWHERE[name])
    order = np.random.default_rng(1)
    known, unknown = order.permutation(vectors[~elsewhere]), order.permutation(vectors[elsewhere])
    return Rows("real", {"alike": known[:count], "elsewhere": unknown[:count]}, known[count:])


def synthetic(count: int) -> Rows:
    """From memdb's generator, with `count` questions that are rows far beyond those that are loaded."""
    return Rows("synthetic", {"alike": Synthetic(1).batch(50_000_000, count)[0]})


def user(number: int) -> UUID:
    return UUID(int=number << 64)


def load(
    connection: Connection, rows: Rows, sizes: list[int], count: int, text: Callable[[int], str] = _TEXT.format
) -> None:
    """Fills users and memories: users 0, 1, … have `sizes` memories, scattered among those of users of some 1,500."""
    others = -(-(count - sum(sizes)) // 1_500)
    filling = np.arange(count - sum(sizes)) % others + len(sizes)
    owners = np.random.default_rng(2).permutation(np.concatenate([np.repeat(np.arange(len(sizes)), sizes), filling]))
    users = [[user(number)] for number in range(len(sizes) + others)]
    connection.cursor().executemany("insert into users (id) values (%s)", users)
    vectors = (row for piece in rows.pieces(count) for row in piece)
    copy(connection, zip(owners.tolist(), vectors, strict=True), text=text)


def copy(
    connection: Connection,
    rows: Iterable[tuple[int, NDArray[np.float32]]],
    kind: EmbeddingType = "vector",
    text: Callable[[int], str] = _TEXT.format,
) -> None:
    """Loads memories of the given users."""
    embedding = HalfVector if kind == "halfvec" else Vector
    register_vector(connection)
    columns = "user_id, memory_type, content, embedding, metadata"
    with connection.cursor().copy(f"copy memories ({columns}) from stdin (format binary)".encode()) as stream:
        stream.set_types(["uuid", "text", "text", kind, "jsonb"])  # an enum is sent as text
        for number, (owner, vector) in enumerate(rows):
            facts = Jsonb({"source": "chat", "conversation_id": number % 1000})
            stream.write_row([user(owner), _TIERS[number % 5], text(number), embedding(vector), facts])


def _surroundings(sources: Vectors) -> NDArray[np.int64]:
    """The nearest others of each row, nearest first: (rows, 30)."""
    nearness = sources @ sources.T
    np.fill_diagonal(nearness, -1)
    return np.argsort(-nearness, axis=1)[:, :_SURROUNDINGS]


def _moved(sources: Vectors, surroundings: NDArray[np.int64], random: np.random.Generator) -> Vectors:
    start = random.integers(0, len(sources), _PIECE)
    near = surroundings[start, random.integers(0, _SURROUNDINGS, _PIECE)]
    beside = surroundings[near, random.integers(0, 5, _PIECE)]
    share = random.uniform(0.6, 1.0, (_PIECE, 1)).astype(np.float32)
    moved = sources[start] + share * (sources[beside] - sources[near])
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)
