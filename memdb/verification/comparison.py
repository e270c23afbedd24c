"""What is expected compared with what is found. Pure: objects in, differences out."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from memdb.catalog import KINDS, STANDALONE, Key, Objects, Patch, table_of
from memdb.verification.mending import changing, creating, tables, telling
from memdb.verification.mending.differing import Differing
from memdb.verification.mending.surroundings import UNKNOWN, Surroundings
from memdb.verification.mending.writing import one_line, told


@dataclass(frozen=True, slots=True)
class Difference:
    """One object in which the database departs from what the applied migrations make.

    Where it is "different", `expected` and `found` have the attributes that differ, None for none; else they
    have all of them, and the one that is not there is None. `parts` are missing because the object is.
    `mend` has a statement a line, which can be run as it stands, and comments where a person has to decide. `path` is
    the file of `migration`.
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

    @property
    def key(self) -> Key:
        """As the catalog has it."""
        return Key.of(self.kind, self.object)


_UNMENTIONED = ("constraint", "trigger", "policy", "rule", "index", "statistics", "object")

_Draft = tuple[Difference, list[str]]
"""A difference, and its mend in lines that may still become comments."""


def compare(
    expected: Objects,
    found: Objects,
    *,
    applied: Mapping[str, Patch] | None = None,
    known: Collection[Key] = (),
    place: Surroundings = UNKNOWN,
) -> list[Difference]:
    """Every object that is missing, different or unexpected, in an order in which the mends can be run.

    Unexpected are objects of expected tables, and what a migration that is not applied would make (`known`).
    """
    comparison = _Comparison(expected, found, applied or {}, known, place)
    drafts = sorted([*comparison.unexpected(), *comparison.missing(), *comparison.different()], key=comparison.rank)
    return [replace(difference, mend="\n".join(map(one_line, lines))) for difference, lines in _runnable(drafts)]


def departs(expected: Objects, found: Objects) -> set[Key]:
    """The expected objects that are missing or different."""
    return {key for key, ours in expected.items() if key not in found or differing(ours, found[key])}


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The attributes that differ. What was made without a check of its rows, and has been checked since, does not."""
    return sorted(
        name
        for name in ours.keys() | theirs.keys()
        if ours.get(name) != theirs.get(name)
        and not (name in ("validated", "valid") and ours.get(name) is False and theirs.get(name) is True)
    )


def _runnable(drafts: Iterable[_Draft]) -> Iterable[_Draft]:
    """With comments in place of lines that need something which is not made by lines of its own."""
    absent: list[Key] = []  # objects that only a person can bring back
    for difference, lines in drafts:
        needed = next((key for key in absent if any(_mentions(line, key) for line in lines)), None)
        is_told = all(line.startswith("--") for line in lines)
        yield difference, lines if needed is None or is_told else told(f"once {needed} is there:", *lines)
        is_view_of_another_kind = difference.problem == "different" and "materialized" in (difference.expected or {})
        if (difference.problem == "missing" or is_view_of_another_kind) and (is_told or needed is not None):
            absent.append(difference.key)


def _mentions(line: str, key: Key) -> bool:
    """Whether a statement speaks of an object; of a column, together with its table."""
    if line.startswith("--") or key.kind in _UNMENTIONED:
        return False
    names = (key.within, key.name) if key.kind == "column" else (key.qualified,)
    return all(re.search(rf'(?<![\w$"]){re.escape(part)}(?![\w$"])', line) for part in names)


def _nameless(key: Key, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes without the name that a definition has in front."""
    head, _, rest = str(attributes.get("definition", "")).partition(f" {key.name} ")
    return {**attributes, "definition": (head, rest)}


class _Comparison:
    def __init__(
        self,
        expected: Objects,
        found: Objects,
        applied: Mapping[str, Patch],
        known: Collection[Key],
        place: Surroundings,
    ) -> None:
        self._expected, self._found, self._applied, self._place = expected, found, applied, place
        self._known, self._functions = known, {key.qualified for key in known if key.kind == "function"}
        self._missing = [key for key in expected if key not in found]
        self._missing_tables = {key.identity for key in self._missing if key.kind == "table"}
        self._unexpected = [key for key in found if key not in expected and self._is_our_business(key)]
        self._renamed = {old: new for new in self._missing for old in self._unexpected if self._is_renamed(old, new)}

    def rank(self, draft: _Draft) -> tuple[int, int, int]:
        """What a mend needs comes before it: keys before those that refer to them, views before what reads them."""
        difference, _ = draft
        kind, attributes = difference.kind, self._expected.get(difference.key) or difference.found or {}
        rank = KINDS.index(kind)
        if kind == "index" and Key.of("view", attributes["table"]) in self._expected:
            rank = KINDS.index("rule")
        if kind == "table" and str(attributes.get("replica_identity")).startswith("using index"):
            rank = KINDS.index("statistics")
        refers = str(attributes.get("definition", "")).startswith("FOREIGN KEY")
        return rank, refers, self._depth(difference.key)

    def _depth(self, key: Key, seen: int = 0) -> int:
        reads = self._expected.get(key, {}).get("reads", ()) if seen < len(self._expected) else ()
        return max((1 + self._depth(Key.of("view", name), seen + 1) for name in reads), default=0)

    def _is_our_business(self, key: Key) -> bool:
        if key.kind in STANDALONE:
            return key in self._known or (key.kind == "function" and key.qualified in self._functions)
        return self._owner(key) in self._found

    def _owner(self, key: Key) -> Key | None:
        """The expected table or view that an object which was found is part of."""
        owners = (Key.of(kind, table_of(key, self._found[key])) for kind in ("table", "view"))
        return next((owner for owner in owners if owner in self._expected), None)

    def _is_renamed(self, old: Key, new: Key) -> bool:
        ours, theirs = self._expected[new], self._found[old]
        same_place = old.kind == new.kind and table_of(old, theirs) == table_of(new, ours) != ""
        return same_place and _nameless(new, ours) == _nameless(old, theirs)

    def missing(self) -> Iterable[_Draft]:
        for key in self._missing:
            if table_of(key, self._expected[key]) in self._missing_tables:
                continue
            parts = self._parts(key)
            previous = next((old for old, new in self._renamed.items() if new == key), None)
            lines = telling.rename(previous, key) if previous else self._created(key)
            lines = self._application_users(key) or lines or self._files(key, *parts)
            if schema := self._place.elsewhere.get(key):
                lines = telling.elsewhere(key, schema, lines, is_that_of_history=schema == self._place.history)
            expected, origin = self._expected[key], self._origin(key)
            told_parts = tuple(map(str, parts))
            yield Difference(key.kind, key.identity, "missing", expected, None, "", origin, parts=told_parts), lines

    def _created(self, key: Key) -> list[str]:
        """A sequence belongs to its column once this is there, too."""
        lines = creating.create(key, self._expected[key], self._place)
        if lines and (other := self._place.in_place_of.get(key)):
            return told(f"{other} has its name: see whose that is; once it has another name:", *lines)
        if key.kind == "policy" and tables.lets_all_through(self._expected[key]):
            return told("it opens all rows to the roles that it names, so a person has to decide whether to:", *lines)
        owner = self._expected[key].get("owned_by")
        if key.kind == "sequence" and owner and Key.of("column", owner) not in self._missing:
            return [*lines, creating.owned(key, owner)]
        if key.kind == "column":
            owned = [other for other in self._missing if self._expected[other].get("owned_by") == key.identity]
            return [*lines, *(creating.owned(other, key.identity) for other in owned)]
        return lines

    def unexpected(self) -> Iterable[_Draft]:
        for key in self._unexpected:
            owner = self._owner(key)
            if key in self._renamed:
                lines = told(f"see {self._renamed[key]}: it seems to have been renamed")
            else:
                lines = telling.unexpected(key, known=key in self._known)
            origin = self._origin(owner) if owner else None
            yield Difference(key.kind, key.identity, "unexpected", None, self._found[key], "", origin), lines

    def different(self) -> Iterable[_Draft]:
        for key in sorted(self._expected.keys() & self._found.keys()):
            ours, theirs = self._expected[key], self._found[key]
            names = differing(ours, theirs)
            if not names:
                continue
            change = Differing(key, ours, theirs, names, self._place, self._expected, self._found)
            lines = self._application_users(key) or changing.change(change) or self._files(key)
            expected, found = ({name: side.get(name) for name in names} for side in (ours, theirs))
            yield Difference(key.kind, key.identity, "different", expected, found, "", self._origin(key, names)), lines

    def _parts(self, key: Key) -> tuple[Key, ...]:
        if key.kind != "table":
            return ()
        return tuple(part for part in self._missing if table_of(part, self._expected[part]) == key.identity)

    def _application_users(self, key: Key) -> list[str]:
        if "referable" not in self._expected[key]:
            return []
        table, needed, found = key.within, self._expected[key]["type"], self._found.get(key, {}).get("type")
        if found not in (None, needed):
            how = f"memdb init DIR --users {table}"
            return told(
                f"{key.within}.{key.name} is {found}, and this SQL is for {needed}: write SQL for it with {how}"
            )
        shown = f'"{table}"' if table == "users" else table
        needed = f'a column "{key.name}" of type {needed} with a primary key or unique constraint'
        return told(f"{shown} is the application's: it needs {needed}")

    def _files(self, key: Key, *parts: Key) -> list[str]:
        ids = dict.fromkeys(id for id in map(self._origin, (key, *parts)) if id)
        files = ", ".join(f"{id}.sql" for id in ids) or "its migration"
        again = ', as "create or replace"' if key.kind == "function" and key in self._found else ""
        return told(f"run the statements for it in {files}{again}")

    def _origin(self, key: Key, names: Collection[str] = ()) -> str | None:
        """The last applied migration that sets one of the attributes `names`, else the one that makes the object."""
        setting = [id for id, patch in self._applied.items() if (patch.get(key) or {}).keys() & set(names)]
        making = [id for id, patch in self._applied.items() if patch.get(key) is not None]
        return setting[-1] if setting else making[0] if making else None
