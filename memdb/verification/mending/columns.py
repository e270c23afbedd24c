"""Mends of columns: nothing that could change a value in a row is offered."""

from collections.abc import Callable

from memdb.verification.mending.converting import keeps_values
from memdb.verification.mending.creating import column_type, set_storage
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.retyping import around
from memdb.verification.mending.views import without_views
from memdb.verification.mending.writing import drop_default, told

SET_EXPRESSION_SINCE = 170000

# A default may be of the old type: it goes away before the type changes and comes back after. An identity needs one of
# the types that it can have.
_ORDER = (
    "drop default",
    "drop identity",
    "type",
    "collation",
    "nullable",
    "generated",
    "identity",
    "storage",
    "default",
)


def column(differing: Differing, names: list[str]) -> list[str]:
    """The statements for each attribute, in an order in which they can be run."""
    gone = {name for name in ("default", "identity") if name in names and name not in differing.expected}
    names = [f"drop {name}" if name in gone else name for name in names]
    if {"type", "collation"} <= set(names):
        names.remove("collation")
    return [line for name in sorted(names, key=_ORDER.index) for line in _LINES[name](differing, _alter(differing))]


def _alter(differing: Differing) -> str:
    return f"alter table {differing.key.within} alter column {differing.key.name}"


def _type(differing: Differing, alter: str) -> list[str]:
    table, column = differing.key.within, differing.key.name
    before, wanted = differing.found["type"], differing.expected["type"]
    using = f"{column}::{wanted}" if "(" not in wanted or table in differing.place.empty else column
    statement = f"{alter} type {column_type(differing.expected)} using {using};"
    if table not in differing.place.empty and not keeps_values(before, wanted):
        return told(
            f"some {before} values may be lost or refused as {wanted}: look at them first. Then:",
            *around(differing, [statement]),
        )
    both = "default" in differing.found and "default" in differing.expected
    default = [f"{alter} drop default;"] if both and "default" in differing.attributes else []
    rewrites = told("it locks the table, and may rewrite it")
    return [*rewrites, *around(differing, without_views(differing, [*default, statement]))]


def _nullable(differing: Differing, alter: str) -> list[str]:
    if differing.expected["nullable"]:
        return told("it accepts no NULLs, which rows or the application may rely on; memdb's own rows may need them:",
                    f"{alter} drop not null;")  # fmt: skip
    return [f"{alter} set not null;"]


def _generated(differing: Differing, alter: str) -> list[str]:
    wanted, found = differing.expected.get("generated"), differing.found.get("generated", "")
    if wanted is None:
        keep = f"{alter} drop expression;"
        return (
            [keep] if found.endswith(" stored") else told("its values are not stored, so they have to be written first")
        )
    if not found:
        return told(
            "its values were written, and would be lost if they were computed: keep them in another column first"
        )
    expression, _, storage = wanted.rpartition(" ")
    if found.endswith(f" {storage}") and differing.place.server_version >= SET_EXPRESSION_SINCE:
        return [f"{alter} set expression as {expression};"]
    return told("PostgreSQL can change its expression only by creating it again, with its indexes and views")


def _identity(differing: Differing, alter: str) -> list[str]:
    wanted = differing.expected["identity"]
    if "identity" in differing.found:
        return [f"{alter} set generated {wanted};"]
    after = told("it starts at 1: if rows already have numbers, continue after them with setval")
    statement = f"{alter} add generated {wanted} as identity;"
    return [*after, *(told(statement) if "default" in differing.found else [statement])]


def _drop_identity(differing: Differing, alter: str) -> list[str]:
    if differing.key.within in differing.place.empty:
        return [f"{alter} drop identity;"]
    return told("it numbers rows by itself, which the application may rely on; without it, new rows get no number")


_LINES: dict[str, Callable[[Differing, str], list[str]]] = {
    "drop default": lambda _, alter: drop_default(alter),
    "drop identity": _drop_identity,
    "type": _type,
    "collation": lambda differing, alter: without_views(
        differing, [f"{alter} type {column_type(differing.expected)};"]
    ),
    "nullable": _nullable,
    "generated": _generated,
    "identity": _identity,
    "storage": lambda differing, _: [set_storage(differing.key, differing.expected)],
    "default": lambda differing, alter: [f"{alter} set default {differing.expected['default']};"],
}
