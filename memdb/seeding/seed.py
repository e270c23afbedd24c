"""Fill the database with realistic memories."""

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

import numpy as np
import psycopg

from memdb.database import Connection
from memdb.errors import DataError
from memdb.reading import ids
from memdb.seeding import beginning, draws, failures, rows, vector_indexes, waiting
from memdb.seeding.rows import Batch
from memdb.target import Target, as_owner

T = TypeVar("T")


class Source(Protocol):
    """Where rows come from: `memories.Synthetic` or `files.FileSource`. `total` None: not known beforehand."""

    @property
    def name(self) -> str: ...
    @property
    def random_seed(self) -> int: ...
    @property
    def total(self) -> int | None: ...
    def batches(self, now: datetime) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class Seeding:
    """What was loaded. `users` have memories among them; `users_created` of these were not there before.

    `memories_with_own_ids` and `users_with_own_ids`, of those that were created, have ids that a file gave them:
    nothing tells them from an application's, so that a reset leaves them. `load_seconds` is from the first statement
    to the commit without `index_seconds`, which vector indexes took.
    """

    memories: int
    users: int
    users_created: int
    memories_with_own_ids: int
    users_with_own_ids: int
    by_tier: dict[str, int]
    load_seconds: float
    index_seconds: float
    rows_per_second: float
    source: str
    random_seed: int


def _ignore(_: object) -> None: ...


def seed(
    connection: Connection,
    source: Source,
    *,
    append: bool = False,
    wait_seconds: float = waiting.WAIT_SECONDS,
    on_progress: Callable[[int], None] = _ignore,
    on_index: Callable[[str], None] = _ignore,
    on_wait: Callable[[str], None] = _ignore,
) -> Seeding:
    """Loads all rows of the source, or none, in one transaction. `on_progress` hears how many rows came.

    Where the table is empty, its vector indexes are built after the rows are in; `on_index` hears which. `on_wait`
    hears who is in the way. Raises DataError when the table has rows and `append` is not given, when a row is there
    already, or when the source's data cannot be used, DatabaseError where the tables cannot be, LockTimeout when
    something was in the way for longer than `wait_seconds`.
    """
    started = time.perf_counter()
    loaded = _Loaded()
    with (
        failures.explained(),
        waiting.patience(connection, seconds=wait_seconds, on_wait=on_wait),
        connection.transaction(),
    ):
        target = beginning.begin(connection, wait_seconds)
        users = _Users(connection, target)
        is_empty, now = _state(connection, target, append)
        indexes = vector_indexes.set_aside(connection, target, wait_seconds) if is_empty else []
        with closing(_ahead(source.batches(now))) as batches:
            _copy(connection, target, users, _told(batches, loaded, on_progress))
        before_indexes = time.perf_counter()
        for index in indexes:
            on_index(index.name)
            vector_indexes.restore(connection, index)
        index_seconds = time.perf_counter() - before_indexes
    load_seconds = time.perf_counter() - started - index_seconds
    with suppress(psycopg.errors.QueryCanceled):  # the rows are in; autovacuum has no limit
        connection.execute(target.query("seed", "vacuum"))
    return Seeding(
        memories=loaded.tiers.total(),
        users=len(users.known),
        users_created=users.created,
        memories_with_own_ids=loaded.with_own_ids,
        users_with_own_ids=users.created_with_own_ids,
        by_tier={tier: loaded.tiers[tier] for tier in draws.TIERS},
        load_seconds=load_seconds,
        index_seconds=index_seconds,
        rows_per_second=loaded.tiers.total() / load_seconds,
        source=source.name,
        random_seed=source.random_seed,
    )


@dataclass
class _Loaded:
    """What has arrived so far."""

    tiers: Counter[str] = field(default_factory=Counter)
    with_own_ids: int = 0

    def add(self, batch: Batch) -> None:
        self.tiers.update(batch.tiers)
        self.with_own_ids += len(batch) - int(np.count_nonzero(ids.MEMORIES.holds(batch.ids)))


class _Users:
    """The users met so far, and how many of them were not there before."""

    def __init__(self, connection: Connection, target: Target) -> None:
        self._connection, self._target = connection, target
        self.known: set[UUID] = set()
        self.created = self.created_with_own_ids = 0

    def has(self, batch: Batch) -> bool:
        return self.known.issuperset(batch.users)

    def add(self, batch: Batch) -> None:
        new = list(set(batch.users) - self.known)
        self.known.update(new)
        with as_owner(self._connection, self._target.users):
            added = self._connection.execute(self._target.query("seed", "add_users"), [new]).fetchall()
        self.created += len(added)
        self.created_with_own_ids += sum(not ids.USERS.first <= id <= ids.USERS.last for (id,) in added)


def _state(connection: Connection, target: Target, append: bool) -> tuple[bool, datetime]:
    """Whether the table is empty, and the time on the server."""
    row = connection.execute(target.query("seed", "state")).fetchone()
    assert row is not None
    has_rows, now = row
    if has_rows and not append:
        raise DataError(
            "the table memories has rows already",
            hint="Add to them with --append, or remove what was seeded before with --reset.",
        )
    return not has_rows, now


def _copy(connection: Connection, target: Target, users: _Users, batches: Iterator[Batch]) -> None:
    """Loads all batches. One COPY goes on until users have to be added before the next batch."""
    statement = target.query("seed", "copy")
    batch = next(batches, None)
    while batch is not None:
        users.add(batch)
        with (
            as_owner(connection, target.memories),
            connection.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            copy.write(rows.HEADER)
            while batch is not None and users.has(batch):
                for piece in rows.encode(batch):
                    copy.write(piece)
                batch = next(batches, None)
            copy.write(rows.TRAILER)


def _told(batches: Iterator[Batch], loaded: _Loaded, on_progress: Callable[[int], None]) -> Iterator[Batch]:
    """The same batches, each counted once it has been used."""
    for batch in batches:
        yield batch
        loaded.add(batch)
        on_progress(len(batch))


def _ahead(items: Iterator[T]) -> Generator[T]:
    """The same items; while one is used, the next two are made in a thread, as the server takes rows in bursts."""
    with ThreadPoolExecutor(1) as worker:
        coming = deque(worker.submit(next, items, None) for _ in range(2))
        while (item := coming.popleft().result()) is not None:
            coming.append(worker.submit(next, items, None))
            yield item
