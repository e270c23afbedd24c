"""Deleting the memories that are due, in batches small enough to keep nobody waiting."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from memdb import target
from memdb.benchmark import proving
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.proving import Proof
from memdb.database import Connection, query
from memdb.errors import DatabaseError, DataError, UsageError
from memdb.lifecycle import entering, repeating
from memdb.lifecycle.entering import Needed
from memdb.target import Target

_NEEDED = Needed(
    sets=("retention",),
    functions=(
        *("prune_memories", "discard_memories", "memories_due", "memories_still_due"),
        *("memories_are_recalled", "memory_recalls"),
    ),
    tables=("memory_retention", "memory_retention_rules", "memory_importance", "memory_archive", "memory_merges"),
    called=("archive_memories_of_all", "rows_beside_memories", "memory_tables"),
)
MOST = 100_000
_UNPROVED = "Nothing was deleted. Prune without --prove."
_NOTICEABLE = 0.05
"""The share of all memories from which on a search is slower for what was deleted, until the table is vacuumed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many memories a batch deletes (1 to 100,000), the pause after each, and when to stop; in seconds."""

    batch: int = 10_000
    pause_seconds: float = 0.005
    limit_seconds: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MOST:
            raise UsageError(f"a batch of {self.batch} memories is not possible", hint=f"Give 1 to {MOST:,}.")
        for seconds in (self.pause_seconds, 0 if self.limit_seconds is None else self.limit_seconds):
            if not 0 <= seconds < float("inf"):
                raise UsageError(f"{seconds} is no number of seconds", hint="Give 0 or more.")


@dataclass(frozen=True, slots=True)
class Due:
    """So many memories of a tier are due by a rule: expired, idle, or most per user."""

    tier: str
    rule: str
    memories: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """What was `deleted`, and what was `left`, being due; a dry run leaves all.

    `refused` are tiers whose rule for idle memories does not count, as no recall was ever noted. `to_review` is how
    many memories somebody wants to look at by now. `upkeep` are statements after which searches are as fast as before.
    `proof` is how searches were before and after, where that was asked for.
    """

    deleted: tuple[Due, ...]
    left: tuple[Due, ...]
    dry_run: bool
    batches: int
    seconds: float
    refused: tuple[str, ...]
    to_review: int
    upkeep: tuple[str, ...]
    proof: Proof | None = None


def due(connection: Connection) -> Pruning:
    """What prune would delete now. Reads only. Raises DatabaseError as prune does."""
    started = time.monotonic()
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found = _enter(connection)
        left = _due(connection, found)
        refused, to_review = _standing(connection, found)
    return Pruning((), left, True, 0, time.monotonic() - started, refused, to_review, ())


def prune(connection: Connection, pace: Pace = Pace(), *, on_batch: Callable[[int], None] = lambda _: None) -> Pruning:
    """Deletes what is due, each batch in a transaction of its own; `on_batch` hears how many that were.

    It may be cut short at any moment: a batch is deleted or not, and the next run goes on. Runs take turns.

    Raises DatabaseError where the set is not applied, row-level security hides rows from this role, or somebody else's
    code would run; LockTimeout where others hold a lock for longer than reading waits.
    """
    started, deleted, batches = time.monotonic(), Counter[tuple[str, str]](), 0
    while True:
        with _prompt(connection, deleted):
            batch = repeating.after_deadlocks(lambda: _prune(connection, pace.batch))
        deleted.update(batch)
        if batch:
            batches += 1
            on_batch(batch.total())
        is_late = pace.limit_seconds is not None and time.monotonic() - started >= pace.limit_seconds
        if is_late or not batch:
            break
        time.sleep(pace.pause_seconds)
    rest = due(connection)
    return Pruning(
        tuple(Due(*of, memories) for of, memories in sorted(deleted.items())),
        rest.left,
        False,
        batches,
        time.monotonic() - started,
        tuple(tier for tier in rest.refused if (tier, "idle") not in deleted),  # what told of recalls may have gone
        rest.to_review,
        _upkeep(connection, deleted.total()),
    )


def proved(connection: Connection, work: Callable[[], Pruning]) -> Pruning:
    """What the work deletes, with the same searches before and after it: how right they are, and how fast.

    Raises DataError where nothing can be searched; then nothing was deleted.
    """
    with connection.transaction():
        _enter(connection)  # what prune would refuse is refused before anything is measured
    wanted = Wanted()
    try:
        questions = proving.ask(connection, wanted)
    except DataError as error:  # whose hint is for a benchmark: to load memories, or to ask for fewer
        raise DataError(error.message, hint=_UNPROVED) from None
    strategy, before = proving.measure(connection, questions, wanted.k)
    if before is None:
        raise DataError("no memory has a neighbour, so searches prove nothing", hint=_UNPROVED)
    done = work()
    _, after = proving.measure(connection, questions, wanted.k)
    return replace(done, proof=Proof(strategy, wanted.k, before, after))


def _prune(connection: Connection, batch: int) -> Counter[tuple[str, str]]:
    with connection.transaction():
        entering.begin_writing(connection)
        found = _enter(connection, writing=True)
        rows = connection.execute(found.query("retention", "prune"), [batch])
        return Counter({(tier, rule): memories for tier, rule, memories in rows})


@contextmanager
def _prompt(connection: Connection, deleted: Counter[tuple[str, str]]) -> Iterator[None]:
    """Raises LockTimeout where others are in the way, DatabaseError where rows of other tables are."""

    def hint(further: str) -> str:
        return f"{deleted.total():,} memories were deleted before, and the rest is still there. {further}"

    try:
        with connection.in_time("what is to be deleted", lambda: hint("Try again, or allow more time with --wait.")):
            yield
    except psycopg.errors.ForeignKeyViolation as error:
        raise DatabaseError(
            f"rows of another table refer to a memory that is due: {error.diag.message_primary}",
            hint=hint(
                "Pin what is still needed, with pin_memories, or have those rows no longer refer to what is due."
            ),
        ) from None


def _enter(connection: Connection, *, writing: bool = False) -> Target:
    return entering.enter(connection, _NEEDED, hidden="they would not be pruned", writing=writing)


def _due(connection: Connection, found: Target) -> tuple[Due, ...]:
    return tuple(Due(*row) for row in connection.execute(found.query("retention", "due")))


def _standing(connection: Connection, found: Target) -> tuple[tuple[str, ...], int]:
    ((refused, to_review),) = connection.execute(found.query("retention", "standing"))
    return tuple(refused), to_review


def _upkeep(connection: Connection, deleted: int) -> tuple[str, ...]:
    """A graph of HNSW is repaired by a vacuum, which takes long for many rows: one that is built anew has none."""
    with connection.transaction():
        found = target.enter(connection)
        given: dict[str, Any] = {"memories": found.memories, "deleted": deleted, "share": _NOTICEABLE}
        return tuple(text for (text,) in connection.execute(query("retention", "upkeep"), given))
