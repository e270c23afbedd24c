"""Vector indexes around a load: building one afterwards takes a fraction of keeping it up row by row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString

import psycopg

from memdb.database import Connection, query
from memdb.migrations import concurrently
from memdb.seeding import waiting
from memdb.seeding.hooks import Outgrown, Upkeep
from memdb.target import Target

# As seen on two cores with embeddings of 1536 dimensions; elsewhere it is another number, but the same proportion.
_KEPT_UP_PER_SECOND, _BUILT_PER_SECOND = 400, 2500
_WORTH_TELLING = 1000  # rows


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index on memories, with the statements that drop it and make it again as it was, `describe` with its comment,
    if it has one."""

    name: str
    drop: LiteralString
    create: LiteralString
    describe: LiteralString | None


def movable(connection: Connection, target: Target) -> list[VectorIndex]:
    """The vector indexes of memories that this role may drop and make again as they were."""
    return connection.rows(VectorIndex, query("seed", "vector_indexes"), {"memories": target.memories})


def set_aside(connection: Connection, target: Target, wait_seconds: float) -> list[VectorIndex]:
    """Drops the vector indexes that this role may drop. For use in the transaction that `restore`s them.

    Until it ends, others wait for the table. Raises LockTimeout where somebody is looking into it, for longer than
    `wait_seconds`.
    """
    indexes = movable(connection, target)
    if indexes:
        waiting.take(connection, target, "alone", wait_seconds)
        waiting.limit(connection, wait_seconds)
    for index in indexes:
        connection.execute(index.drop)
    return indexes


def upkeep(connection: Connection, target: Target, rows: int | None) -> Upkeep | None:
    """What so many rows will take because of the graphs that are there; None where that is not worth telling."""
    found = connection.execute(query("seed", "graphs"), {"memories": target.memories}).fetchall()
    if not found or (rows is not None and rows < _WORTH_TELLING):
        return None
    names, there = tuple(name for name, _ in found), max(rows_there for _, rows_there in found)
    is_movable = set(names) <= {index.name for index in movable(connection, target)}
    rebuild = len(names) * (there + (rows or 0)) / _BUILT_PER_SECOND if is_movable else None
    return Upkeep(names, rows, _KEPT_UP_PER_SECOND / len(names), rebuild)


def restore(
    connection: Connection, target: Target, index: VectorIndex, on_outgrown: Callable[[Outgrown], None]
) -> None:
    """Builds an index that was set aside."""
    statement = query("history", "build_memory", table=[target.schema, "memories"])
    megabytes, rows = connection.execute(statement).fetchone() or (0, 0)

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        needed = concurrently.megabytes_for(notice.message_primary or "", megabytes, rows)
        if needed is not None:
            on_outgrown(Outgrown(index.name, megabytes, needed))

    with connection.hearing(hear):
        connection.execute(index.create)
    if index.describe is not None:  # a statement of its own: Citus sends workers the text of all that comes with one
        connection.execute(index.describe)
