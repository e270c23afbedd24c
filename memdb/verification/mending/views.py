"""Mends of views, and of columns that views use."""

from memdb.catalog import Key, table_of
from memdb.verification.mending.creating import create, create_view
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.surroundings import Use
from memdb.verification.mending.tables import options_changed
from memdb.verification.mending.writing import told


def view(differing: Differing, names: list[str]) -> list[str]:
    """A view is replaced where its columns allow that; nothing that protects rows is taken away."""
    expected, found = differing.expected, differing.found
    if found.get("options", {}).keys() - expected.get("options", {}).keys():
        return told("it has options that no migration has set and that may protect rows: ask whoever did")
    if "materialized" in names:
        return told("a view cannot become a materialized one, or the reverse: create it again, with what reads it")
    if names == ["options"]:
        kind = "materialized view" if expected.get("materialized") else "view"
        return options_changed(f"alter {kind} {differing.key.identity}", expected, found)
    if column := _remade_with(differing):
        return told(f"see {column}: mending that creates this view again")
    if not expected.get("materialized") and expected["columns"][: len(found["columns"])] == found["columns"]:
        return [create_view(differing.key, expected, "create or replace")]
    return told(
        "its columns differ: it has to be dropped and created again, with its privileges and all that reads it, as:",
        *create(differing.key, expected),
    )


def without_views(differing: Differing, statements: list[str]) -> list[str]:
    """Changes the type of a column, around which views that use it are dropped and made anew where nothing is lost."""
    uses = differing.place.uses.get(differing.key, ())
    if not uses:
        return statements
    views = list(dict.fromkeys(use.view for use in uses if use.view is not None))
    by = [use.description for use in uses]
    if not all(_can_be_made_anew(differing, use) for use in uses):
        return told(
            f"PostgreSQL refuses it while this uses the column: {', '.join(dict.fromkeys(by))}",
            "in one transaction: save their definitions and privileges, drop them, and create them again after:",
            *statements,
        )
    return [
        "begin;",
        *(f"drop view {view.identity};" for view in reversed(views)),
        *statements,
        *(line for view in views for line in create(view, differing.all_expected[view])),
        "commit;",
    ]


def _can_be_made_anew(differing: Differing, use: Use) -> bool:
    """Whether it is a view that a migration makes just so, and that has nothing that would be lost."""
    if use.view is None or not use.simple:
        return False
    expected, found = differing.all_expected.get(use.view), differing.all_found.get(use.view)
    if expected is None or found is None:
        return False
    attributes = ("definition", "options", "materialized", "comment")
    return all(expected.get(name) == found.get(name) for name in attributes) and not any(
        table_of(other, attributes) == use.view.identity for other, attributes in differing.all_found.items()
    )


def _remade_with(differing: Differing) -> Key | None:
    """The column whose type is to change so that the view is made anew."""
    if differing.expected["definition"] != differing.found["definition"]:
        return None
    uses = differing.place.uses.items()
    return next((key for key, used in uses if any(use.view == differing.key for use in used)), None)
