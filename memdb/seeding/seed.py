"""Fill the database with realistic memories, and remove exactly those again."""

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, Protocol, TypeVar
from uuid import UUID

import psycopg

from memdb.database import Connection, query
from memdb.errors import DatabaseError, DataError
from memdb.seeding import draws, rows, vector_indexes
from memdb.seeding.rows import Batch

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

    `load_seconds` is from the first statement to the commit without `index_seconds`, which vector indexes took.
    """

    memories: int
    users: int
    users_created: int
    by_tier: dict[str, int]
    load_seconds: float
    index_seconds: float
    rows_per_second: float
    source: str
    random_seed: int


@dataclass(frozen=True, slots=True)
class Reset:
    """What was removed. `memories_kept` are seeded, but rows of other tables refer to them."""

    memories: int
    users: int
    memories_kept: int


def _ignore(_: object) -> None: ...


def seed(
    connection: Connection,
    source: Source,
    *,
    append: bool = False,
    on_progress: Callable[[int], None] = _ignore,
    on_index: Callable[[str], None] = _ignore,
) -> Seeding:
    """Loads all rows of the source, or none, in one transaction. `on_progress` hears how many rows came.

    Where the table is empty, its vector indexes are built after the rows are in; `on_index` hears which.
    Raises DataError when the table has rows and `append` is not given, when a row is there already, or when the
    source's data cannot be used.
    """
    _check_tables(connection)
    started = time.perf_counter()
    tiers: Counter[str] = Counter()
    with _explained(), connection.transaction():
        users = _Users(connection)
        is_empty, now = _begin(connection, append)
        indexes = vector_indexes.set_aside(connection) if is_empty else []
        with closing(_ahead(source.batches(now))) as batches:
            _copy(connection, users, _told(batches, tiers, on_progress))
        before_indexes = time.perf_counter()
        for index in indexes:
            on_index(index.name)
            vector_indexes.restore(connection, index)
        index_seconds = time.perf_counter() - before_indexes
    load_seconds = time.perf_counter() - started - index_seconds
    connection.execute(query("seed", "vacuum"))
    return Seeding(
        memories=tiers.total(),
        users=len(users.known),
        users_created=users.created,
        by_tier={tier: tiers[tier] for tier in draws.TIERS},
        load_seconds=load_seconds,
        index_seconds=index_seconds,
        rows_per_second=tiers.total() / load_seconds,
        source=source.name,
        random_seed=source.random_seed,
    )


def reset(connection: Connection) -> Reset:
    """Removes the seeded memories, and the users made for them to whom nothing refers any more."""
    _check_tables(connection)
    with connection.transaction():
        connection.execute(query("seed", "settings"))
        connection.execute(query("seed", "one_at_a_time"))
        created = [id for (id,) in connection.execute(query("seed", "lock_created_users"))]
        memories = connection.execute(_unless_referenced(connection, "memories", "remove_memories")).rowcount
        users = connection.execute(_unless_referenced(connection, "users", "remove_users"), [created]).rowcount
        (kept,) = connection.execute(query("seed", "remaining_memories")).fetchone() or (0,)
    return Reset(memories=memories, users=users, memories_kept=kept)


class _Users:
    """The users met so far: `created_by_seed` are those that this load or an earlier one made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.known: set[UUID] = set()
        self.created_by_seed: set[UUID] = set()
        self.created = 0

    def has(self, batch: Batch) -> bool:
        return self.known.issuperset(batch.users)

    def add(self, batch: Batch) -> None:
        new = list(set(batch.users) - self.known)
        self.known.update(new)
        created = {id for (id,) in self._connection.execute(query("seed", "add_users"), [new])}
        self.created += len(created)
        earlier = self._connection.execute(query("seed", "made_by_an_earlier_load"), [list(set(new) - created)])
        self.created_by_seed |= created | {id for (id,) in earlier}


def _check_tables(connection: Connection) -> None:
    if connection.execute(query("seed", "tables")).fetchone() != (True, True):
        raise DatabaseError("the tables users and memories are not there", hint="Create them with: memdb migrate")


def _begin(connection: Connection, append: bool) -> tuple[bool, datetime]:
    """Whether the table is empty, and the time on the server."""
    connection.execute(query("seed", "settings"))
    connection.execute(query("seed", "one_at_a_time"))
    row = connection.execute(query("seed", "state")).fetchone()
    assert row is not None
    has_rows, now = row
    if has_rows and not append:
        raise DataError(
            "the table memories has rows already",
            hint="Add to them with --append, or remove what was seeded before with --reset.",
        )
    return not has_rows, now


def _copy(connection: Connection, users: "_Users", batches: Iterator[Batch]) -> None:
    """Loads all batches. One COPY goes on until users have to be added before the next batch."""
    batch = next(batches, None)
    while batch is not None:
        users.add(batch)
        with connection.cursor() as cursor, cursor.copy(query("seed", "copy")) as copy:
            copy.write(rows.HEADER)
            while batch is not None and users.has(batch):
                for piece in rows.encode(batch, users.created_by_seed):
                    copy.write(piece)
                batch = next(batches, None)
            copy.write(rows.TRAILER)


def _told(batches: Iterator[Batch], tiers: Counter[str], on_progress: Callable[[int], None]) -> Iterator[Batch]:
    """The same batches, each counted once it has been used."""
    for batch in batches:
        yield batch
        tiers.update(batch.tiers)
        on_progress(len(batch))


def _ahead(items: Iterator[T]) -> Generator[T]:
    """The same items; while one is used, the next two are made in a thread, as the server takes rows in bursts."""
    with ThreadPoolExecutor(1) as worker:
        coming = deque(worker.submit(next, items, None) for _ in range(2))
        while (item := coming.popleft().result()) is not None:
            coming.append(worker.submit(next, items, None))
            yield item


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise DataError(
            f"some of these rows are there already ({error.diag.message_detail or error.diag.message_primary})",
            hint="Nothing was loaded. Choose another --random-seed, or remove the others with --reset.",
        ) from None
    except psycopg.errors.NotNullViolation as error:
        raise DataError(
            f"{error.diag.table_name} needs a {error.diag.column_name} in each row, which memdb does not know",
            hint="Nothing was loaded. Add the users in your application, then load a file (--from) with their ids.",
        ) from None


def _unless_referenced(connection: Connection, table: str, block: str) -> LiteralString:
    """A delete of `table`, narrowed so that no row of another table would be deleted or stand in the way."""
    conditions = [condition for (condition,) in connection.execute(query("seed", "not_referenced"), [table])]
    return " and ".join([query("seed", block), *conditions])
