"""Whether a rollback has brought a database back to where it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memdb.catalog import Key
from memdb.linting.state import Properties, Rows, State

_SHOWN = 60  # characters of a value
_WORDS = {
    "attcompression": "compression",
    "attname": "name",
    "attnotnull": "not null",
    "attoptions": "parameters",
    "attstattarget": "statistics target",
    "attstorage": "storage",
    "description": "comment",
    "indisclustered": "whether it is clustered on",
    "indisreplident": "whether it is the replica identity",
    "inhparent": "parent",
    "polroles": "roles",
    "proconfig": "settings",
    "prosecdef": "security definer",
    "prosrc": "body",
    "provolatile": "volatility",
    "relforcerowsecurity": "forced row level security",
    "reloptions": "storage parameters",
    "relpersistence": "persistence",
    "relreplident": "replica identity",
    "relrowsecurity": "row level security",
    "setconfig": "settings",
    "setdatabase": "database of the settings",
    "tgenabled": "enabled",
    "toast parameters": "storage parameters of its toast table",
    "typdefault": "default",
}
"""For columns of the catalogs that are met often; the others are called as they are."""

_CALLED = {"table column": "column ", "default acl": "default privileges ", "role membership": ""}
_SECRET = frozenset({"srvoptions", "umoptions", "subconninfo"})


@dataclass(frozen=True, slots=True)
class Given:
    """Roles that the trial has made meanwhile, and privileges that it has given to them: they are no matter."""

    roles: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()


def differences(before: State, after: State, given: Given = Given()) -> Iterator[str]:
    """In what a rollback has failed to bring `before` back, in words."""
    for key in _outermost(before, after):
        yield f"It drops the {_called(key)}, which was there before."
    left = _outermost(after, before)
    roles = given.roles | {_role_of(key) for key in left if key.kind == "role"}
    for key in left:
        if _role_of(key) not in (given.roles if key.kind == "role" else roles):
            yield f"It leaves the {_called(key)} behind."
    for key in sorted(before.objects.keys() & after.objects.keys()):
        if changes := list(_changes(before.objects[key], after.objects[key], given.rights)):
            yield f"It leaves the {_called(key)} changed: {'; '.join(changes)}."
    for table in sorted(before.rows.keys() & after.rows.keys()):
        same_columns = _columns(before, table) == _columns(after, table)
        yield from _other_rows(table, before.rows[table], after.rows[table], same_columns=same_columns)


def _outermost(there: State, gone: State) -> list[Key]:
    """What is in one state only, but for that which goes with something that is in one state only as well."""
    missing = there.objects.keys() - gone.objects.keys()
    return sorted(key for key in missing if not there.belongs.get(key, frozenset()) & missing)


def _columns(state: State, table: str) -> set[Key]:
    return {part for part, wholes in state.belongs.items() if Key("table", table) in wholes and "column" in part.kind}


def _role_of(key: Key) -> str | None:
    """Which role it is, or a membership in which role: whoever makes a role may be a member of it."""
    if key.kind not in ("role", "role membership"):
        return None
    return key.name.rpartition(" in role ")[2].replace('"', "")


def _called(key: Key) -> str:
    return _CALLED.get(key.kind, f"{key.kind} ") + key.name.replace("pg_catalog.", "")


def _changes(before: Properties, after: Properties, given: frozenset[str]) -> Iterator[str]:
    columns = before.keys() | after.keys()
    for column in sorted(column for column in columns if before.get(column) != after.get(column)):
        old, new = _text(before.get(column), given), _text(after.get(column), given)
        if old != new:
            yield _in_words(column) + ("" if column in _SECRET else _compared(old, new))


def _in_words(column: str) -> str:
    endings = {"acl": "privileges", "owner": "owner"}
    return _WORDS.get(column) or next((word for end, word in endings.items() if column.endswith(end)), column)


def _text(values: list[Any] | None, given: frozenset[str]) -> str:
    flat = [item for value in values or () for item in (value if isinstance(value, list) else [value])]
    texts = (str(item) for item in flat if item is not None)
    shown = (text for text in texts if text.partition("/")[0].replace('"', "") not in given)
    return " ".join(", ".join(shown).split()) or "none"


def _compared(old: str, new: str) -> str:
    """Both values; of long ones, what comes after they part."""
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = 0 if max(len(old), len(new)) <= _SHOWN else max(0, same - 10)
    return f" ({_cut(new, start)} instead of {_cut(old, start)})"


def _cut(text: str, start: int) -> str:
    shown = ("…" if start else "") + text[start:]
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def _other_rows(table: str, before: Rows, after: Rows, *, same_columns: bool) -> Iterator[str]:
    if before.count != after.count:
        yield f"It leaves {after.count:,} rows in the table {table}, where there were {before.count:,} before."
    elif same_columns and before.checksum != after.checksum:
        yield f"It leaves rows of the table {table} with other values than before."
