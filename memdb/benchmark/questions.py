"""Real questions: embeddings from a file, each asked for the user it names, or for those of the sample in turn."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from memdb.benchmark.sampling import Query
from memdb.database import Connection
from memdb.errors import DataError
from memdb.reading import readers, users, vectors
from memdb.target import Target

_NO_MEMORY = UUID(int=0)  # a question from outside leaves out no memory


def read(
    connection: Connection,
    target: Target,
    path: Path,
    sample: Sequence[Query],
    *,
    limit: int,
    only: UUID | None = None,
) -> tuple[list[Query], tuple[str, ...]]:
    """The first `limit` questions that can be answered, and notes on those that cannot.

    A row needs an `embedding` and may name a `user`; `only` overrides that. Where none is named, the users of
    `sample` ask in turn. Raises DataError for a file that cannot be used, or of whose users none has a memory.
    """
    rows = list(islice(_rows(path), limit))
    askers = cycle(sample)
    asking = [only or named or next(askers).user_id for named, _ in rows]
    held: dict[UUID, int] = dict(
        connection.execute(target.query("benchmark", "holdings"), [list(set(asking))]).fetchall()
    )
    kept = [
        Query(user, _NO_MEMORY, embedding, held[user])
        for user, (_, embedding) in zip(asking, rows, strict=True)
        if user in held
    ]
    if not kept:
        raise DataError(
            f"{path} has no question from a user who has memories",
            hint="Name existing users, or none: then users of the database ask.",
        )
    dropped = len(rows) - len(kept)
    return kept, (f"Left out: {dropped:,} questions of users without memories.",) if dropped else ()


def _rows(path: Path) -> Iterator[tuple[UUID | None, bytes]]:
    """Who asks, and the embedding as pgvector takes it: its dimension, two unused bytes, big-endian float4."""
    for records in readers.reader(path, required=["embedding"]).batches():
        embeddings = vectors.checked(path, records.rows, records.fields.get("embedding"))
        header = np.array([embeddings.shape[1], 0], ">i2").tobytes()
        named = records.fields.get("user") or [None] * len(records.rows)
        for row, user, embedding in zip(records.rows, named, embeddings.astype(">f4"), strict=True):
            yield _asker(path, row, user), header + embedding.tobytes()


def _asker(path: Path, row: int, user: Any) -> UUID | None:
    try:
        return None if user is None else users.named(user)
    except ValueError as error:
        raise DataError(f"{path}, row {row}: user {error}", hint="Name a user, or nobody, in this row.") from None
