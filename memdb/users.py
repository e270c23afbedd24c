"""Whose users memories belong to: the application's, wherever its table is, or memdb's stand-in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from memdb import database, shape
from memdb.database import Connection, query
from memdb.errors import InvalidMemory, UsageError
from memdb.shape import STAND_IN, USER_TYPES, UserKey, Users
from memdb.words import with_article

_WHOLE_NUMBER = re.compile(r"-?\d{1,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class UsersTable:
    """The table to which the name `users` leads. `name` has its schema, quoted where SQL needs it."""

    name: str
    owner: str
    is_stand_in: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A table, or what is called like one, to whose rows memories could belong; names are as the catalog shows them.

    `key` is the column that was `asked` for, or else the primary key; nothing where there is none.
    """

    table: str
    kind: str
    asked: str
    key: str
    key_type: str | None
    is_unique: bool
    is_stand_in: bool

    @property
    def problem(self) -> str:
        """Why memories cannot belong to its rows; nothing where they can."""
        if self.kind != "table":
            return f"{self.table} is a {self.kind}, and no foreign key can refer to that"
        if not self.key:
            return f"{self.table} has no {f'column {self.asked}' if self.asked else 'primary key of one column'}"
        if not self.is_unique:
            return f"{self.table}.{self.key} has neither a primary key nor a unique constraint"
        if not shape.is_user_type(self.key_type or ""):
            return f"{self.table}.{self.key} is of the type {self.key_type}, not one of {', '.join(USER_TYPES)}"
        return ""

    def has_ids_for(self, key_type: str) -> bool:
        """Whether a column of this type can refer to the key."""
        return shape.may_refer(key_type, self.key_type or "")

    def __str__(self) -> str:
        return f"{self.table} ({self.key}), {self.key_type}"


def find(connection: Connection, table: str = "users") -> UsersTable | None:
    """The table that memories belong to, as SQL names it. None where it cannot be seen from here."""
    path = database.search_path(connection)
    ((_, oid, _),) = connection.execute(query("users", "resolve"), [path, table])
    with database.own_names(connection):
        found = connection.rows(UsersTable, query("users", "described"), {"oid": oid, "mark": STAND_IN})
    return found[0] if found else None


def candidates(connection: Connection, tables: Sequence[str], key: str | None = None) -> list[Candidate]:
    """Those of these tables that are there."""
    path = database.names(connection).path
    parts = [[shape.unquoted(part) for part in shape.identifiers(name)] for name in tables]
    given = {
        "schemas": [part[0] if part[1:] else None for part in parts],
        "tables": [part[-1] for part in parts],
        "path": list(path),
        "key": None if key is None else shape.unquoted(key),
        "mark": STAND_IN,
    }
    with database.own_names(connection):
        return connection.rows(Candidate, query("users", "candidates"), given)


def key(given: object, users: Users) -> UserKey:
    """The id that somebody wrote or gave, as the database has it. Raises InvalidMemory for what cannot be one."""
    from memdb import values  # which needs numpy

    if isinstance(given, str) and users.python_type is int and _WHOLE_NUMBER.fullmatch(given):
        given = int(given)
    elif isinstance(given, int) and users.python_type is str:
        given = str(given)
    return values.user_id(given, users)


def asking(given: object, users: Users) -> UserKey:
    """`key` of the only user who is to ask. Raises UsageError."""
    try:
        return key(given, users)
    except InvalidMemory as error:
        raise UsageError(
            f"there is no user {str(given)!r} in this database: {error}",
            hint=f"Give the id of a user: {users.table}.{users.key} is {with_article(users.key_type)}.",
        ) from None
