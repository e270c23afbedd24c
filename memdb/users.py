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


def find(connection: Connection) -> Users | None:
    """None where no table of that name can be seen from here."""
    path = database.search_path(connection)
    ((_, oid, _),) = connection.execute(query("users", "resolve"), [path])
    with database.own_names(connection):
        found = connection.rows(Users, query("users", "described"), {"oid": oid, "mark": STAND_IN})
    return found[0] if found else None
