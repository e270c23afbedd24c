"""What a search has to know of a database, and for how long what was known is believed.

The set fast_search can be applied or rolled back, the extension moved, the schema made anew while an application runs.
"""

import time
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Table, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import Pool

from memdb import database
from memdb.errors import DatabaseError

FOR_A_TRANSACTION, FOR_ONE_STATEMENT = 0.25, 10.0
"""Seconds. In a transaction a statement that fails cannot be tried again."""

_QUESTION = database.query("store", "surroundings")


class Surroundings(NamedTuple):
    """The extension's schema and the number of its type vector, the type of embeddings, the type of tiers with its
    schema where that has to be said, and what is there.
    """

    extension: str
    vector: int
    embedding: str
    tier_schema: str | None
    tier: str
    has_search_function: bool
    reads_what_is_committed: bool


class Names(NamedTuple):
    """How a table and the function beside it are called on a connection: with their schema, where one is given."""

    table: tuple[str, ...]
    function: tuple[str, ...]


_known: WeakKeyDictionary[Pool, dict[Names, tuple[float, Surroundings]]] = WeakKeyDictionary()


def names(connection: Connection, table: Table) -> Names:
    """A schema_translate_map counts."""
    schema = connection.schema_for_object(table)
    place = (schema,) if schema else ()
    return Names((*place, table.name), (*place, "search_memories"))


def known(connection: Connection, called: Names, *, seconds: float) -> Surroundings | None:
    """What was learned so many seconds ago at most."""
    when, found = _known.get(connection.engine.pool, {}).get(called, (0.0, None))
    return found if found is not None and time.monotonic() - when < seconds else None


def learned(connection: Connection, called: Names) -> Surroundings:
    """What is there now. Raises DatabaseError where the extension or the table is missing."""
    quote = connection.dialect.identifier_preparer.quote
    written = {"table_name": ".".join(map(quote, called.table)), "function_name": ".".join(map(quote, called.function))}
    row: Any = connection.execute(_ASKED, written).one_or_none()
    if row is None:
        raise DatabaseError('this database has no extension "vector"', hint="Create it with: memdb migrate")
    if row.tier is None:
        raise DatabaseError(f"there is no table {written['table_name']}", hint="Create it with: memdb migrate")
    found = Surroundings(**row._mapping)
    _known.setdefault(connection.engine.pool, {})[called] = time.monotonic(), found
    return found


def forget(connection: Connection) -> None:
    """After something has failed that was expected to be there."""
    _known.pop(connection.engine.pool, None)


_ASKED = text(
    _QUESTION.replace("%(table_name)s", "cast(:table_name as text)")
    .replace("%(function_name)s", "cast(:function_name as text)")
    .replace("::", "\\:\\:")
)
