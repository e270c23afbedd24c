"""Whether a rollback has brought a database back to where it was."""

from collections.abc import Iterator
from dataclasses import dataclass

from memdb import catalog
from memdb.catalog import Attributes, Objects
from memdb.database import Connection, query

_ALSO_IN_CATALOG = {"table": "table", "type": "enum", "function": "function", "procedure": "function"}


@dataclass(frozen=True, slots=True)
class State:
    """The catalog of a schema, and all that was ever made in the database by its full name, with privileges."""

    schema: str
    objects: Objects
    privileges: dict[str, str | None]


def read(connection: Connection, schema: str) -> State:
    """Where the database is now."""
    privileges: dict[str, str | None] = dict(connection.execute(query("linting", "objects")).fetchall())
    return State(schema, catalog.read(connection, schema).objects, privileges)


def differences(before: State, after: State) -> Iterator[str]:
    """In what a rollback has failed to bring `before` back, in words."""
    for key in sorted(before.objects.keys() | after.objects.keys()):
        if not _goes_with_table(key, before.objects, after.objects):
            yield from _difference(key, before.objects.get(key), after.objects.get(key))
    for name in sorted(before.privileges.keys() | after.privileges.keys()):
        if (name in before.privileges) != (name in after.privileges):
            if _catalog_key(name, before.schema) not in before.objects.keys() ^ after.objects.keys():
                yield _dropped(name) if name in before.privileges else _left_behind(name)
        elif before.privileges[name] != after.privileges[name]:
            yield f"It leaves the {name} with other privileges: {after.privileges[name]}."


def _goes_with_table(key: str, before: Objects, after: Objects) -> bool:
    """Whether the table of which this is a part is missing on one side, which says enough."""
    table = f"table {catalog.table_of(key, before.get(key) or after[key])}"
    return (table in before) != (table in after)


def _difference(key: str, before: Attributes | None, after: Attributes | None) -> Iterator[str]:
    if after is None:
        yield _dropped(key)
    elif before is None:
        yield _left_behind(key)
    elif before != after:
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        yield f"It leaves the {key} changed: {', '.join(names).replace('_', ' ')}."


def _dropped(name: str) -> str:
    return f"It drops the {name}, which was there before."


def _left_behind(name: str) -> str:
    return f"It leaves the {name} behind."


def _catalog_key(name: str, schema: str) -> str:
    """What the catalog calls an object that it has, too: `type public.tier` is `enum tier`."""
    kind, _, identity = name.partition(" ")
    local = identity.removeprefix(f"{schema}.").replace("pg_catalog.", "").replace(",", ", ")
    return f"{_ALSO_IN_CATALOG.get(kind, kind)} {local}"
