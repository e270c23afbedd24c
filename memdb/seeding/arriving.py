"""Rows as they arrive: which users have to be added, which rows are there already, and how many came."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from memdb.database import Connection
from memdb.reading import ids, keys
from memdb.seeding import failures, users
from memdb.seeding.rows import Batch
from memdb.seeding.source import Source
from memdb.target import Target
from memdb.values import UserKey


@dataclass
class Arrivals:
    """What has arrived so far, and what the table had before. `is_empty`: it had no rows.

    `may_add_users`: whether users who are not there are added.
    """

    connection: Connection
    target: Target
    source: Source
    is_empty: bool
    may_add_users: bool
    tiers: Counter[str] = field(default_factory=Counter)
    users: set[UserKey] = field(default_factory=set)
    with_own_ids: int = 0
    already_there: int = 0
    users_created: int = 0
    users_created_with_own_ids: int = 0

    def can_go_on(self, batch: Batch) -> bool:
        """Whether the rows can be loaded without asking the server anything, which it cannot answer during a COPY."""
        return self.is_empty and self.users.issuperset(batch.users)

    def admit(self, batch: Batch) -> Batch:
        """Those of the rows that are not there yet, with their users added.

        Raises DataError for a row whose id an earlier row of the source has, and for users who cannot be added.
        """
        new = batch if self.is_empty else self._without_those_there(batch)
        self._admit_users(list(set(new.users) - self.users), new.names)
        return new

    def add(self, batch: Batch) -> None:
        """Counts rows that are in."""
        self.tiers.update(batch.tiers)
        self.with_own_ids += len(batch) - int(np.count_nonzero(ids.MEMORIES.holds(batch.ids)))

    def _without_those_there(self, batch: Batch) -> Batch:
        given = [UUID(bytes=id.tobytes()) for id in batch.ids]
        found = dict(present(self.connection, self.target, given))
        for id, came_just_now in found.items():
            if came_just_now:
                raise failures.twice(self.source, id)
        self.already_there += len(found)
        return batch.where(np.array([id not in found for id in given], bool)) if found else batch

    def _admit_users(self, new: list[UserKey], names: Mapping[UserKey, str]) -> None:
        if not new:
            return
        self.users.update(new)
        if not self.may_add_users:
            users.require(self.connection, self.target, new, names)
            return
        added, made = users.add(self.connection, self.target, new), keys.kind(self.target.shape.users).made
        self.users_created += len(added)
        self.users_created_with_own_ids += sum(not made.has(key) for key in added)


def present(connection: Connection, target: Target, given: list[UUID]) -> list[tuple[UUID, bool]]:
    """Which of the ids are in the table, and whether they came in this transaction."""
    return [(id, own) for id, own in connection.execute(target.query("seed", "present"), [given])]


def any_present(connection: Connection, target: Target, given: NDArray[np.void]) -> bool:
    """Whether one of the ids, (n,) of 16 bytes, is in the table."""
    return bool(present(connection, target, [UUID(bytes=id.tobytes()) for id in given]))
