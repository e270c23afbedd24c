"""How many rows of a user there are, table by table, and what becomes of each when the user is forgotten."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from memdb import trust
from memdb.database import Connection
from memdb.lifecycle import belongings
from memdb.lifecycle.belongings import BLOCKING, CASCADE, Belongings, Conditions, besides
from memdb.shape import UserKey

_DETACHING = ("set null", "set default")


@dataclass(frozen=True, slots=True)
class Survey:
    """Counts of one user's rows. `going` says which rows of which tables are to be deleted, `seen` what can be read."""

    connection: Connection
    found: Belongings
    going: Conditions
    user: UserKey
    seen: Collection[int]

    @property
    def unseen(self) -> tuple[str, ...]:
        """The tables that this role may not or had better not read, or whose rows may be hidden from it."""
        return tuple(str(holder) for oid, holder in self.found.holders.items() if oid not in self.seen)

    @property
    def deleted(self) -> dict[int, int]:
        """The rows that are to go, by the oids of their tables."""
        told = [oid for oid, holder in self.found.holders.items() if oid in self.seen or holder.is_own]
        return {oid: self._count(oid, self.going[oid]) for oid in told if oid in self.going}

    @property
    def in_the_way(self) -> dict[str, int]:
        """The rows of other tables because of which nothing can be deleted."""
        return self._referring(BLOCKING, self.going)

    @property
    def detached(self) -> dict[str, int]:
        """The rows of other tables that refer to what goes, and then to nothing."""
        return self._referring(_DETACHING, self.going)

    @property
    def others(self) -> dict[str, int]:
        """The users and memories that are not to go, and would be deleted along by foreign keys."""
        counts = dict[str, int]()
        for each in self.found.references:
            if each.on_delete == CASCADE and each.holder in self.found.persons and each.target in self.going:
                meant = besides(self.found.referring(each, self.going), self.going.get(each.holder))
                if rows := self._count(each.holder, meant):
                    counts[str(self.found.holders[each.holder])] = rows
        return counts

    @property
    def left(self) -> dict[str, int]:
        """The rows of other tables that lead to the user, and stay."""
        everything = self.found.going_with(self.found.own | self.found.user)
        there = {
            str(self.found.holders[oid]): self._count(oid, besides(meant, self.going.get(oid)))
            for oid, meant in everything.items()
            if oid in self.seen and oid != self.found.users.oid
        }
        staying = {oid: meant for oid, meant in everything.items() if oid not in self.going}
        return {
            name: rows for name, rows in (there | self._referring((*BLOCKING, *_DETACHING), staying)).items() if rows
        }

    def _referring(self, on_delete: Collection[str], to: Conditions) -> dict[str, int]:
        """Rows that do not go themselves, and whose foreign keys say this of rows that are meant; none are not told."""
        counts = dict[str, int]()
        for each in self.found.references:
            if each.on_delete in on_delete and each.target in to and each.holder in self.seen:
                meant = besides(self.found.referring(each, to), self.going.get(each.holder))
                if rows := self._count(each.holder, meant):
                    counts[f"{self.found.holders[each.holder]} (on delete {each.on_delete})"] = rows
        return counts

    def _count(self, oid: int, meant: belongings.Condition) -> int:
        return belongings.count(self.connection, self.found.holders[oid], meant, self.user)


def survey(connection: Connection, found: Belongings, going: Conditions, user: UserKey) -> Survey:
    """Nothing is counted yet."""
    return Survey(connection, found, going, user, set(_seen(connection, found)))


def _seen(connection: Connection, found: Belongings) -> Iterator[int]:
    trusted = trust.may_read(connection, list(found.holders))
    strangers = trust.of_strangers(connection, list(found.holders), [found.target.memories, found.target.users])
    for oid, holder in found.holders.items():
        is_trusted = oid not in strangers and (trusted or trust.may_read(connection, [oid]))
        if holder.may_read and not holder.is_hidden and is_trusted:
            yield oid
