"""The keys of objects, and what they say. Names are quoted where SQL needs it."""

import re

from memdb.catalog.patches import Attributes

STAND_IN = "Stand-in made by memdb"
"""Begins the comment on `users` where the application has none."""

# In an order in which they can be made. "object" is anything else, of which no more is read than that it is there.
KINDS = (
    "schema", "extension", "enum", "domain", "type", "sequence", "table", "column", "constraint", "index",
    "statistics", "function", "aggregate", "view", "rule", "trigger", "policy", "object",
)  # fmt: skip

STANDALONE = ("schema", "enum", "domain", "type", "sequence", "table", "function", "aggregate", "view")

_MEMBERS = ("column", "constraint", "trigger", "policy", "rule")
_IDENTIFIER = r'(?:"(?:[^"]|"")*"|[^."(]+)'
_IDENTIFIERS = re.compile(_IDENTIFIER)
_QUALIFIED = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*")


def kind_and_name(key: str) -> tuple[str, str]:
    """`column memories.id` is the column `memories.id`."""
    kind, _, name = key.partition(" ")
    return kind, name


def base_name(name: str) -> str:
    """The name without the arguments that a function has: `search_memories` of `search_memories(uuid)`."""
    match = _QUALIFIED.match(name)
    return match[0] if match else name


def identifiers(name: str) -> list[str]:
    """`audit.entry` is `audit` and `entry`; each as it is quoted."""
    return _IDENTIFIERS.findall(base_name(name))


def member(name: str) -> tuple[str, str]:
    """`memories.id` is `id` of `memories`, and `audit.entry.id` is `id` of `audit.entry`."""
    *table, part = identifiers(name)
    assert table, f"{name} belongs to no table"
    return ".".join(table), part


def table_of(key: str, attributes: Attributes) -> str | None:
    """The table or view that an object is part of; None for one that stands by itself."""
    kind, name = kind_and_name(key)
    if kind in ("index", "statistics"):
        return str(attributes["table"])
    if kind == "sequence":
        return member(attributes["owned_by"])[0] if "owned_by" in attributes else None
    return member(name)[0] if kind in _MEMBERS else None
