"""Names that are left to PostgreSQL, and comments that are missing, in what a migration has made."""

import re
from collections.abc import Iterable, Iterator, Mapping

from memdb import catalog, files, statements
from memdb.catalog import Objects, kind_and_name
from memdb.ledger.sqlfiles import Migration
from memdb.linting.findings import Finding

RULES = frozenset({"missing-comment", "unnamed-constraint", "unnamed-index"})

_COMMENTED = {"enum": "type", "table": "table", "column": "column", "index": "index", "function": "function"}
_REMARKS = re.compile(r"--[^\n]*|\bcomment\s+on\s+(?:constraint|index)\s+\S+", re.IGNORECASE)
_CALLED = {"constraint": "constraint NAME …", "index": "create index NAME on …"}


def unnamed(made: Iterable[str], migration: Migration) -> Iterator[Finding]:
    """Constraints and indexes whose names the file does not say: PostgreSQL has made them up."""
    text = _REMARKS.sub(_blanked, migration.sql)
    for key in sorted(made):
        kind, name = kind_and_name(key)
        if kind not in _CALLED:
            continue
        owner, written = catalog.member(name) if kind == "constraint" else (name, catalog.identifiers(name)[-1])
        if _find(text, written) is None:
            line, column = statements.line_and_column(text, _find(text, owner) or _first_statement(text))
            message = f"PostgreSQL has made up the name of the {kind} {written}."
            help = f"Name it: {_CALLED[kind]}"
            yield Finding(files.shown(migration.path), line, column, f"unnamed-{kind}", "warning", message, help)


def uncommented(objects: Objects, made: Mapping[str, Migration]) -> Iterator[Finding]:
    """What has no comment in the end: what is made in a file of one statement is commented on in a later one."""
    for key in sorted(made.keys() & objects.keys()):
        kind, name = kind_and_name(key)
        if kind in _COMMENTED and "comment" not in objects[key]:
            text = _REMARKS.sub(_blanked, made[key].sql)
            line, column = statements.line_and_column(text, _offset(text, kind, name))
            message, help = f"The {_COMMENTED[kind]} {name} has no comment.", "Say what it is for"
            yield Finding(
                files.shown(made[key].path), line, column, "missing-comment", "warning", message,
                f"{help}: comment on {_COMMENTED[kind]} {name} is '…';",
            )  # fmt: skip


def _offset(text: str, kind: str, name: str) -> int:
    """Where a file speaks of an object first; of a column, after it has spoken of the table."""
    if kind == "column":
        table, column = catalog.member(name)
        start = _find(text, table) or 0
        return _find(text, column, start) or start or _first_statement(text)
    return _find(text, name.split("(")[0]) or _first_statement(text)


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
