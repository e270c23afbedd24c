"""Names of SQLAlchemy's types as format_type() of the server writes them: `character varying(50)`."""

import re
from typing import Any

from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

# Names of types as SQLAlchemy writes them, where format_type() writes others.
_SYNONYMS = {
    "varchar": "character varying",
    "char": "character",
    "nchar": "character",
    "decimal": "numeric",
    "float": "double precision",
    "int": "integer",
    "bool": "boolean",
    "timestamp": "timestamp without time zone",
    "time": "time without time zone",
}
_WITHOUT_SIZE = {"character": "(1)"}
_DIGITS_OF_REAL = 24

_COLLATION = re.compile(r' COLLATE (?:"(?:[^"]|"")*"|[\w.])+')
_WRITTEN = re.compile(r'((?:"(?:[^"]|"")*"|[^("\[])+?)( ?\([^)]*\))?( WITH(?:OUT)? TIME ZONE)?((?:\[\])*)')


def type_name(type: TypeEngine[Any], schema: str | None = None) -> str:
    """The name of a type, without the schema that the table is in. Raises CompileError for one that is not known."""
    written = _COLLATION.sub("", type.compile(dialect=_DIALECT)).removeprefix(f"{schema or 'public'}.")
    parts = _WRITTEN.fullmatch(written)
    assert parts, f"the type {written} cannot be read"
    name, size, zone, dimensions = parts.groups("")
    name, size = name.strip() if '"' in name else name.strip().lower(), size.replace(" ", "")
    if name == "float" and size:  # in binary digits
        name, size = "real" if int(size[1:-1]) <= _DIGITS_OF_REAL else "double precision", ""
    name = name if zone else _SYNONYMS.get(name, name)
    size = size or _WITHOUT_SIZE.get(name, "")
    if name == "numeric" and size and "," not in size:
        size = f"{size[:-1]},0)"
    return f"{name}{size}{zone.lower()}{'[]' if dimensions else ''}"
