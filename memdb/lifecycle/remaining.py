"""Where else what was deleted may still be."""

from collections.abc import Sequence
from dataclasses import dataclass

from memdb.database import Connection, query


@dataclass(frozen=True, slots=True)
class Remains:
    """`refreshes` are statements for materialized views, which show until then what was deleted, and `vacuums` are
    those after which the server may write over it.

    The log of changes is archived if `is_archived`; `replicas` are connected now, and `slots` keep of the log what
    their readers have not had yet.
    """

    refreshes: Sequence[str]
    vacuums: Sequence[str]
    is_archived: bool
    replicas: int
    slots: Sequence[str]


def find(connection: Connection, tables: Sequence[int]) -> Remains:
    """For rows that were deleted in these tables."""
    (found,) = connection.rows(Remains, query("forgetting", "remains"), {"tables": list(tables)})
    return found
