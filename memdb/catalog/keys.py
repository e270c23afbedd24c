"""The keys of objects: what kind of thing it is, what it is part of, and its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# In an order in which they can be made. "object" is anything else, of which no more is read than that it is there.
KINDS = (
    "schema", "extension", "enum", "domain", "type", "sequence", "table", "column", "constraint", "index",
    "statistics", "function", "aggregate", "view", "rule", "trigger", "policy", "object",
)  # fmt: skip

STANDALONE = ("schema", "enum", "domain", "type", "sequence", "table", "function", "aggregate", "view")

_MEMBERS = ("column", "constraint", "trigger", "policy", "rule")
_IDENTIFIER = r'(?:"(?:[^"]|"")*"|[^."(]+)'
_IDENTITY = re.compile(
    rf"(?:(?P<within>{_IDENTIFIER}(?:\.{_IDENTIFIER})*)\.)?(?P<name>{_IDENTIFIER})(?P<arguments>\(.*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Key:
    """What an object is known by. Names are quoted where SQL needs it.

    `within` is the table or view that a column, constraint, trigger, policy or rule is part of; for all others it is
    their schema, and nothing in the target schema. `arguments` are those of a function, in parentheses.
    """

    kind: str
    name: str
    within: str = ""
    arguments: str = ""

    @classmethod
    def parse(cls, text: str) -> "Key":
        """The key of a text such as `column memories.id`."""
        kind, _, identity = text.partition(" ")
        return cls.of(kind, identity)

    @classmethod
    def of(cls, kind: str, identity: str) -> "Key":
        """The key of an object of this kind that SQL calls `audit.entry` or `search_memories(uuid)`."""
        found = None if kind == "object" else _IDENTITY.fullmatch(identity)
        return cls(kind, **found.groupdict("")) if found else cls(kind, identity)

    @property
    def qualified(self) -> str:
        """The name with what it is within: `memories.id`, `search_memories`."""
        return f"{self.within}.{self.name}" if self.within else self.name

    @property
    def identity(self) -> str:
        """What tells it from all others of its kind: `memories.id`, `search_memories(uuid)`."""
        return self.qualified + self.arguments

    def __str__(self) -> str:
        """The text of it in files and reports: `column memories.id`."""
        return f"{self.kind} {self.identity}"

    def __lt__(self, other: "Key") -> bool:
        """In the order of their texts, so that files are sorted."""
        return str(self) < str(other)


def table_of(key: Key, attributes: Mapping[str, Any]) -> str:
    """The table or view that an object is part of; nothing for one that stands by itself."""
    if key.kind in ("index", "statistics"):
        return str(attributes["table"])
    if key.kind == "sequence":
        return Key.of("column", attributes.get("owned_by", "")).within
    return key.within if key.kind in _MEMBERS else ""
