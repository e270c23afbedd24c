"""What a file says of itself before its rows."""

import json
from dataclasses import asdict, dataclass

from memdb import records

FORMAT = 1
EMBEDDED = ("memories", "memory_archive")
"""The tables whose rows have an embedding."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many rows of a table the file has, and their columns."""

    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """`embedding` is their type, as vector(1536); None in a file without. `model` is what the schema says of them.

    `exported_at` is a time in ISO 8601, `user_type` the type of the keys of users.
    """

    memdb: str
    format: int
    exported_at: str
    user_type: str
    embedding: str | None
    model: str | None
    tables: dict[str, Held]

    def line(self) -> str:
        """It as JSON, on one line."""
        return json.dumps({"memdb": self.memdb, "format": self.format} | asdict(self), ensure_ascii=False)


def read(line: bytes) -> Header | None:
    """None for what is no header. Raises ValueError for that of another format."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or "memdb" not in content:
        return None
    if content.get("format") != FORMAT:
        raise ValueError(f"it has format {content.get('format')}, and this memdb reads format {FORMAT}")
    found: Header = records.read(Header, content)
    return found
