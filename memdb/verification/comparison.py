"""What is expected compared with what is found. Pure: objects in, differences out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from memdb.catalog import KINDS, Objects, Patch, kind_and_name, table_of
from memdb.verification import mending


@dataclass(frozen=True, slots=True)
class Difference:
    """One object in which the database departs from what the applied migrations make.

    Where it is "different", `expected` and `found` have the attributes that differ, None for none; else they
    have all of them, and the one that is not there is None. `parts` are missing because the object is.
    `mend` is SQL, with comments where a person has to decide. `path` is the file of `migration`.
    """

    kind: str
    object: str
    problem: Literal["missing", "unexpected", "different"]
    expected: dict[str, Any] | None
    found: dict[str, Any] | None
    mend: str
    migration: str | None = None
    path: str | None = None
    parts: tuple[str, ...] = ()


def compare(
    expected: Objects, found: Objects, *, applied: Mapping[str, Patch] | None = None, known: Collection[str] = ()
) -> list[Difference]:
    """Every object that is missing, different or unexpected, in an order in which the mends can be run.

    Unexpected are objects of expected tables, and what a migration that is not applied would make (`known`).
    """
    comparison = _Comparison(expected, found, applied or {}, known)
    differences = [*comparison.unexpected(), *comparison.missing(), *comparison.different()]
    return sorted(differences, key=lambda item: (KINDS.index(item.kind), _needs_keys(item)))


def _needs_keys(difference: Difference) -> bool:
    """A foreign key can be made only after the key that it refers to."""
    return str((difference.expected or {}).get("definition", "")).startswith("FOREIGN KEY")


class _Comparison:
    def __init__(self, expected: Objects, found: Objects, applied: Mapping[str, Patch], known: Collection[str]) -> None:
        self._expected, self._found, self._applied = expected, found, applied
        self._known, self._known_functions = known, {key.split("(")[0] for key in known if key.startswith("function ")}
        self._missing = [key for key in expected if key not in found]
        self._missing_tables = {kind_and_name(key)[1] for key in self._missing if key.startswith("table ")}
        self._unexpected = [key for key in found if key not in expected and self._is_our_business(key)]
        self._renamed = {old: new for new in self._missing for old in self._unexpected if self._is_renamed(old, new)}

    def _is_our_business(self, key: str) -> bool:
        table = table_of(key, self._found[key])
        if table is not None:
            return f"table {table}" in self._expected and table not in self._missing_tables
        if key.startswith("extension "):
            return False
        return key in self._known or key.split("(")[0] in self._known_functions

    def _is_renamed(self, old: str, new: str) -> bool:
        ours, theirs = self._expected[new], self._found[old]
        same_place = kind_and_name(old)[0] == kind_and_name(new)[0] and table_of(old, theirs) == table_of(new, ours)
        return same_place and ours == theirs

    def missing(self) -> Iterable[Difference]:
        for key in self._missing:
            if table_of(key, self._expected[key]) in self._missing_tables:
                continue
            parts = self._parts(key)
            origin = self._origin(key)
            previous = next((old for old, new in self._renamed.items() if new == key), None)
            statements = mending.rename(previous, key) if previous else mending.create(key, self._expected[key])
            yield Difference(
                *kind_and_name(key), "missing", self._expected[key], None,
                "\n".join(self._application_users(key) or statements or self._files(key, *parts)), origin, parts=parts,
            )  # fmt: skip

    def unexpected(self) -> Iterable[Difference]:
        for key in self._unexpected:
            attributes, table, kind = self._found[key], table_of(key, self._found[key]), kind_and_name(key)[0]
            if key in self._renamed:
                mend = [f"-- see {self._renamed[key]}: it seems to have been renamed"]
            elif key in self._known:
                mend = ["-- a migration that is not applied makes it: drop or rename it before: memdb migrate"]
            else:
                loss = {"column": "its values are lost; ", "function": "it may be called instead of ours; "}.get(
                    kind, ""
                )
                mend = [f"-- {loss}to keep it, put it into a migration of your own (memdb new NAME)"]
                mend += mending.remove(key)
            origin = self._origin(f"table {table}") if table else None
            yield Difference(*kind_and_name(key), "unexpected", None, attributes, "\n".join(mend), origin)

    def different(self) -> Iterable[Difference]:
        for key in sorted(self._expected.keys() & self._found.keys()):
            ours, theirs = self._expected[key], self._found[key]
            names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
            if not names:
                continue
            statements = self._application_users(key) or mending.change(key, ours, theirs, names, self._expected)
            yield Difference(
                *kind_and_name(key),
                "different",
                {name: ours.get(name) for name in names},
                {name: theirs.get(name) for name in names},
                "\n".join(statements or self._files(key)),
                self._origin(key, names),
            )

    def _parts(self, key: str) -> tuple[str, ...]:
        kind, name = kind_and_name(key)
        if kind != "table":
            return ()
        return tuple(part for part in self._missing if table_of(part, self._expected[part]) == name)

    def _application_users(self, key: str) -> list[str]:
        if "referable" not in self._expected[key]:
            return []
        return ['-- "users" is the application\'s: it needs a column "id" of type uuid with a primary key or unique']

    def _files(self, key: str, *parts: str) -> list[str]:
        ids = dict.fromkeys(id for id in map(self._origin, (key, *parts)) if id)
        files = ", ".join(f"{id}.sql" for id in ids) or "its migration"
        again = ', as "create or replace"' if key.startswith("function ") and key in self._found else ""
        return [f"-- run the statements for it in {files}{again}"]

    def _origin(self, key: str, names: Collection[str] = ()) -> str | None:
        """The last applied migration that sets one of the attributes `names`, else the one that makes the object."""
        setting = [id for id, patch in self._applied.items() if (patch.get(key) or {}).keys() & set(names)]
        making = [id for id, patch in self._applied.items() if patch.get(key) is not None]
        return setting[-1] if setting else making[0] if making else None
