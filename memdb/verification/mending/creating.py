"""Statements that make an object that is missing."""

from collections.abc import Callable
from typing import Any

from memdb.catalog import Attributes, Key
from memdb.verification.mending.surroundings import UNKNOWN, Surroundings
from memdb.verification.mending.writing import literal, options, told

_FOREIGN_KEYS_NOT_VALID_SINCE = 180000
"""Of partitioned tables."""


def create(key: Key, attributes: Attributes, place: Surroundings = UNKNOWN) -> list[str]:
    """The statements that create an object; none where only the migration's own file will do."""
    if key.kind not in _CREATE:
        return []
    comments = [comment(key, attributes, attributes["comment"])] if "comment" in attributes else []
    return [*_CREATE[key.kind](key, attributes, place), *comments]


def comment(key: Key, attributes: Attributes, text: str | None) -> str:
    """The statement that sets the comment on an object, or with None takes it away."""
    kind, name = key.kind, key.identity
    if kind in ("constraint", "trigger", "policy", "rule"):
        name = f"{key.name} on {key.within}"
    targets = {"enum": "type", "function": attributes.get("kind", "function"), "view": _view(attributes)}
    target = "function" if targets.get(kind) == "window" else targets.get(kind, kind)
    return f"comment on {target} {name} is {literal(text) if text is not None else 'null'};"


def column_type(attributes: Attributes) -> str:
    collate = f" collate {attributes['collation']}" if "collation" in attributes else ""
    return f"{attributes['type']}{collate}"


def set_storage(column: Key, attributes: Attributes) -> str:
    storage = attributes.get("storage", "default")
    return f"alter table {column.within} alter column {column.name} set storage {storage};"


def enable(key: Key, attributes: Attributes) -> str:
    """The statement that enables a trigger or rule as it should be."""
    how = {"origin": "enable", "disabled": "disable", "replica": "enable replica", "always": "enable always"}
    return f"alter table {key.within} {how[attributes['enabled']]} {key.kind} {key.name};"


def create_view(key: Key, attributes: Attributes, head: str = "create") -> str:
    with_options = f" with ({options(attributes['options'])})" if "options" in attributes else ""
    return f"{head} {_view(attributes)} {key.identity}{with_options} as {attributes['definition']};"


def _is_checked_later(key: Key, attributes: Attributes, place: Surroundings) -> bool:
    """Whether a constraint can be made first and checked then, which blocks nobody who writes meanwhile."""
    if attributes["definition"].startswith("FOREIGN KEY"):
        return key.within not in place.partitioned or place.server_version >= _FOREIGN_KEYS_NOT_VALID_SINCE
    return str(attributes["definition"]).startswith("CHECK")


def sequence_options(attributes: Attributes) -> str:
    return (
        f"as {attributes['type']} increment by {attributes['increment']} minvalue {attributes['min']}"
        f" maxvalue {attributes['max']} start with {attributes['start']} cache {attributes['cache']}"
        f" {'cycle' if attributes['cycle'] else 'no cycle'}"
    )


def owned(sequence: Key, column: str | None) -> str:
    """The statement that makes a sequence go with its column, or with none."""
    return f"alter sequence {sequence.identity} owned by {column or 'none'};"


def _view(attributes: Attributes) -> str:
    return "materialized view" if attributes.get("materialized") else "view"


def _create_enum(key: Key, attributes: Attributes, _: Surroundings) -> list[str]:
    return [f"create type {key.identity} as enum ({', '.join(map(literal, attributes['labels']))});"]


def _create_domain(key: Key, attributes: Attributes, _: Surroundings) -> list[str]:
    clauses = [f"create domain {key.identity} as {column_type(attributes)}"]
    if "default" in attributes:
        clauses.append(f"default {attributes['default']}")
    if not attributes["nullable"]:
        clauses.append("not null")
    clauses += [f"constraint {check} {definition}" for check, definition in attributes.get("checks", {}).items()]
    return [" ".join(clauses) + ";"]


def _create_type(key: Key, attributes: Attributes, _: Surroundings) -> list[str]:
    if "range" in attributes:
        clauses = ", ".join(f"{clause} = {value}" for clause, value in attributes["range"].items())
        return [f"create type {key.identity} as range ({clauses});"]
    return [f"create type {key.identity} as ({', '.join(attributes['attributes'])});"]


def _create_sequence(key: Key, attributes: Attributes, _: Surroundings) -> list[str]:
    unlogged = "unlogged " if "unlogged" in attributes else ""
    start = told(
        f"it starts again: if rows already have its numbers, go on after them with setval({literal(key.identity)}, …)"
    )
    return [*start, f"create {unlogged}sequence {key.identity} {sequence_options(attributes)};"]


def _add_column(key: Key, attributes: Attributes, place: Surroundings) -> list[str]:
    table, column = key.within, key.name
    clauses = [f"alter table {table} add column {column} {column_type(attributes)}"]
    if "generated" in attributes:
        clauses.append(f"generated always as {attributes['generated']}")
    if "identity" in attributes:
        clauses.append(f"generated {attributes['identity']} as identity")
    if "default" in attributes:
        clauses.append(f"default {attributes['default']}")
    later = []
    if not attributes["nullable"]:
        if attributes.keys() & {"default", "generated", "identity"} or table in place.empty:
            clauses.append("not null")
        else:
            later = told(f"then fill it, and: alter table {table} alter column {column} set not null;")
    storage = [set_storage(key, attributes)] if "storage" in attributes else []
    return [" ".join(clauses) + ";", *storage, *later]


def _add_constraint(key: Key, attributes: Attributes, place: Surroundings) -> list[str]:
    table, constraint = key.within, key.name
    add = f"alter table {table} add constraint {constraint} {attributes['definition']}"
    if not attributes["validated"]:
        return [f"{add} not valid;"]
    if _is_checked_later(key, attributes, place):
        return [f"{add} not valid;", f"alter table {table} validate constraint {constraint};"]
    return [f"{add};"]


def _create_index(key: Key, attributes: Attributes, place: Surroundings) -> list[str]:
    partitioned = attributes["table"] in place.partitioned
    head = "create unique index" if attributes["unique"] else "create index"
    clauses = [
        f"{head}{'' if partitioned else ' concurrently'} {key.name} on {attributes['table']}",
        f"using {attributes['method']} ({', '.join(attributes['keys'])})",
    ]
    if "include" in attributes:
        clauses.append(f"include ({', '.join(attributes['include'])})")
    if "nulls_not_distinct" in attributes:
        clauses.append("nulls not distinct")
    if "options" in attributes:
        clauses.append(f"with ({options(attributes['options'])})")
    if "where" in attributes:
        clauses.append(f"where {attributes['where']}")
    wait = told("writes wait while it is built: if partitions are large, first create it concurrently on each of them")
    return [*(wait if partitioned else ()), " ".join(clauses) + ";"]


def _create_reaction(key: Key, attributes: Attributes, _: Surroundings) -> list[str]:
    """A trigger or a rule."""
    created = f"{attributes['definition']};"
    return [created] if attributes["enabled"] == "origin" else [created, enable(key, attributes)]


def _create_policy(key: Key, attributes: Attributes, _: Surroundings) -> list[str]:
    using = f" using ({attributes['using']})" if "using" in attributes else ""
    check = f" with check ({attributes['check']})" if "check" in attributes else ""
    head = f"create policy {key.name} on {key.within} as {attributes['as']} for {attributes['for']}"
    return [f"{head} to {', '.join(attributes['to'])}{using}{check};"]


_CREATE: dict[str, Callable[[Key, dict[str, Any], Surroundings], list[str]]] = {
    "schema": lambda key, *_: [f"create schema {key.identity};"],
    "extension": lambda key, *_: [f"create extension {key.identity};"],
    "enum": _create_enum,
    "domain": _create_domain,
    "type": _create_type,
    "sequence": _create_sequence,
    "column": _add_column,
    "constraint": _add_constraint,
    "index": _create_index,
    "statistics": lambda _, attributes, __: [f"{attributes['definition']};"],
    "view": lambda key, attributes, _: [create_view(key, attributes)],
    "rule": _create_reaction,
    "trigger": _create_reaction,
    "policy": _create_policy,
}
