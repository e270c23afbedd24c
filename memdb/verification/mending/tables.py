"""Mends of tables, and of what belongs to them but their columns."""

from memdb.catalog import Attributes
from memdb.verification.mending.creating import create, enable
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.retyping import column_of
from memdb.verification.mending.writing import options, told


def table(differing: Differing, names: list[str]) -> list[str]:
    """Storage parameters, replica identity, and more protection; less of it is told only."""
    return [line for name in names for line in _table(differing, name)]


def _table(differing: Differing, attribute: str) -> list[str]:
    alter, wanted = f"alter table {differing.key.identity}", differing.expected.get(attribute)
    if attribute == "options":
        return options_changed(f"alter table {differing.key.identity}", differing.expected, differing.found)
    if attribute == "replica_identity":
        return [f"{alter} replica identity {wanted or 'default'};"]
    if attribute == "row_security":
        open_it = told("row-level security protects its rows, though no migration has enabled it: ask whoever did")
        return [f"{alter} enable row level security;"] if wanted else open_it
    if attribute == "force_row_security":
        open_it = told("its policies apply to its owner, too, though no migration has enabled that: ask whoever did")
        return [f"{alter} force row level security;"] if wanted else open_it
    if attribute == "unlogged":
        return told("it is logged: unlogged, a crash would empty it") if wanted else [f"{alter} set logged;"]
    if attribute == "partitioned":
        return told(
            "PostgreSQL cannot change how a table is partitioned: create another in a migration, and move the rows"
        )
    return told(
        "it decides whether its rows are seen through another table, so a person has to decide which is right:",
        *(f"{alter} no inherit {parent};" for parent in _only(differing.found, differing.expected)),
        *(f"{alter} inherit {parent};" for parent in _only(differing.expected, differing.found)),
    )


def _only(ours: Attributes, theirs: Attributes) -> list[str]:
    """The tables that one inherits from, and the other does not."""
    return [parent for parent in ours.get("inherits", ()) if parent not in theirs.get("inherits", ())]


def options_changed(alter: str, expected: Attributes, found: Attributes) -> list[str]:
    """Sets storage parameters, and sets back those that should have no value."""
    wanted, there = expected.get("options", {}), found.get("options", {})
    to_set = {name: value for name, value in wanted.items() if there.get(name) != value}
    to_reset = sorted(there.keys() - wanted.keys())
    return [
        *([f"{alter} set ({options(to_set)});"] if to_set else ()),
        *([f"{alter} reset ({', '.join(to_reset)});"] if to_reset else ()),
    ]


def constraint(differing: Differing, names: list[str]) -> list[str]:
    """A foreign key is replaced in one statement; what else was made stricter or laxer, a person has to look at."""
    table, constraint = differing.key.within, differing.key.name
    if "definition" in names and differing.expected["definition"].startswith("FOREIGN KEY"):
        return _replaced(differing)
    if "definition" in names:
        return told(
            "rows or the application may rely on it as it is: look first. Then, to replace it in one statement:",
            f"alter table {table} drop constraint {constraint},"
            f" add constraint {constraint} {differing.expected['definition']};",
        )
    lines = []
    if "validated" in names:
        lines.append(f"alter table {table} validate constraint {constraint};")
    if "disabled" in names:
        lines += differing.place.disabled.get(differing.key, ())
        lines += told("rows added meanwhile were not checked: look for those that refer to nothing")
    return lines


def _replaced(differing: Differing) -> list[str]:
    """In one statement, so that no row comes in unchecked meanwhile."""
    table, constraint = differing.key.within, differing.key.name
    added, *then = create(differing.key, differing.expected, differing.place)
    alter = f"alter table {table} "
    return [f"{alter}drop constraint {constraint}, {added.removeprefix(alter)}", *then]


def index(differing: Differing, names: list[str]) -> list[str]:
    """It is created again, unless it keeps values unique."""
    partitioned = differing.expected["table"] in differing.place.partitioned
    if names == ["valid"] and not partitioned:
        return [f"reindex index concurrently {differing.key.identity};"]
    if "table" in names:
        return told(
            f"the index of this name is one of {differing.found['table']}: once it is called otherwise,"
            f" alter index {differing.key.identity} rename to …:",
            *create(differing.key, differing.expected, differing.place),
        )
    if differing.found["unique"] and names != ["valid"]:
        return told(
            "it keeps values unique, which the application may rely on: first create the expected index under"
            " another name",
            *create(differing.key, differing.expected, differing.place),
        )
    if column := column_of(differing):
        return told(f"see {column}: mending that creates this index again")
    drop = f"drop index {'' if partitioned else 'concurrently '}{differing.key.identity};"
    return [drop, *create(differing.key, differing.expected, differing.place)]


def statistics(differing: Differing, _: list[str]) -> list[str]:
    return [f"drop statistics {differing.key.identity};", *create(differing.key, differing.expected, differing.place)]


def rule(differing: Differing, names: list[str]) -> list[str]:
    """Replaced as a whole."""
    return [*_or_replace(differing, names, "RULE"), *_enabled(differing)]


def trigger(differing: Differing, names: list[str]) -> list[str]:
    """Replaced as a whole; a constraint trigger cannot be."""
    if "definition" in names and not differing.expected["definition"].startswith("CREATE TRIGGER"):
        return []
    return [*_or_replace(differing, names, "TRIGGER"), *_enabled(differing)]


def _or_replace(differing: Differing, names: list[str], kind: str) -> list[str]:
    if "definition" not in names:
        return []
    return [f"CREATE OR REPLACE {kind}{differing.expected['definition'].removeprefix(f'CREATE {kind}')};"]


def _enabled(differing: Differing) -> list[str]:
    if differing.expected["enabled"] == differing.found["enabled"]:
        return []
    if differing.expected["enabled"] == "disabled":
        return told(f"the {differing.key.kind} is enabled, and the application may rely on what it does")
    return [enable(differing.key, differing.expected)]


def policy(differing: Differing, names: list[str]) -> list[str]:
    """Made narrower, where that is certain: a policy that lets through more than before is for a person to decide."""
    table, policy = differing.key.within, differing.key.name
    if all(_is_narrower(differing, name) for name in names):
        clauses = {"to": "to {}", "using": "using ({})", "check": "with check ({})"}
        values = {name: differing.expected[name] for name in names}
        values |= {"to": ", ".join(differing.expected["to"])} if "to" in names else {}
        return [f"alter policy {policy} on {table} {' '.join(clauses[name].format(values[name]) for name in names)};"]
    return told(
        "it decides who sees which rows, so a person has to decide which of the two is right. The expected one:",
        *create(differing.key, differing.expected),
    )


def lets_all_through(policy: Attributes) -> bool:
    """Whether no row is outside of it."""
    return policy["as"] == "permissive" and "true" in (policy.get("using"), policy.get("check"))


def _is_narrower(differing: Differing, attribute: str) -> bool:
    """Whether it lets through, or for a restrictive policy holds, no row that it did not before."""
    wanted, there = differing.expected.get(attribute), differing.found.get(attribute)
    permissive = differing.expected["as"] == differing.found["as"] == "permissive"
    if attribute == "to":
        narrower = there == ["public"] or set(wanted or ()) < set(there or ())
        return narrower if permissive else wanted == ["public"]
    return attribute in ("using", "check") and wanted is not None and there == "true"
