"""Mends of enums, domains and sequences."""

from memdb.verification.mending.creating import owned, sequence_options
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.writing import drop_default, literal, told


def enum(differing: Differing, _: list[str]) -> list[str]:
    """Labels that are missing are added; others may be in rows, and the server can neither drop nor move any."""
    labels, found, name = differing.expected["labels"], differing.found["labels"], differing.key.identity
    if found == [label for label in labels if label in found]:
        return [
            f"alter type {name} add value {literal(label)} {_neighbour(labels, position, found)};"
            for position, label in enumerate(labels)
            if label not in found
        ]
    if len(labels) == len(found) and set(labels) != set(found):
        renamed = [(old, new) for old, new in zip(found, labels, strict=True) if old != new]
        return told(
            "if labels were renamed, and the application does not use their new names:",
            *(f"alter type {name} rename value {literal(old)} to {literal(new)};" for old, new in renamed),
        )
    return told(
        "PostgreSQL can neither remove labels nor reorder them, because rows may have them.",
        f"a migration of your own can make a type with the labels {', '.join(map(literal, labels))}, and move the "
        "columns to it",
    )


def _neighbour(labels: list[str], position: int, found: list[str]) -> str:
    """Where a label belongs: after the one before it, which is there or has just been added."""
    return f"after {literal(labels[position - 1])}" if position else f"before {literal(found[0])}"


def domain(differing: Differing, names: list[str]) -> list[str]:
    """Default, NOT NULL and checks that are missing; what a domain is made of cannot be changed."""
    alter, expected = f"alter domain {differing.key.identity}", differing.expected
    lines = []
    if names_of_kind := [name for name in names if name in ("type", "collation")]:
        lines += told(f"PostgreSQL cannot change the {' and '.join(names_of_kind)} of a domain, because columns use it")
    if "default" in names:
        set_it = f"{alter} set default {expected.get('default')};"
        lines += [set_it] if "default" in expected else drop_default(alter)
    if "nullable" in names:
        set_it = f"{alter} set not null;"
        lines += (
            told("it accepts no NULLs, which rows or the application may rely on") if expected["nullable"] else [set_it]
        )
    if "checks" in names:
        lines += _checks(differing, alter)
    return lines


def _checks(differing: Differing, alter: str) -> list[str]:
    expected, found = differing.expected.get("checks", {}), differing.found.get("checks", {})
    lines = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            lines.append(f"{alter} add constraint {name} {expected[name]};")
        elif found[name] == f"{expected.get(name)} NOT VALID":
            lines.append(f"{alter} validate constraint {name};")
        elif found[name] != expected.get(name):
            lines += told(f"its constraint {name} differs; it may be what keeps wrong values out: {found[name]}")
    return lines


def sequence(differing: Differing, names: list[str]) -> list[str]:
    """Everything but the numbers that it has given away."""
    lines = []
    if set(names) - {"owned_by", "unlogged"}:
        lines.append(f"alter sequence {differing.key.identity} {sequence_options(differing.expected)};")
    if "owned_by" in names:
        lines.append(owned(differing.key, differing.expected.get("owned_by")))
    if "unlogged" in names and "unlogged" not in differing.expected:
        lines.append(f"alter sequence {differing.key.identity} set logged;")
    elif "unlogged" in names:
        lines += told("it is logged, and so survives a crash, which is more than the migrations ask for")
    return lines
