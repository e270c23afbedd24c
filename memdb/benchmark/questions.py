"""Real questions: embeddings from a file, each asked for the user it names, or for those of the sample in turn."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from memdb.benchmark.sampling import Query
from memdb.database import Connection
from memdb.errors import DataError
from memdb.reading import readers, vectors
from memdb.reading.users import named
from memdb.shape import Shape, UserKey, Users
from memdb.target import Target

_NO_MEMORY = UUID(int=0)  # a question from outside leaves out no memory


def read(
    connection: Connection,
    target: Target,
    path: Path,
    sample: Sequence[Query],
    *,
    limit: int,
    only: UserKey | None = None,
) -> tuple[list[Query], tuple[str, ...]]:
    """The first `limit` questions that can be answered, and notes on those that cannot.

    A row needs an `embedding` and may name a `user`; `only` overrides that. Where none is named, the users of
    `sample` ask in turn. Raises DataError for a file that cannot be used, or of whose users none has a memory.
    """
    rows = list(islice(_rows(path, target.shape), limit))
    if not rows:
        raise DataError(f"{path} has no rows", hint="Name a file with questions in it.")
    askers = cycle(sample)
    asking = [_first(only, asker, lambda: next(askers).user_id) for asker, _ in rows]
    held: dict[UserKey, int] = dict(
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


def _first(only: UserKey | None, asker: UserKey | None, others: Callable[[], UserKey]) -> UserKey:
    return only if only is not None else asker if asker is not None else others()  # an id may be 0


def _rows(path: Path, shape: Shape) -> Iterator[tuple[UserKey | None, bytes]]:
    """Who asks, and the embedding as pgvector takes it: its dimension, two unused bytes, big-endian numbers."""
    numbers = ">f2" if shape.embedding_type == "halfvec" else ">f4"
    header = np.array([shape.dimensions, 0], ">i2").tobytes()
    for records in readers.reader(path, required=["embedding"]).batches():
        embeddings = vectors.checked(path, records.rows, records.fields.get("embedding"), shape)
        asking = records.fields.get("user") or [None] * len(records.rows)
        for row, user, embedding in zip(records.rows, asking, embeddings.astype(numbers), strict=True):
            yield _asker(path, row, user, shape.users), header + embedding.tobytes()


def _asker(path: Path, row: int, user: Any, users: Users) -> UserKey | None:
    """A user may be named by anything, as memdb seed makes an id of it."""
    try:
        return None if user is None else named(user, users)
    except ValueError as error:
        raise DataError(f"{path}, row {row}: user {error}", hint="Name a user, or nobody, in this row.") from None
