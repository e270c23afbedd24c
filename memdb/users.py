"""Whose users memories belong to: the application's, wherever its table is, or memdb's stand-in."""

from dataclasses import dataclass

from memdb import database
from memdb.database import Connection, query
from memdb.shape import STAND_IN


@dataclass(frozen=True, slots=True)
class Users:
    """The table to which the name `users` leads. `name` has its schema, quoted where SQL needs it."""

    name: str
    owner: str
    is_stand_in: bool


def find(connection: Connection, table: str = "users") -> Users | None:
    """The table that memories belong to, as SQL names it. None where it cannot be seen from here."""
    path = database.search_path(connection)
    ((_, oid, _),) = connection.execute(query("users", "resolve"), [path, table])
    with database.own_names(connection):
        found = connection.rows(Users, query("users", "described"), {"oid": oid, "mark": STAND_IN})
    return found[0] if found else None
