"""Ids in what the archive and merges hold of other tables, which change as those in columns do."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from memdb.moving.tables import Table

Mapped: TypeAlias = Callable[[str, Any], Any]
"""What takes the place of a value of a kind."""
_MENTIONING = {"user_id": "mentioned"}


def beside(value: dict[str, list[dict[str, Any]]], tables: Iterable[Table], mapped: Mapped) -> dict[str, Any]:
    """Rows by the table and the column that refers to the memory, as `memory_archive.beside` has them."""
    known = {table.name: table for table in tables}
    return {
        key: [_row(row, known.get(key.rpartition(".")[0] or key), mapped) for row in rows]
        for key, rows in value.items()
    }


def numbers(
    value: dict[str, list[dict[str, Any]]], tables: Iterable[Table], numbered: Callable[[Table, str, list[str]], None]
) -> None:
    """Tells which numbers the rows of a memory have that the database has given them, in their order."""
    known = {table.name: table for table in tables}
    for key, rows in value.items():
        table = known.get(key.rpartition(".")[0])
        for column in table.counted if table else ():
            if table and (found := [row[column] for row in rows if column in row]):
                numbered(table, column, sorted(found, key=int))


def _row(row: dict[str, Any], table: Table | None, mapped: Mapped) -> dict[str, Any]:
    kinds = dict(zip(table.columns, table.kinds, strict=True)) if table else {}
    of = dict(zip(table.columns, table.numbers, strict=True)) if table else {}
    if table:
        of |= {column: f"{table.name}.{column}" for column in table.counted}
    return {
        name: mapped("number", (of[name], text))
        if of.get(name)
        else mapped(kinds.get(name) or _MENTIONING.get(name, ""), text)
        for name, text in row.items()
    }


def noted(value: dict[str, Any] | str, mapped: Mapped) -> dict[str, Any]:
    """Rows and collections of a memory, as `memory_merges` has them, or as text, as the archive has these: of rows, the
    ids were left out."""
    held = json.loads(value) if isinstance(value, str) else value
    return {
        key: sorted(mapped("id", id) for id in each) if isinstance(each, list) else each for key, each in held.items()
    }
