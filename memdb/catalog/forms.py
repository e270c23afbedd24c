"""The form of what is known of objects, to which a file is held that somebody may have edited, or merged."""

import re
from collections.abc import Mapping
from typing import Any

from memdb.catalog import fragments
from memdb.catalog.keys import Key

_ALWAYS = {
    "enum": "labels",
    "domain": "type nullable",
    "sequence": "type start increment min max cache cycle",
    "column": "type nullable",
    "constraint": "definition validated",
    "index": "table method keys unique valid",
    "statistics": "table definition",
    "function": "language volatility parallel security",
    "aggregate": "state step parallel",
    "view": "definition columns",
    "rule": "definition enabled",
    "trigger": "definition enabled",
    "policy": "as for to",
}
"""What each object of a kind has."""

_LISTS = frozenset({"labels", "keys", "include", "config", "to", "inherits", "attributes", "columns", "reads"})
_OBJECTS = frozenset({"options", "checks", "range"})
_SWITCHES = frozenset({
    "nullable", "validated", "unique", "valid", "strict", "row_security", "force_row_security", "materialized",
    "unlogged", "leakproof", "nulls_not_distinct", "disabled", "cycle",
})  # fmt: skip
_NUMBERS = frozenset({"start", "increment", "min", "max", "cache"})
_UNWRITTEN = frozenset({"enum", "function", "aggregate", "object"})
"""Kinds of which no mend has more than the name, and what it is."""
_WITH_COMMAS = frozenset({"view", "trigger", "rule", "statistics"})
"""Kinds whose definition ends the statement, or is all of it."""
_MADE_BY = {"trigger": "CREATE (CONSTRAINT )?TRIGGER ", "rule": "CREATE RULE ", "statistics": "CREATE STATISTICS "}
"""How a definition begins that is a statement."""


def missing(key: Key, attributes: Mapping[str, Any]) -> str | None:
    """What an object of this kind would have, and this one has not."""
    return next((name for name in _ALWAYS.get(key.kind, "").split() if name not in attributes), None)


def misshapen(key: Key, change: Mapping[str, Any]) -> str | None:
    """What is changed of an object to something that it cannot be: a number for a list, or what ends a statement."""
    if key.kind != "object" and not fragments.is_whole(key.identity):
        return "the name"
    return next((name for name, value in change.items() if value is not None and not _fits(key, name, value)), None)


def _fits(key: Key, name: str, value: Any) -> bool:
    if name in _LISTS:
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    elif name in _OBJECTS:
        fits = isinstance(value, dict) and all(isinstance(item, str | None) for item in value.values())
    else:
        fits = isinstance(value, bool if name in _SWITCHES else int if name in _NUMBERS else str)
    is_unwritten = name == "comment" or (key.kind in _UNWRITTEN and name != "kind")
    return fits and (is_unwritten or all(_stays(key, name, text) for text in _pieces(name, value)))


def _pieces(name: str, value: Any) -> list[str]:
    """The SQL in an attribute. Values of options are written in quotes."""
    if isinstance(value, dict):
        return [*value, *(() if name == "options" else filter(None, value.values()))]
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _stays(key: Key, name: str, text: str) -> bool:
    is_definition = name == "definition"
    begins = re.match(_MADE_BY.get(key.kind, "") if is_definition else "", text)
    return begins is not None and fragments.is_whole(text, listed=is_definition and key.kind in _WITH_COMMAS)
