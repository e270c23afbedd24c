"""Indexes that keep a column from changing its type, as their operator class is for the type that it has."""

import re
from collections.abc import Iterator

from memdb.catalog import Attributes, Key
from memdb.verification.mending.creating import create
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.writing import told


def around(column: Differing, statements: list[str]) -> list[str]:
    """Statements that change the type, after such indexes are dropped and before they are created as expected."""
    found = list(_indexes(column))
    before = [f"drop index {index.identity};" for index, _ in found]
    after = [line for index, expected in found for line in create(index, expected, column.place)]
    if all(line.startswith("--") for line in statements):  # a person has to decide
        before, after = told(*before), told(*after)
    return [*before, *statements, *after]


def _indexes(column: Differing) -> Iterator[tuple[Key, Attributes]]:
    for index, expected in column.all_expected.items():
        found = column.all_found.get(index)
        if index.kind == "index" and found is not None and _stands_in_the_way(expected, found, column.key):
            yield index, expected


def column_of(index: Differing) -> Key | None:
    """The column whose mend creates this index again, as its type changes."""
    for column, expected in index.all_expected.items():
        found = index.all_found.get(column)
        is_retyped = column.kind == "column" and found is not None and found["type"] != expected["type"]
        if is_retyped and _stands_in_the_way(index.expected, index.found, column):
            return column
    return None


def _stands_in_the_way(expected: Attributes, found: Attributes, column: Key) -> bool:
    """One that keeps values unique is nothing to be dropped in passing."""
    return (
        expected["table"] == found["table"] == column.within
        and expected["keys"] != found["keys"]
        and not found["unique"]
        and re.search(rf"(?<!\w){re.escape(column.name)}(?!\w)", str(expected["keys"])) is not None
    )
