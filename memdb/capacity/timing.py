"""What searches, writes, builds and migrations take, from what was measured."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from memdb.capacity import layout, parts
from memdb.capacity.demand import Demand
from memdb.capacity.measured import Constants, Line
from memdb.capacity.skew import Numbers

FEW = 250
"""Up to so many memories of a user search_memories compares all of them."""
_COMPARED = 100  # by distance, where there are more: 64, and those that are about as near


@dataclass(frozen=True, slots=True)
class Times:
    """Of one way of keeping so many memories on a server; processor time of one core of the machine that was measured.

    `insert_ms` is a single insert without the wait for the disk, and `wal_bytes` what it writes ahead. `build_seconds`
    is the server's HNSW index, in `build_memory_bytes` of memory; both are 0 where there is none. `migrate_seconds` is
    adding fast_search to its memories, all the while nobody can read them; 0 where that set is not asked for.
    """

    memories: float
    insert_ms: float
    wal_bytes: float
    build_seconds: float
    build_memory_bytes: float
    migrate_seconds: float


@dataclass(frozen=True)
class Clock:
    """Answers for one way of keeping memories."""

    demand: Demand
    constants: Constants

    def search_ms(self, memories: Numbers) -> Numbers:
        """The processor's, for users of so many memories."""
        few, many = self._searches
        return np.where(memories <= FEW, few.of(memories), many.of(memories))

    def one_ms(self, memories: float) -> float:
        """The same for one user."""
        return float(self.search_ms(np.array([memories]))[0])

    def pages(self, memories: float) -> float:
        """That a search reads, if a user's rows lie scattered among those of others: each in another page."""
        if "fast_search" in self.demand.sets and memories > FEW:
            return memories * parts.signature_index(self.demand.shape) / layout.PAGE + _COMPARED
        value, moved = parts.vector_bytes(self.demand.shape), parts.outside(self.demand)
        return memories * (1 + math.ceil(layout.toast(value)[0] / layout.PAGE) * ("embedding" in moved))

    @cached_property
    def _searches(self) -> tuple[Line, Line]:
        known, value = self.constants, parts.vector_bytes(self.demand.shape)
        if "fast_search" in self.demand.sets:
            return known.fast_few.for_rows(value), known.fast_many.for_rows(parts.signature_bytes(self.demand.shape))
        plain = (known.plain_toasted if "embedding" in parts.outside(self.demand) else known.plain_inline).for_rows(
            value
        )
        return plain, plain

    def times(self, memories: float) -> Times:
        """On a server with so many memories."""
        known, demand = self.constants, self.demand
        value, row = parts.vector_bytes(demand.shape), row_bytes(demand)
        depth = memories**known.growth
        insert, wal, build, memory = known.insert.of(1, row), known.wal.of(1, row), 0.0, 0.0
        if "fast_search" in demand.sets:
            insert += known.signature_insert.of(1, value)
        if parts.has_graph(demand):
            insert += known.graph_insert.of(depth, value)
            wal += known.graph_wal.of(1, value)
            build = known.graph_build.of(memories * depth, value) / 1000
            memory = memories * layout.graph(value)
        migrate = known.migrated.of(memories, row) / 1000 if "fast_search" in demand.sets else 0.0
        return Times(memories, insert, wal, build, memory, migrate)


def row_bytes(demand: Demand) -> float:
    """What an application says of a memory: its embedding, content and metadata."""
    return parts.vector_bytes(demand.shape) + demand.content_bytes + demand.metadata_bytes
