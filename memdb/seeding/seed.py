"""Fill the database with realistic memories."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from memdb import binary, values
from memdb.database import Connection
from memdb.errors import DataError
from memdb.reading.ahead import ahead
from memdb.seeding import beginning, failures, rows, vector_indexes, waiting
from memdb.seeding.arriving import Arrivals, any_present
from memdb.seeding.hooks import Hooks
from memdb.seeding.memories import Further
from memdb.seeding.rows import Batch
from memdb.seeding.source import Source
from memdb.target import Target, serving


@dataclass(frozen=True, slots=True)
class Seeding:
    """What was loaded. `users` have memories among them; `users_created` of these were not there before.

    `already_there` counts rows whose ids the table had: they stay as they are, and are not among the `memories`.
    `memories_with_own_ids` and `users_with_own_ids`, of those that were created, have ids that a file gave them:
    nothing tells them from an application's, so that a reset leaves them. `load_seconds` is from the first statement
    to the commit without `index_seconds`, which vector indexes took. `successor` is a model that has taken over, and
    has none of the embeddings, which are in memories.
    """

    memories: int
    users: int
    users_created: int
    memories_with_own_ids: int
    users_with_own_ids: int
    already_there: int
    by_tier: dict[str, int]
    load_seconds: float
    index_seconds: float
    rows_per_second: float
    source: str
    random_seed: int
    successor: str | None = None


def seed(
    connection: Connection,
    source: Source | Further,
    *,
    append: bool = False,
    rebuild_indexes: bool = False,
    add_users: bool = False,
    wait_seconds: float = waiting.WAIT_SECONDS,
    hooks: Hooks = Hooks(),
) -> Seeding:
    """Loads all rows of the source, or none, in one transaction.

    Where the table is empty, or with `rebuild_indexes`, its vector indexes are dropped, and built after the rows are
    in, and nobody else can use the table until then. With `append`, rows whose ids are there stay as they are, so that
    the same load may be run again. Users who are not there are added to memdb's stand-in, and with `add_users` also to
    a table of the application. Raises DataError when the table has rows and `append` is not given, or when the
    source's data cannot be used, DatabaseError where the tables cannot be, LockTimeout when something was in the way
    for longer than `wait_seconds`.
    """
    started = time.perf_counter()
    with (
        failures.all_or_nothing(),
        waiting.patience(connection, seconds=wait_seconds, on_wait=hooks.on_wait, on_build=hooks.on_build),
        connection.transaction(),
    ):
        target = beginning.begin(connection, wait_seconds, add_users=add_users)
        beside = serving(connection, target)
        is_empty, now = _state(connection, target, append)
        settled = _settled(connection, target, source)
        arrivals = Arrivals(connection, target, settled, is_empty, add_users or target.users_may_be_made)
        indexes = vector_indexes.set_aside(connection, target, wait_seconds) if is_empty or rebuild_indexes else []
        if (upkeep := vector_indexes.upkeep(connection, target, settled.total)) is not None:
            hooks.on_upkeep(upkeep)
        with failures.explained(settled), closing(ahead(settled.batches(now, target.shape))) as batches:
            _copy(arrivals, _told(batches, hooks.on_progress))
        before_indexes = time.perf_counter()
        for index in indexes:
            hooks.on_index(index.name)
            vector_indexes.restore(connection, target, index, hooks.on_outgrown)
        index_seconds = time.perf_counter() - before_indexes
    load_seconds = time.perf_counter() - started - index_seconds
    hooks.on_vacuum()
    with suppress(psycopg.errors.QueryCanceled):  # the rows are in; autovacuum has no limit
        connection.execute(target.query("seed", "vacuum"))
    successor = None if beside is None else beside.model or beside.name
    return replace(_seeding(arrivals, load_seconds, index_seconds), successor=successor)


def _seeding(arrivals: Arrivals, load_seconds: float, index_seconds: float) -> Seeding:
    return Seeding(
        memories=arrivals.tiers.total(),
        users=len(arrivals.users),
        users_created=arrivals.users_created,
        memories_with_own_ids=arrivals.with_own_ids,
        users_with_own_ids=arrivals.users_created_with_own_ids,
        already_there=arrivals.already_there,
        by_tier={tier: arrivals.tiers[tier] for tier in values.TIERS},
        load_seconds=load_seconds,
        index_seconds=index_seconds,
        rows_per_second=arrivals.tiers.total() / load_seconds,
        source=arrivals.source.name,
        random_seed=arrivals.source.random_seed,
    )


def _settled(connection: Connection, target: Target, source: Source | Further) -> Source:
    if isinstance(source, Further):
        return source.settled(lambda ids: any_present(connection, target, ids))
    return source


def _state(connection: Connection, target: Target, append: bool) -> tuple[bool, datetime]:
    """Whether the table is empty, and the time on the server."""
    row = connection.execute(target.query("seed", "state")).fetchone()
    assert row is not None
    has_rows, seconds = row
    if has_rows and not append:
        raise DataError(
            "the table memories already has rows",
            hint="Add to them with --append, or remove what was seeded before with --reset.",
        )
    return not has_rows, datetime.fromtimestamp(float(seconds), UTC)


def _copy(arrivals: Arrivals, batches: Iterator[Batch]) -> None:
    """Loads all batches. One COPY goes on until something has to be asked or added before the next batch."""
    statement, shape = arrivals.target.query("seed", "copy"), arrivals.target.shape
    batch = next(batches, None)
    while batch is not None:
        new: Batch | None = arrivals.admit(batch)
        with arrivals.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(binary.HEADER)
            while new is not None:
                for piece in rows.encode(new, shape):
                    copy.write(piece)
                arrivals.add(new)
                batch = next(batches, None)
                new = batch if batch is not None and arrivals.can_go_on(batch) else None
            copy.write(binary.TRAILER)


def _told(batches: Iterator[Batch], on_progress: Callable[[int], None]) -> Iterator[Batch]:
    """Hands on the batches; `on_progress` hears of each once it has been used."""
    for batch in batches:
        yield batch
        on_progress(len(batch))
