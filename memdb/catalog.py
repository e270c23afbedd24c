"""What the database really holds, read from pg_catalog, and how what it should hold is put together."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from memdb.database import Connection, query

Attributes: TypeAlias = dict[str, Any]
"""What is known of an object, as JSON values. None of something (no default, no comment) is no key."""

Objects: TypeAlias = dict[str, Attributes]
"""Attributes by object: `table memories`, `column memories.embedding`, `index ix_memories_embedding`."""

Patch: TypeAlias = dict[str, dict[str, Any] | None]
"""What a migration does to the objects, as a JSON merge patch (RFC 7396): None removes."""

STAND_IN = "Stand-in made by memdb"
KINDS = ("extension", "enum", "table", "column", "constraint", "index", "function", "trigger", "policy")

_MEMBER = re.compile(r'("(?:[^"]|"")*"|[^.]+)\.(.*)')


@dataclass(frozen=True, slots=True)
class Catalog:
    """The objects of one schema, without their schema's name, and the versions of what they live in."""

    objects: Objects
    server_version: str
    pgvector_version: str | None


def read(connection: Connection, schema: str, only: Iterable[str] | None = None) -> Catalog:
    """The catalog of `schema`; of all its tables, enums and functions, or of those with a name in `only`.

    Reads in a read-only transaction. Names come out alike wherever the schema and the extension live: the
    empty search_path makes the server qualify every name, and the qualifiers of these schemas are removed.
    """
    parameters = [schema, None if only is None else list(only)]
    with connection.transaction(force_rollback=True):  # which also takes back the search_path
        connection.execute("set transaction read only; set local search_path = ''")
        rows: dict[str, Any] = dict(connection.execute(query("catalog", "objects"), parameters).fetchall())
    context = rows.pop("context")
    strip = _remover(context["qualifiers"])
    return Catalog(
        objects={strip(key): _without_qualifiers(attributes, strip) for key, attributes in rows.items()},
        server_version=context["server_version"],
        pgvector_version=context.get("pgvector_version"),
    )


def _remover(qualifiers: Iterable[str]) -> Callable[[str], str]:
    """Removes `schema.` from SQL, but not inside string literals, unless they name a relation."""
    names = "|".join(re.escape(name) for name in qualifiers if name != "pg_catalog")
    pattern = re.compile(rf"""('(?:[^']|'')*'(?!::regclass))|(?<![\w$".])(?:{names})\.(?=[\w"])""")
    return lambda sql: pattern.sub(lambda match: match[1] or "", sql)


def _without_qualifiers(attributes: Attributes, strip: Callable[[str], str]) -> Attributes:
    def cleaned(value: Any) -> Any:
        if isinstance(value, list):
            return [cleaned(item) for item in value]
        return strip(value) if isinstance(value, str) else value

    literal = {"comment", "labels", "body", "config"}
    return {name: value if name in literal else cleaned(value) for name, value in attributes.items()}


def kind_and_name(key: str) -> tuple[str, str]:
    """`column memories.id` is the column `memories.id`."""
    kind, _, name = key.partition(" ")
    return kind, name


def member(name: str) -> tuple[str, str]:
    """`memories.id` is `id` of `memories`; names are quoted where SQL needs it."""
    match = _MEMBER.fullmatch(name)
    assert match is not None, f"{name} belongs to no table"
    return match[1], match[2]


def table_of(key: str, attributes: Attributes) -> str | None:
    """The table that an object is part of; None for one that stands by itself."""
    kind, name = kind_and_name(key)
    if kind == "index":
        return str(attributes["table"])
    return member(name)[0] if kind in ("column", "constraint", "trigger", "policy") else None


def patch(before: Objects, after: Objects) -> Patch:
    """The merge patch that makes `after` of `before`, sorted."""
    changes: Patch = {}
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if new is None:
            changes[key] = None
        elif old is None or old != new:
            changes[key] = _attribute_changes(old or {}, new)
    return changes


def _attribute_changes(old: Attributes, new: Attributes) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name in sorted(old.keys() | new.keys()):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            changes |= {name: inner} if (inner := _attribute_changes(old[name], new[name])) else {}
        elif old.get(name) != new.get(name):
            changes[name] = new.get(name)
    return changes


def merge(target: Any, change: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(change, Mapping):
        return change
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def fold(patches: Iterable[Patch]) -> Objects:
    """The objects that a series of migrations leaves."""
    objects: Objects = {}
    for change in patches:
        objects = merge(objects, change)
    return objects
