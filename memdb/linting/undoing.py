"""Whether a rollback has brought a database back to where it was."""

from collections.abc import Iterator
from typing import Any

from memdb.linting.state import Properties, Rows, State

_SHOWN = 60  # characters of a value
_WORDS = {
    "attname": "name",
    "description": "comment",
    "prosrc": "body",
    "reloptions": "storage parameters",
    "toast parameters": "storage parameters of its toast table",
    "setconfig": "settings",
}
_SECRET = frozenset({"srvoptions", "umoptions", "subconninfo"})


def differences(before: State, after: State) -> Iterator[str]:
    """In what a rollback has failed to bring `before` back, in words."""
    for name in sorted(before.objects.keys() - after.objects.keys()):
        if not before.belongs.get(name, frozenset()) - after.objects.keys():
            yield f"It drops the {_called(name)}, which was there before."
    for name in sorted(after.objects.keys() - before.objects.keys()):
        if not after.belongs.get(name, frozenset()) - before.objects.keys():
            yield f"It leaves the {_called(name)} behind."
    for name in sorted(before.objects.keys() & after.objects.keys()):
        if changes := list(_changes(before.objects[name], after.objects[name])):
            yield f"It leaves the {_called(name)} changed: {'; '.join(changes)}."
    for table in sorted(before.rows.keys() & after.rows.keys()):
        yield from _other_rows(table, before.rows[table], after.rows[table])


def _called(name: str) -> str:
    return name.removeprefix("table ") if name.startswith("table column ") else name


def _changes(before: Properties, after: Properties) -> Iterator[str]:
    for column in sorted(before.keys() | after.keys()):
        old, new = before.get(column), after.get(column)
        if old != new:
            shown = "" if column in _SECRET else f" ({_shown(new)} instead of {_shown(old)})"
            yield f"{_in_words(column)}{shown}"


def _in_words(column: str) -> str:
    return _WORDS.get(column) or ("privileges" if column.endswith("acl") else column)


def _shown(values: list[Any] | None) -> str:
    if not values or values == [[]]:
        return "none"
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    text = " ".join(", ".join(map(str, flat)).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _other_rows(table: str, before: Rows, after: Rows) -> Iterator[str]:
    if before.count != after.count:
        yield f"It leaves {after.count:,} rows in the table {table}, where {before.count:,} were before."
    elif before.checksum != after.checksum:
        yield f"It leaves rows of the table {table} with other values than before."
