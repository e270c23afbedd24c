"""What can be loaded."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol
from uuid import UUID

from memdb.seeding.rows import Batch
from memdb.shape import Shape


class Source(Protocol):
    """Where rows come from: `memories.Synthetic` or `files.FileSource`. `total` None: not known beforehand."""

    @property
    def name(self) -> str: ...
    @property
    def random_seed(self) -> int: ...
    @property
    def total(self) -> int | None: ...
    def batches(self, now: datetime, shape: Shape) -> Iterator[Batch]: ...
    def rows_of(self, id: UUID) -> list[int]:
        """The numbers of the first two rows of the source with this id."""
