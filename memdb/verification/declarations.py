"""What models declare compared with what a schema has. Pure: objects in, differences out."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from memdb.catalog import Attributes, Key, Objects, table_of
from memdb.shape import STAND_IN

USERS = "users"

# The beginning of what pg_get_constraintdef() writes of a key: its kind, and its columns as they are quoted.
_KEY = re.compile(r'(PRIMARY KEY|FOREIGN KEY|UNIQUE)(?: NULLS NOT DISTINCT)? \(((?:"(?:[^"]|"")*"|[^")])*)\)')


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing in which the models are not what the schema is.

    "missing" is what the models lack, "unexpected" what they alone have. `expected` is what the schema says, `found`
    what the models do. `differs_from` names what they were compared with: the snapshot, the database, or both.
    """

    kind: str
    object: str
    problem: Literal["missing", "unexpected", "different"]
    expected: dict[str, Any] | None
    found: dict[str, Any] | None
    differs_from: tuple[str, ...] = ()
    mend: str = ""

    @property
    def key(self) -> Key:
        """As a catalog has it."""
        return Key.of(self.kind, self.object)


@dataclass(frozen=True, slots=True)
class Declared:
    """What models declare, in the form of a catalog, and in which schema they say that it is.

    Attributes that a model leaves open, such as a default that it has in Python, are no keys. `own_users` says that
    the model of users is memdb's, so that it must be the stand-in.
    """

    objects: Objects
    schema: str | None
    own_users: bool


class Comparison:
    """The objects of a schema and those that models declare, of which only `tables` count."""

    def __init__(self, schema: Objects, models: Objects, tables: Collection[str]) -> None:
        self._schema, self._models, self._tables = schema, models, sorted(tables)

    def differences(self) -> Iterator[Drift]:
        """Tables, then columns and keys of those that are on both sides, enums, and relationships between tables."""
        for table in self._tables:
            mapped, there = (Key.of("table", table) in objects for objects in (self._models, self._schema))
            if mapped and there:
                yield from self._columns(table)
                yield from self._keys(table)
            elif mapped:
                yield Drift("table", table, "unexpected", None, {})
            elif table != USERS:  # an application may do without a model of its users
                yield Drift("table", table, "missing", {}, None)
        yield from self._enums()
        yield from self._relationships()

    def left_out(self) -> Iterator[str]:
        """Columns that the models do not map, and need not, as sentences."""
        for table in self._tables:
            there, mapped = self._both("column", table)
            if mapped and not self.is_of_application(table):
                yield from (
                    f"The models leave out {key.identity}, and rows can be written without it."
                    for key in sorted(there.keys() - mapped.keys())
                    if _can_be_left_out(there[key])
                )

    def _columns(self, table: str) -> Iterator[Drift]:
        there, mapped = self._both("column", table)
        for key in sorted(there.keys() | mapped.keys()):
            if key not in there:
                if not self._is_unknown(table):
                    yield Drift(key.kind, key.identity, "unexpected", None, mapped[key])
            elif key in mapped:
                expected = there[key] if self._is_unknown(table) else _column(there[key])
                yield from _different(key, expected, mapped[key])
            elif not _can_be_left_out(there[key]):
                yield Drift(key.kind, key.identity, "missing", _column(there[key]), None)

    def _keys(self, table: str) -> Iterator[Drift]:
        """Keys belong together that have the same name, or else are of the same kind and columns."""
        there, mapped = self._both("constraint", table)
        there = {key: attributes for key, attributes in there.items() if self._is_key(table, attributes)}
        heads = {_head(attributes): key for key, attributes in there.items()}
        for key, attributes in mapped.items():
            if not self._is_key(table, attributes):
                continue
            match = key if key in there else heads.get(_head(attributes))
            if match is None or match not in there:
                yield Drift(key.kind, key.identity, "unexpected", None, _key(key, attributes))
                continue
            found = {"definition": attributes["definition"]} if self.is_of_application(table) else _key(key, attributes)
            yield from _different(match, _key(match, there.pop(match)), found)
        for key, attributes in there.items():
            if not attributes["definition"].startswith("UNIQUE"):  # which a model can do without
                yield Drift(key.kind, key.identity, "missing", _key(key, attributes), None)

    def _is_key(self, table: str, attributes: Attributes) -> bool:
        if self._is_unknown(table):
            return False
        head = _head(attributes)
        return head == "PRIMARY KEY" or (head is not None and not self.is_of_application(table))

    def _enums(self) -> Iterator[Drift]:
        for key, declared in self._models.items():
            if key.kind == "enum" and key in self._schema:
                expected = {"labels": sorted(self._schema[key]["labels"]), "created_by_models": False}
                yield from _different(key, expected, declared)

    def _relationships(self) -> Iterator[Drift]:
        """Where the database deletes what belongs to a row, the ORM has to leave it to the database, and else not."""
        for key, declared in self._models.items():
            if key.kind != "relationship":
                continue
            table, head = declared["table"], f"FOREIGN KEY ({declared['columns']})"
            keys = self._both("constraint", table)[0].values()
            definition = next((str(item["definition"]) for item in keys if _head(item) == head), None)
            if definition is not None:
                deletes = "ON DELETE CASCADE" in definition
                expected = dict.fromkeys(("deletes", "deletes_orphans", "passive_deletes"), deletes)
                yield from _different(key, expected if deletes else {"passive_deletes": False}, declared)

    def _both(self, kind: str, table: str) -> tuple[Objects, Objects]:
        """The objects of this kind that belong to a table: those of the schema, and those of the models."""
        schema, models = (
            {key: attributes for key, attributes in objects.items() if (key.kind, key.within) == (kind, table)}
            for objects in (self._schema, self._models)
        )
        return schema, models

    def is_of_application(self, table: str) -> bool:
        """Whether it is a table of users that is not memdb's stand-in."""
        there = self._schema.get(Key.of("table", table))
        return table == USERS and there is not None and not str(there.get("comment")).startswith(STAND_IN)

    def _is_unknown(self, table: str) -> bool:
        return "unknown" in self._schema.get(Key.of("table", table), {})


def with_users_of_application(core: Objects) -> Objects:
    """Core without the stand-in: of an application's users, it is only known what memories refer to."""
    kept = {key: attributes for key, attributes in core.items() if table_of(key, attributes) != USERS}
    return kept | {
        Key("table", USERS): {"unknown": True},
        Key("column", "id", USERS): {"type": "uuid", "nullable": False},
    }


def plain_default(sql: str) -> str:
    """A default without the casts that the server adds, outside of string literals."""
    return "".join(
        part if part.startswith("'") else re.sub(r"::[\w. \"]+(\([\d, ]+\))?(\[\])?", "", part).strip()
        for part in re.split(r"('(?:[^']|'')*')", sql)
    )


def _different(key: Key, expected: dict[str, Any], found: Attributes) -> Iterator[Drift]:
    """What a model leaves open is no difference."""
    names = [name for name in expected if name in found and expected[name] != found[name]]
    if names:
        wanted, declared = ({name: side[name] for name in names} for side in (expected, found))
        yield Drift(key.kind, key.identity, "different", wanted, declared)


def _column(attributes: Attributes) -> dict[str, Any]:
    default = attributes.get("default")
    return {
        "type": attributes["type"],
        "nullable": attributes["nullable"],
        "default": None if default is None else plain_default(default),
        "generated": "generated" in attributes,
    }


def _key(key: Key, attributes: Attributes) -> dict[str, Any]:
    """A model may leave the name of a key open."""
    name = {"name": key.name} if attributes.get("named", True) else {}
    return name | {"definition": attributes["definition"]}


def _head(attributes: Attributes) -> str | None:
    """`FOREIGN KEY (user_id)`; of a primary key, of which there is one, without its columns. None of what is no key."""
    key = _KEY.match(str(attributes["definition"]))
    if key is None:
        return None
    return key[1] if key[1] == "PRIMARY KEY" else f"{key[1]} ({key[2]})"


def _can_be_left_out(attributes: Attributes) -> bool:
    return attributes["nullable"] or bool(attributes.keys() & {"default", "generated", "identity"})
