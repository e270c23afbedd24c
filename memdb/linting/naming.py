"""Names that are left to PostgreSQL, and comments that are missing, in what a migration has made."""

import re
from collections.abc import Iterable, Iterator, Mapping

from memdb import files, statements
from memdb.catalog import Key, Objects
from memdb.ledger.sqlfiles import Migration
from memdb.linting.findings import Finding

RULES = frozenset({"missing-comment", "unnamed-constraint", "unnamed-index"})

_COMMENTED = {"enum": "type", "table": "table", "column": "column", "index": "index", "function": "function"}
_REMARKS = re.compile(r"--[^\n]*|\bcomment\s+on\s+(?:constraint|index)\s+\S+", re.IGNORECASE)
_CALLED = {"constraint": "constraint NAME …", "index": "create index NAME on …"}


def unnamed(made: Iterable[Key], migration: Migration) -> Iterator[Finding]:
    """Constraints and indexes whose names the file does not say: PostgreSQL has made them up."""
    text = _REMARKS.sub(_blanked, migration.sql)
    for key in sorted(made):
        if key.kind in _CALLED and _find(text, key.name) is None:
            owner = key.within if key.kind == "constraint" else key.name
            line, column = statements.line_and_column(text, _find(text, owner) or _first_statement(text))
            message = f"PostgreSQL has made up the name of the {key.kind} {key.name}."
            help = f"Name it: {_CALLED[key.kind]}"
            yield Finding(files.shown(migration.path), line, column, f"unnamed-{key.kind}", "warning", message, help)


def uncommented(objects: Objects, made: Mapping[Key, Migration]) -> Iterator[Finding]:
    """What has no comment in the end: what is made in a file of one statement is commented on in a later one."""
    for key in sorted(made.keys() & objects.keys()):
        kind = _COMMENTED.get(key.kind)
        if kind and "comment" not in objects[key]:
            text = _REMARKS.sub(_blanked, made[key].sql)
            line, column = statements.line_and_column(text, _offset(text, key))
            message, help = f"The {kind} {key.identity} has no comment.", "Say what it is for"
            yield Finding(
                files.shown(made[key].path), line, column, "missing-comment", "warning", message,
                f"{help}: comment on {kind} {key.identity} is '…';",
            )  # fmt: skip


def _offset(text: str, key: Key) -> int:
    """Where a file speaks of an object first; of a column, after it has spoken of the table."""
    if key.kind == "column":
        start = _find(text, key.within) or 0
        return _find(text, key.name, start) or start or _first_statement(text)
    return _find(text, key.qualified) or _first_statement(text)


def _find(text: str, name: str, start: int = 0) -> int | None:
    """The offset of a name, in quotes or not, as a word of its own."""
    word = re.escape(name.strip('"'))
    match = re.compile(rf"(?<![\w$]){word}(?![\w$])", re.IGNORECASE).search(text, start)
    return match.start() if match else None


def _first_statement(text: str) -> int:
    found = statements.split(text)
    return found[0].start if found else 0


def _blanked(match: re.Match[str]) -> str:
    return " " * len(match[0])
