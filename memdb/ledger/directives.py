"""What a file says of itself in lines of its leading comment: `-- name: value`."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from memdb.errors import SqlFilesError

_LINE = re.compile(r"([^\r\n]*)(?:\r\n?|\n|\Z)")
_DIRECTIVE = re.compile(r"--[ \t]*(?P<name>[\w-]+)[ \t]*:[ \t]*(?P<value>.*?)[ \t]*")
_SET = r"[A-Za-z0-9][\w-]*"
_VALUES = {
    "transactional": "true|false",
    "depends": ".+",
    "formerly": "[0-9a-f]{64}( [0-9a-f]{64})*",
    "alongside": f"{_SET}( {_SET})*",
    "after": f"{_SET}( {_SET})*",
    "requires": f"{_SET}( {_SET})*",
}


def read(path: Path, sql: str) -> dict[str, tuple[str, ...]]:
    """The words of each directive that it has. Raises SqlFilesError for one that is misspelt."""
    said: dict[str, tuple[str, ...]] = {}
    for name, value in _lines(path, sql):
        said[name] = (*said.get(name, ()), *value.split())
    return said


def _lines(path: Path, sql: str) -> Iterator[tuple[str, str]]:
    """A word that nearly is a directive is an error, not prose."""
    for number, found in enumerate(_LINE.finditer(sql), start=1):
        line = found[1]
        if line.strip() and not line.startswith("--"):
            return
        match = _DIRECTIVE.fullmatch(line)
        if match is None or not difflib.get_close_matches(match["name"].lower(), _VALUES, cutoff=0.75):
            continue
        name, value = match["name"], match["value"]
        is_known = name in _VALUES and re.fullmatch(_VALUES[name], value)
        if not is_known or line != f"-- {name}: {value}":
            raise SqlFilesError(
                f"{path}:{number}: misspelt directive: {line}",
                hint='Directives are written exactly "-- transactional: true", "-- transactional: false", '
                '"-- depends: ID …", "-- alongside: SET …", "-- after: SET …", "-- requires: EXTENSION …" and '
                '"-- formerly: SHA-256 …".',
            )
        yield name, value
