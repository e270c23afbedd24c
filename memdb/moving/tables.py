"""The tables that travel, as the catalog has them: memories, collections, the archive, and what is beside memories."""

from collections.abc import Sequence
from dataclasses import dataclass

from memdb import distribution, target, trust
from memdb.database import Connection, query
from memdb.errors import DatabaseError
from memdb.shape import UserKey
from memdb.target import Target

MEMORIES, ARCHIVE = "memories", "memory_archive"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with their types and kinds: "user" and "reference" for keys of users, "others" for a user_id of another
    table's, "id" for an id, "number" for one that the database gives, "beside" and "noted" for what the archive and
    merges hold of other tables, "" for anything else.

    `key` are the columns by which a row is known; none where the database numbers them, or nothing tells them apart.
    `never_null` are columns of JSON in which a null can only be that of JSON. `within` are columns by which rows refer
    to others of the table, by their column `within_key`. `numbers` says for each column whose number it is, by table
    and column; `counted` are columns that the database numbers, and `numbering` is what gives each of them the next
    number. They are among the columns if others refer to them.
    `has_owner` says that rows have a user of their own; other rows belong to a memory, and are deleted together with
    it. `is_hidden` says that policies decide which rows this role sees. The
    embedding is not among the columns.
    """

    name: str
    oid: int
    has_owner: bool
    is_hidden: bool
    columns: Sequence[str]
    types: Sequence[str]
    kinds: Sequence[str]
    key: Sequence[str]
    never_null: Sequence[str]
    within: Sequence[str]
    within_key: str | None
    numbers: Sequence[str | None]
    counted: Sequence[str]
    numbering: Sequence[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where memories are, and the tables that travel, in an order in which rows can be stored."""

    target: Target
    tables: Sequence[Table]

    @property
    def is_hidden(self) -> bool:
        """Whether policies decide which rows this role sees in one of the tables."""
        return any(table.is_hidden for table in self.tables)

    def counterpart(self, table: Table) -> Table | None:
        """The archive for memories, and memories for the archive: an id is in one of them."""
        name = {MEMORIES: ARCHIVE, ARCHIVE: MEMORIES}.get(table.name)
        return next((each for each in self.tables if each.name == name), None)


def enter(connection: Connection, *, writing: bool = False) -> Place:
    """The tables, for a transaction that has just begun, in which from now on names are those of pg_catalog alone.

    Raises DatabaseError where there are none, or using them could run code of others.
    """
    found = target.enter(connection)
    if found.users is None:
        raise DatabaseError(f"the table {found.users_name} does not exist", hint="Create it with: memdb migrate")
    connection.execute(query("moving", "settings"))
    if writing:
        distribution.keep_copies_writable(connection, found.users)
    oids = {"memories": found.memories, "users": found.users}
    place = Place(found, connection.rows(Table, query("moving", "tables"), oids))
    tables = [table.oid for table in place.tables]
    trust.require_owners(connection, [found.users, *tables], writing=writing)
    trust.require_no_strangers(connection, tables, [found.memories, found.users])
    return place


def speak_for(connection: Connection, user: UserKey) -> None:
    """Policies of the set row_security let this role see the user that it speaks for."""
    connection.execute(query("search", "speak_for"), {"user": str(user)})
