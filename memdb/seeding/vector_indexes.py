"""Vector indexes around a load: building one afterwards takes a fraction of keeping it up row by row."""

from dataclasses import dataclass
from typing import LiteralString

from memdb.database import Connection, query
from memdb.seeding import waiting
from memdb.target import Target


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index on memories, with the statements that drop it and make it again as it was."""

    name: str
    drop: LiteralString
    create: LiteralString


def set_aside(connection: Connection, target: Target, wait_seconds: float) -> list[VectorIndex]:
    """Drops the vector indexes of memories that this role owns. For use in the transaction that `restore`s them.

    Until it ends, others wait for the table: only for a table in which they cannot be looking for anything.
    Raises LockTimeout where somebody is looking all the same, for longer than `wait_seconds`.
    """
    rows = connection.execute(query("seed", "vector_indexes"), {"memories": target.memories})
    indexes = [VectorIndex(*row) for row in rows]
    if indexes:
        waiting.take(connection, target, "alone", wait_seconds)
        waiting.limit(connection, wait_seconds)
    for index in indexes:
        connection.execute(index.drop)
    return indexes


def restore(connection: Connection, index: VectorIndex) -> None:
    """Builds an index that was set aside."""
    connection.execute(index.create)
