"""Merging memories that say the same, or nearly, into one that is kept; and taking that back."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from memdb import distribution
from memdb.database import Connection, query
from memdb.errors import DatabaseError, DataError
from memdb.lifecycle import duplicates, entering, repeating
from memdb.lifecycle.duplicates import Asked, Duplicates, Group
from memdb.shape import UserKey
from memdb.target import Target

_NOTED = ("memory_importance", "memory_retention", "memory_collection_members")
_NEEDED = replace(
    duplicates.NEEDED,
    sets=("deduplication", "archive"),
    functions=(
        *duplicates.NEEDED.functions,
        *("merge_memories", "merge_into", "merge_exact_duplicates", "merge_noted", "noted_of_memory"),
        "lock_noted",
        *("unmerge_memories", "require_unarchived", "require_merged_given_along", "unmerge_noted"),
        *("archive_memories", "restore_memories"),
        *("archive_memories_of_all", "rows_beside_memories", "put_back_memories", "memory_tables"),
    ),
    tables=("memory_merges", "memory_archive", *_NOTED),
)
_BATCH = 100
_NOTHING = "Nothing was changed. Try again, or allow more time with --wait."


@dataclass(frozen=True, slots=True)
class Merging:
    """How many memories were `merged` into `kept` ones, by their tier. `changed` groups say something else by now."""

    merged: dict[str, int]
    kept: int
    changed: int
    batches: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Unmerging:
    """The memories that are there again, and the one into which they had been merged."""

    memory_id: UUID
    restored: tuple[UUID, ...]


class _Tally:
    """What has been merged so far."""

    def __init__(self, on_batch: Callable[[int], None]) -> None:
        self.merged, self.kept, self.changed, self.batches = Counter[str](), set[UUID](), 0, 0
        self._on_batch = on_batch

    def add(self, rows: Sequence[tuple[UUID, str]]) -> None:
        self.kept.update(kept for kept, _ in rows)
        self.merged.update(tier for _, tier in rows)
        self.batches += 1
        self._on_batch(len(rows))

    def hint(self) -> str:
        return f"{self.merged.total():,} memories were merged before. Try again, or allow more time with --wait."


def merge(connection: Connection, found: Duplicates, *, on_batch: Callable[[int], None] = lambda _: None) -> Merging:
    """Merges what was found: of near ones and of those that were named, the groups that are `shown`, and of exact ones
    all of the users that were asked for.

    A group is merged whole or not at all, and what says something else by now is left. Each batch is a transaction of
    its own, so a run may be cut short at any moment, and the next one goes on; `on_batch` hears how many memories went.

    Raises as find does; DatabaseError without the set archive, LockTimeout where others hold a lock for too long.
    """
    started, tally = time.monotonic(), _Tally(on_batch)
    with connection.in_time("what is to be merged", tally.hint):
        _require_one_server(connection)
        with _transaction(connection):
            pass  # what is missing is told at once
        if found.near or found.named:
            for group in found.shown:
                pairs = repeating.after_deadlocks(partial(_merge_group, connection, group, near=found.near))
                if pairs:
                    tally.add(pairs)
                else:
                    tally.changed += 1
        else:
            _, owners = duplicates.owners(connection, Asked(found.user))
            for owner in owners:
                _merge_all(connection, owner, tally)
    merged = dict(sorted(tally.merged.items()))
    return Merging(merged, len(tally.kept), tally.changed, tally.batches, time.monotonic() - started)


def unmerge(connection: Connection, memory_id: UUID) -> Unmerging:
    """Brings back all that was merged into a memory, which has its own times again.

    Raises DataError where there is no such memory, it is archived itself, or nothing was merged into it; else as merge
    does.
    """
    with connection.in_time("what is to be brought back", lambda: _NOTHING):
        _require_one_server(connection)
        return repeating.after_deadlocks(lambda: _unmerge(connection, memory_id))


def _unmerge(connection: Connection, memory_id: UUID) -> Unmerging:
    with _transaction(connection) as found:
        owner = connection.value(found.query("duplicates", "owner"), {"memory_id": memory_id})
        if owner is None:
            raise DataError(f"there is no memory {memory_id}", hint="Give the id of the memory that was kept.")
        restored = _unmerged(connection, found, owner, memory_id)
        if not restored:
            raise DataError(
                f"nothing was merged into memory {memory_id}", hint="Give the id of the memory that was kept."
            )
    return Unmerging(memory_id, restored)


def _unmerged(connection: Connection, found: Target, owner: UserKey, memory_id: UUID) -> tuple[UUID, ...]:
    try:
        rows = connection.execute(found.query("duplicates", "unmerge"), {"user": owner, "memory_id": memory_id})
    except psycopg.errors.NoDataFound as error:
        raise DataError(str(error.diag.message_primary), hint=str(error.diag.message_hint)) from None
    return tuple(id for (id,) in rows)


def _merge_all(connection: Connection, owner: UserKey, tally: _Tally) -> None:
    """Those of one user that say the same, until there are none."""
    while pairs := repeating.after_deadlocks(lambda: _merge_some(connection, owner)):
        tally.add(pairs)


def _merge_some(connection: Connection, owner: UserKey) -> list[tuple[UUID, str]]:
    with _transaction(connection) as found:
        given = {"user": owner, "batch": _BATCH}
        return _pairs(connection.execute(found.query("duplicates", "merge_exact"), given))


def _merge_group(connection: Connection, group: Group, *, near: bool) -> list[tuple[UUID, str]]:
    """Which were merged; none where one of the group says something else by now."""
    given: dict[str, Any] = {
        "user": group.user,
        "ids": [member.id for member in group.members],
        "keys": [member.key for member in group.members],
        "only_exact": not near,
    }
    with _transaction(connection) as found:
        same = connection.execute(found.query("duplicates", "lock"), given).fetchall()
        if len(same) < len(group.members):
            return []
        return _pairs(connection.execute(found.query("duplicates", "merge"), given))


def _pairs(rows: Iterable[tuple[Any, ...]]) -> list[tuple[UUID, str]]:
    return [(kept, tier) for kept, tier in rows]


def _require_one_server(connection: Connection) -> None:
    with connection.transaction():
        found = entering.enter(connection, duplicates.NEEDED)
        if distribution.is_spread(connection, found.memories):
            raise DatabaseError(
                "memories that are distributed cannot be merged: that needs the set archive, which the set citus does "
                "not carry",
                hint="Nothing was changed. They are merged where they are on one server: docs/citus.md says how to "
                "bring them back.",
            )


@contextmanager
def _transaction(connection: Connection) -> Iterator[Target]:
    with connection.transaction():
        entering.begin_writing(connection)
        found = entering.enter(connection, _NEEDED, hidden=duplicates.HIDDEN, writing=True)
        connection.execute(query("moving", "settings"))
        yield found
