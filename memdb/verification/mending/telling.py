"""What is said of objects that no migration makes, or that seem to have got another name."""

from memdb.catalog import Key
from memdb.verification.mending.writing import told
from memdb.words import argument

_WEIGH = {
    "column": "dropping it would lose its values",
    "constraint": "it may be what keeps wrong rows out",
    "index": "it costs time at each write, and may serve queries of the application",
    "trigger": "it runs at each write, and may be what the application relies on",
    "policy": "it decides who sees which rows: look whether it lets anyone see more than they should",
    "function": "it may be called instead of ours, and the application may call it",
}


def unexpected(key: Key, *, known: bool) -> list[str]:
    """What a person may decide of an object that should not be there; `known` where a migration that waits makes it."""
    if known:
        return told(
            "a migration that is not applied creates it, and would fail here:",
            "if it is what that file creates, memdb baseline marks the file as applied; if not, first see whose it is",
        )
    weigh = _WEIGH.get(key.kind)
    return told(
        f"no migration creates it{f'; {weigh}' if weigh else ''}",
        "to keep it, put it into a migration of your own: memdb new NAME; its owner decides whether it can go",
    )


def rename(key: Key, to: Key) -> list[str]:
    """The statement that gives an object the name of another of its kind on the same table."""
    kind, table, part, new = key.kind, key.within, key.name, to.name
    if kind in ("index", "statistics"):
        return [f"alter {kind} {key.identity} rename to {new};"]
    if kind == "column":  # of which the name alone does not prove that it holds what the other held
        return told(f"it seems that {part} was {new} before; if so: alter table {table} rename column {part} to {new};")
    if kind == "constraint":
        return [f"alter table {table} rename constraint {part} to {new};"]
    return [f"alter {kind} {part} on {table} rename to {new};"]


def elsewhere(key: Key, schema: str, lines: list[str], *, is_that_of_history: bool) -> list[str]:
    """What to look at before another is made, which would be empty, and would hide the one in `schema` or be hidden."""
    name, shown = key.identity, argument(schema)
    if is_that_of_history:
        first = (
            f"{name} is in the schema {shown}, like the history: if that is intended, work there with --schema {shown}"
        )
    else:
        first = f"{name} is in the schema {shown}: first see whether it was moved there, or whose it is"
    return [
        *told(first, "only if there should be another one here:"),
        *(line if line.startswith("--") else f"-- {line}" for line in lines),
    ]
