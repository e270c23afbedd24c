"""All that PostgreSQL knows of the objects of a database, and what its tables hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

from psycopg import sql

from memdb.catalog import Key
from memdb.database import Connection, query
from memdb.linting import catalog_rows

Properties = dict[str, list[Any]]
"""Values by the name of the catalogs' column. Most have one; a table that inherits from two has two `inhparent`."""


class Address(NamedTuple):
    """What pg_identify_object takes; `column` is 0 for what is no column."""

    catalog: str
    oid: int
    column: int


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a table holds, and a sum over their contents in whatever order."""

    count: int
    checksum: int | None


@dataclass(frozen=True, slots=True)
class State:
    """Objects as pg_identify_object has them, such as the `table column` `public.memories.id`, and rows by table.

    `belongs` leads from an object to what it comes and goes with.
    """

    objects: dict[Key, Properties]
    belongs: dict[Key, frozenset[Key]]
    rows: dict[str, Rows]


# Temporary objects go with their session, and are those of another one here.
_NAMED: LiteralString = """
    select found.source, found.catalog::regclass::text, found.oid::bigint, found.col, found.properties,
        i.type, i.identity
    from ({}) as found (source, catalog, oid, col, properties)
    cross join lateral pg_identify_object(found.catalog, found.oid, found.col) as i
    where i.identity !~ '(^|[ .])pg_(toast|temp)'
"""
_NAME: LiteralString = "select type as kind, identity as name from pg_identify_object(%s::regclass, %s::oid, 0)"
_CONTENTS: LiteralString = (
    "select count(*) as count, sum(hashtextextended(to_jsonb(t)::text, 0)) as checksum from only {} as t"
)


class Reader:
    """Reads states of one database. Tables that are there at first are memdb's own, and their rows are passed over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        catalogs = [*connection.execute(query("linting", "catalogs")).fetchall(), ("pg_roles", "oid", {})]
        selects = [catalog_rows.select(*catalog) for catalog in catalogs]
        self._objects = sql.SQL(_NAMED).format(sql.SQL(" union all ").join(selects))
        self._references: dict[str, dict[str, str]] = {name: references for name, _, references in catalogs}
        self._bookkeeping = set(self._tables())
        self._own: dict[tuple[str, int], Key] = {}

    def read(self) -> State:
        """Where the database is now."""
        with self._connection.transaction(force_rollback=True):
            self._connection.execute("set local search_path = ''")
            found = self._connection.execute(self._objects).fetchall()
            belongings = self._connection.execute(query("linting", "belongings")).fetchall()
            rows = dict(self._rows())
        names = {Address(*address): Key(kind, name) for _, *address, _, kind, name in found}
        objects: dict[Key, Properties] = {}
        for source, *_, properties, kind, name in found:
            self._add(objects.setdefault(Key(kind, name), {}), source, properties, names)
        return State(objects, _belongs(belongings, names), rows)

    def _add(self, to: Properties, source: str, properties: dict[str, Any], names: dict[Address, Key]) -> None:
        references = self._references[source]
        for column, value in properties.items():
            named = self._named(value, references[column], names) if column in references else value
            to[column] = sorted([*to.get(column, []), _in_order(column, named)], key=str)

    def _named(self, value: Any, catalog: str, names: dict[Address, Key]) -> Any:
        """The names of objects in place of their oids, which are others when an object is made anew."""
        if isinstance(value, list):
            return [self._named(item, catalog, names) for item in value]
        oid = int(value) if str(value).isdigit() else 0
        return (names.get(Address(catalog, oid, 0)) or self._own_name(catalog, oid)) if oid else None

    def _own_name(self, catalog: str, oid: int) -> Key:
        """The name of an object of PostgreSQL's own."""
        if (catalog, oid) not in self._own:
            (self._own[catalog, oid],) = self._connection.rows(Key, _NAME, [catalog, oid])
        return self._own[catalog, oid]

    def _tables(self) -> list[str]:
        return [name for (name,) in self._connection.execute(query("linting", "tables"))]

    def _rows(self) -> Iterator[tuple[str, Rows]]:
        for table in self._tables():
            if table not in self._bookkeeping:
                (rows,) = self._connection.rows(Rows, sql.SQL(_CONTENTS).format(sql.SQL(table)))
                yield table, rows


def _in_order(column: str, value: Any) -> Any:
    """Privileges and parameters are sets."""
    return sorted(value) if isinstance(value, list) and column.endswith(("acl", "options", "config")) else value


def _belongs(found: Iterable[tuple[Any, ...]], names: dict[Address, Key]) -> dict[Key, frozenset[Key]]:
    belongs: dict[Key, set[Key]] = {}
    for row in found:
        part, whole = names.get(Address(*row[:3])), names.get(Address(*row[3:]))
        if part and whole and part != whole:
            belongs.setdefault(part, set()).add(whole)
    return {part: frozenset(wholes) for part, wholes in belongs.items()}
