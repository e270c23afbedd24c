"""Vector indexes around a load: building one afterwards takes a fraction of keeping it up row by row."""

from dataclasses import dataclass
from typing import LiteralString

from memdb.database import Connection, query


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index on memories, with the statements that drop it and make it again as it was."""

    name: str
    drop: LiteralString
    create: LiteralString


def set_aside(connection: Connection) -> list[VectorIndex]:
    """Drops the vector indexes of memories that this role owns. For use in the transaction that `restore`s them.

    Until it ends, others wait for the table: only for a table in which they cannot be looking for anything.
    """
    indexes = [VectorIndex(*row) for row in connection.execute(query("seed", "vector_indexes"))]
    for index in indexes:
        connection.execute(index.drop)
    return indexes


def restore(connection: Connection, index: VectorIndex) -> None:
    """Builds an index that was set aside."""
    connection.execute(index.create)
