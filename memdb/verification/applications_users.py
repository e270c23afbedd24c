"""The table of users where it is the application's: of it, only what memories refer to is compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from memdb import catalog, shape, users
from memdb.catalog import Attributes, Key, Objects, Patch, table_of
from memdb.database import Connection
from memdb.shape import DEFAULT, STAND_IN, Users

_CATALOG_TYPES = {"varchar": "character varying"}
_OPERATOR_CLASSES = {"uuid": "uuid_ops", "bigint": "int8_ops", "integer": "int4_ops"}


@dataclass(frozen=True, slots=True)
class Owners:
    """The users that memories belong to, as a catalog has them. Files may have `written` the schema, too."""

    users: Users
    written: str = ""

    @property
    def table(self) -> Key:
        return Key.of("table", self.users.table)

    @property
    def key(self) -> Key:
        return Key("column", self.users.key, self.users.table)

    @property
    def unqualified(self) -> str:
        """The name of the table where the search_path leads to it; nothing where its schema is written."""
        return "" if self.users.schema else shape.unquoted(self.users.table)

    def are_the_applications(self, expected: Objects, found: Objects) -> bool:
        """Whether the table is neither memdb's stand-in nor one of the team's own migrations."""
        if not self.users.may_be_made:
            return True
        there, made = found.get(self.table), expected.get(self.table)
        return there is not None and not _is_stand_in(there) and (made is None or _is_stand_in(made))

    def left_alone(
        self, connection: Connection, expected: Objects, found: Objects
    ) -> tuple[Objects, Objects, list[str]]:
        """What to compare instead: that memories can refer to the key. And what to say of it."""
        referred = any(key.kind == "table" and key.name == "memories" for key in expected)
        others, there = self._named_as_here(self._others(expected)), self._others(found)
        if not referred:
            return others, there, []
        column = found.get(self.key)
        key_type = self._key_type
        if column and shape.is_user_type(column["type"]) and shape.may_refer(key_type, column["type"]):
            key_type = column["type"]
        needed: Objects = {self.key: {"type": key_type, "referable": True}}
        if column is not None:
            there |= {self.key: {"type": column["type"], "referable": self._is_referable(found)}}
        return others | needed, there, self._notes(connection)

    @property
    def _key_type(self) -> str:
        name, _, length = self.users.key_type.partition("(")
        return _CATALOG_TYPES.get(name, name) + (f"({length}" if length else "")

    def _others(self, objects: Objects) -> Objects:
        name = self.users.table
        return {
            key: attributes
            for key, attributes in objects.items()
            if key != self.table and table_of(key, attributes) != name
        }

    def _named_as_here(self, objects: Objects) -> Objects:
        """The same with foreign keys that name the table as the catalog does, without the schema of memories."""
        written, here = f" REFERENCES {self.written}(", f" REFERENCES {self.users.table}("
        return {
            key: attributes | {"definition": attributes["definition"].replace(written, here)}
            if key.kind == "constraint"
            else attributes
            for key, attributes in objects.items()
        }

    def _is_referable(self, found: Objects) -> bool:
        name, operators = self.users.key, _OPERATOR_CLASSES.get(self.users.base_type, "text_ops")
        keys = {f"PRIMARY KEY ({name})", f"UNIQUE ({name})"}
        theirs = [
            (key.kind, attributes) for key, attributes in found.items() if table_of(key, attributes) == self.users.table
        ]
        constraints = (attributes["definition"] in keys for kind, attributes in theirs if kind == "constraint")
        indexes = (
            attributes["unique"] and attributes["valid"] and attributes["keys"] == [f"{name} {operators}"]
            and "where" not in attributes
            for kind, attributes in theirs if kind == "index"
        )  # fmt: skip
        return any(constraints) or any(indexes)

    def _notes(self, connection: Connection) -> list[str]:
        name, key = self.users.table, self.users.key
        shown = f'"{name}"' if name == "users" else name
        notes = [
            f"The table {shown} is the application's: all that was checked is that memories can refer to {name}.{key}."
        ]
        table = users.find(connection, name)  # it may be another's than whoever looks expects
        return notes if table is None else [*notes, f"It is {table.name}, owned by the role {table.owner}."]


def expected(patches: Mapping[str, Patch], schema: str) -> Owners:
    """Those of the shape for which a folder of SQL was written, as a catalog names what is in this schema."""
    found = catalog.shape_of(catalog.fold(patches.values()))
    users = (found or DEFAULT).users
    *place, name = shape.identifiers(users.table)
    here = replace(users, table=name) if place == [shape.quoted(schema)] else users
    return Owners(here, written=users.table)


def _is_stand_in(table: Attributes) -> bool:
    return str(table.get("comment")).startswith(STAND_IN)
