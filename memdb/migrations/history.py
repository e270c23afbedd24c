"""What is applied: read from yoyo's tables and the one that memdb keeps beside them."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from memdb.database import Connection, query, target_schema


@dataclass(frozen=True, slots=True)
class Applied:
    """One applied migration. What stock yoyo applied has no checksum and no duration."""

    id: str
    at: datetime
    by: str | None
    checksum: str | None
    duration_ms: float | None


@dataclass(frozen=True, slots=True)
class History:
    """`applied` in the order of application. `readable` is False for a role that may not look."""

    applied: tuple[Applied, ...] = ()
    readable: bool = True

    @property
    def ids(self) -> set[str]:
        return {applied.id for applied in self.applied}


def read(connection: Connection) -> History:
    """The history in the target schema; an empty one where nothing was ever applied. Writes nothing.

    Names are written with their schema, so that a pooler's or a role's search_path does not matter.
    """
    schema = target_schema(connection)
    row = connection.execute(query("history", "readable"), [schema]).fetchone()
    if row is None:
        return History()
    readable, has_details = row
    if not readable:
        return History(readable=False)
    block = query("history", "applied" if has_details else "applied_by_yoyo")
    rows = connection.execute(sql.SQL(block).format(schema=sql.Identifier(schema)))
    return History(tuple(Applied(*row) for row in rows))
