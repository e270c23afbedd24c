"""What a search has to know of a database, and for how long what was known is believed.

Sets can be applied or rolled back, the extension moved, the schema made anew while an application runs.
"""

import time
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Table, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool

from memdb import database
from memdb.errors import DatabaseError
from memdb.retrieval import Surroundings

FOR_A_TRANSACTION, FOR_ONE_STATEMENT = 0.25, 10.0
"""Seconds. In a transaction a statement that fails cannot be tried again."""

_QUESTION = database.query("retrieval", "surroundings")

Place = tuple[str, ...]
"""How a table is called on a connection: with its schema, where one is given."""

_known: WeakKeyDictionary[Pool, dict[Place, tuple[float, Surroundings]]] = WeakKeyDictionary()


def place(connection: Connection, table: Table) -> Place:
    """A schema_translate_map counts."""
    schema = connection.schema_for_object(table)
    return (schema, table.name) if schema else (table.name,)


def known(connection: Connection, table: Place, *, seconds: float) -> Surroundings | None:
    """What was learned so many seconds ago at most."""
    when, found = _known.get(connection.engine.pool, {}).get(table, (0.0, None))
    return found if found is not None and time.monotonic() - when < seconds else None


def learned(connection: Connection, table: Place) -> Surroundings:
    """What is there now. Raises DatabaseError where the extension or the table is missing."""
    quote = connection.dialect.identifier_preparer.quote
    written = {"table_name": ".".join(map(quote, table)), "place": "".join(f"{quote(name)}." for name in table[:-1])}
    row: Any = connection.execute(_ASKED, written).one_or_none()
    if row is None:
        raise DatabaseError('this database has no extension "vector"', hint="Create it with: memdb migrate")
    if row.tier is None:
        raise DatabaseError(f"there is no table {written['table_name']}", hint="Create it with: memdb migrate")
    found = Surroundings(**{**row._mapping, "functions": frozenset(row.functions)})
    _known.setdefault(connection.engine.pool, {})[table] = time.monotonic(), found
    return found


def around(session: Session, model: Any) -> tuple[Place, Surroundings]:
    """Where a model's table is, and what is there. Raises DatabaseError where something of that is missing."""
    connection: Connection = session.connection(bind_arguments={"mapper": model})
    table = place(connection, model.__table__)
    return table, known(connection, table, seconds=FOR_ONE_STATEMENT) or learned(connection, table)


async def are_distributed(session: AsyncSession, model: Any) -> bool:
    """Whether memories are in shards by user."""
    _, found = await session.run_sync(around, model)
    return found.is_distributed


def forget(connection: Connection) -> None:
    """After something has failed that was expected to be there."""
    _known.pop(connection.engine.pool, None)


_ASKED = text(
    _QUESTION.replace("%(table_name)s", "cast(:table_name as text)")
    .replace("%(place)s", "cast(:place as text)")
    .replace("::", "\\:\\:")
)
