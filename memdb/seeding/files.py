"""Memories from files: each row is checked, and what it lacks is added, the same for the same random seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from memdb import values
from memdb.errors import DataError, InvalidMemory
from memdb.reading import columns, readers, vectors
from memdb.reading.fields import Reader, Records, is_missing
from memdb.reading.ids import MEMORIES
from memdb.reading.users import Names
from memdb.seeding import draws
from memdb.seeding.rows import Batch
from memdb.shape import DEFAULT, Shape
from memdb.values import Vectors


@dataclass(frozen=True)
class FileSource:
    """The first `limit` rows of a file, or all. `tiers` weighs the tiers of rows that name none."""

    path: Path
    random_seed: int
    tiers: tuple[float, float, float] = draws.WEIGHTS
    limit: int | None = None

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def total(self) -> int | None:
        total = self._reader.total
        return self.limit if total is None else min(total, self.limit or total)

    def batches(self, now: datetime, shape: Shape = DEFAULT) -> Iterator[Batch]:
        """The rows in order. Times that the file does not give are counted back from `now`.

        Raises DataError for a file without rows, and for a row that cannot be used, naming it.
        """
        start, names = 0, Names(shape.users)
        for records in self._reader.batches():
            count = len(records.rows) if self.limit is None else min(len(records.rows), self.limit - start)
            wanted = records.first(count)
            embeddings = vectors.checked(self.path, wanted.rows, wanted.fields.get("embedding"), shape)
            yield self._batch(wanted, embeddings, names, start, now)
            start += count
            if start == self.limit:
                return
        if start == 0:
            raise DataError(f"{self.path} has no rows", hint="Name a file with memories in it.")

    def rows_of(self, id: UUID) -> list[int]:
        """The numbers of the first two rows that give this id."""
        given = (
            row
            for records in self._reader.batches()
            for row, value in zip(records.rows, records.of("id"), strict=True)
            if _is(value, id)
        )
        return list(islice(given, 2))

    @cached_property
    def _reader(self) -> Reader:
        return readers.reader(self.path)

    def _batch(self, records: Records, embeddings: Vectors, names: Names, start: int, now: datetime) -> Batch:
        path, rows = self.path, range(start, start + len(records.rows))
        drawn = draws.draw(self.random_seed, start, len(rows))
        owners = columns.each(path, records, "user", partial(columns.user, names=names))
        contents = columns.each(path, records, "content", values.content)
        tiers = columns.each(path, records, "memory_type", columns.tier, draws.tiers(drawn, self.tiers))
        source = path.name.encode(errors="replace").decode()  # the name of a file need not be text
        counts = draws.access_counts(drawn).tolist()
        without = [columns.as_json({"source": source, "access_count": count}) for count in counts]
        created, accessed = draws.times(drawn, tiers, now)
        given_created, given_accessed = (columns.times(path, records, field) for field in ("created_at", "accessed_at"))
        made = [
            MEMORIES.made_from(f"{self.random_seed} {row} {owner} {content}".encode(), embedding.tobytes())
            for row, owner, content, embedding in zip(rows, owners, contents, embeddings, strict=True)
        ]
        ids = columns.each(path, records, "id", values.identifier, made)
        return Batch(
            ids=np.array([id.bytes for id in ids], "V16"),
            users=owners,
            tiers=tiers,
            contents=contents,
            metadata=columns.each(path, records, "metadata", columns.metadata, without),
            # A row that gives one of the two times was created, or last recalled, at the other.
            created_at=_first_given(given_created, given_accessed, created),
            accessed_at=_first_given(given_accessed, given_created, accessed),
            embeddings=embeddings,
            names=names.made,
        )


def _is(value: Any, id: UUID) -> bool:
    try:
        return not is_missing(value) and values.identifier(value) == id
    except InvalidMemory:
        return False


def _first_given(first: draws.Times, second: draws.Times, drawn: draws.Times) -> draws.Times:
    either = np.where(np.isnat(first), second, first)
    return np.asarray(np.where(np.isnat(either), drawn, either), "M8[us]")
