"""Where rows of a user are: every table with a path to users, found in the catalog."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from psycopg import sql

from memdb import shape
from memdb.database import Connection, query
from memdb.target import Target

CASCADE = "cascade"
BLOCKING = ("restrict", "no action")

Condition: TypeAlias = sql.Composable
Conditions: TypeAlias = Mapping[int, Condition]
"""For each table by its oid, which of its rows are meant; the key of the user is the parameter `user`."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A table, `shown` with its schema as SQL writes it.

    `is_own` says that it is memdb's; `has_user_id` that its rows say themselves whose they are, and `says_text` that
    either they or memories say it as text, and the other as a uuid. `names_others`: its user_id is that of somebody in
    another table than users, such as of staff.

    `may_read` is whether this role has the right to read it, `is_hidden` whether policies decide which rows it sees.
    """

    oid: int
    schema: str
    name: str
    shown: str
    is_own: bool
    has_user_id: bool
    says_text: bool
    names_others: bool
    may_read: bool
    is_hidden: bool

    @property
    def identifier(self) -> sql.Composable:
        return _named(self.schema, self.name)

    def __str__(self) -> str:
        return self.shown

    def column(self, name: str) -> sql.Composable:
        """It with the table, since a condition may be part of another."""
        return _named(self.schema, self.name, name)

    def columns(self, names: Sequence[str]) -> sql.Composable:
        """Several, with commas."""
        return sql.SQL(", ").join(map(self.column, names))


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of the table `holder` to the table `target`, both by their oids, and what a delete there does."""

    holder: int
    target: int
    columns: Sequence[str]
    target_columns: Sequence[str]
    types: Sequence[str]
    on_delete: str


@dataclass(frozen=True, slots=True)
class Belongings:
    """The tables with a path to users, and the foreign keys that make it.

    `unlike` are memdb's other tables with a user_id, of a type unlike the ids of users.
    """

    target: Target
    holders: Mapping[int, Holder]
    references: Sequence[Reference]
    unlike: Sequence[str]

    @property
    def users(self) -> Holder:
        assert self.target.users is not None
        return self.holders[self.target.users]

    @property
    def user(self) -> dict[int, Condition]:
        """The row of the user."""
        return {self.users.oid: _is_user(self.users, self._key)}

    @property
    def own(self) -> dict[int, Condition]:
        """The rows of memdb's tables that say themselves whose they are."""
        found = {holder.oid: _is_user(holder, "user_id") for holder in self.holders.values() if holder.has_user_id}
        naming = [each for each in self.references if self.names_user(each)]
        for oid in dict.fromkeys(each.holder for each in naming):
            found[oid] = either(self.referring(each, self.user) for each in naming if each.holder == oid)
        return found

    def names_user(self, reference: Reference) -> bool:
        """Whether rows of a table of memdb's, where none has a user_id, say by this whose they are."""
        holder = self.holders[reference.holder]
        is_named = reference.target == self.users.oid and reference.on_delete == CASCADE
        return is_named and holder.is_own and not holder.has_user_id

    def first(self, *, and_user: bool) -> dict[int, Condition]:
        """The rows that are deleted by themselves: memories and the user last, unless others may only go after them."""
        asked = self.own | (self.user if and_user else {})
        rest = dict(sorted(asked.items(), key=lambda item: item[0] in self.persons))
        found = dict[int, Condition]()
        while rest:
            oid = next((oid for oid in rest if not self._is_awaited(oid, rest)), next(iter(rest)))
            found[oid] = rest.pop(oid)
        return found

    def _is_awaited(self, oid: int, by: Collection[int]) -> bool:
        """Whether rows of others must not be left when those of this table go."""
        return any(
            each.target == oid != each.holder and each.holder in by and each.on_delete in BLOCKING
            for each in self.references
        )

    def going(self, *, and_user: bool) -> dict[int, Condition]:
        """The rows that are deleted when memdb's tables forget the user, or the user is deleted as well."""
        return self.going_with(self.first(and_user=and_user))

    def going_with(self, start: Conditions) -> dict[int, Condition]:
        """The rows that are deleted together with these, table by table, the nearest first; but no other persons."""
        found = {oid: self._with_along(oid, meant, start) for oid, meant in start.items()}
        frontier = set(start)
        while frontier:
            near = [
                reference
                for reference in self.references
                if reference.target in frontier
                and reference.holder not in (*found, *self.persons)
                and reference.on_delete == CASCADE
            ]
            frontier = {reference.holder for reference in near}
            found |= {
                oid: either(self.referring(each, found) for each in near if each.holder == oid) for oid in frontier
            }
        return found

    def _with_along(self, oid: int, meant: Condition, start: Conditions) -> Condition:
        """These, and what goes along with others of them, though it may say that it is another user's."""
        along = [
            self.referring(each, start)
            for each in self.references
            if each.holder == oid and each.target in start and each.on_delete == CASCADE
        ]
        return meant if oid in self.persons or not along else either([meant, *along])

    @property
    def persons(self) -> tuple[int, int]:
        """The tables of which only the user's own rows may go: users, and memories."""
        return self.users.oid, self.target.memories

    def referring(self, reference: Reference, to: Conditions) -> Condition:
        """The rows that refer to some of those that are meant."""
        holder, target = self.holders[reference.holder], self.holders[reference.target]
        if self.refers_to_key(reference):
            return _is_user(holder, reference.columns[0])
        return sql.SQL("({}) in (select {} from {} where {})").format(
            holder.columns(reference.columns),
            target.columns(reference.target_columns),
            target.identifier,
            to[reference.target],
        )

    def refers_to_key(self, reference: Reference) -> bool:
        """Whether it has the key of the user, which is known without a look at the row of the user."""
        return reference.target == self.users.oid and [*reference.target_columns] == [self._key]

    @property
    def _key(self) -> str:
        return shape.unquoted(self.target.users_key)


def find(connection: Connection, target: Target) -> Belongings:
    """What the catalog says now."""
    oids = {"memories": target.memories, "users": target.users}
    holders = {holder.oid: holder for holder in connection.rows(Holder, query("forgetting", "holders"), oids)}
    given = {"tables": list(holders)}
    references = connection.rows(Reference, query("forgetting", "references"), given)
    compared = [oid for oid, holder in holders.items() if holder.has_user_id]
    unlike = connection.execute(
        query("forgetting", "unlike").encode(), {"memories": target.memories, "compared": compared}
    )
    return Belongings(
        target, holders, [each for each in references if each.holder in holders], [name for (name,) in unlike]
    )


def count(connection: Connection, holder: Holder, meant: Condition, user: object) -> int:
    """How many rows are meant."""
    statement = sql.SQL("select count(*) from {} where {}").format(holder.identifier, meant)
    return int(connection.value(statement, {"user": user}))


def either(conditions: Iterable[Condition]) -> Condition:
    """Rows that are meant by one of these."""
    return sql.SQL("({})").format(sql.SQL(" or ").join(conditions))


def besides(meant: Condition, others: Condition | None) -> Condition:
    """Rows that are meant, and are not among the others."""
    return meant if others is None else sql.SQL("{} and ({}) is not true").format(meant, others)


def _named(*parts: str) -> sql.Composable:
    """For a statement in which the driver looks for parameters."""
    return sql.SQL(sql.Identifier(*parts).as_string().replace("%", "%%"))


def _is_user(holder: Holder, column: str) -> Condition:
    meant = "lower({}::text) = lower(%(user)s::text)" if holder.says_text and column == "user_id" else "{} = %(user)s"
    return sql.SQL(meant).format(holder.column(column))
