"""The form of what is known of objects, to which a file is held that somebody may have edited, or merged."""

from collections.abc import Mapping
from typing import Any

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


def missing(key: Key, attributes: Mapping[str, Any]) -> str | None:
    """What an object of this kind would have, and this one has not."""
    return next((name for name in _ALWAYS.get(key.kind, "").split() if name not in attributes), None)


def misshapen(change: Mapping[str, Any]) -> str | None:
    """What is changed of an object to something that it cannot be, such as a number for a list."""
    return next((name for name, value in change.items() if value is not None and not _fits(name, value)), None)


def _fits(name: str, value: Any) -> bool:
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if name in _OBJECTS:
        return isinstance(value, dict) and all(isinstance(item, str | None) for item in value.values())
    wanted = bool if name in _SWITCHES else int if name in _NUMBERS else str
    return isinstance(value, wanted)
