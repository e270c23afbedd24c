"""Ids of users that say that memdb made them up, for each type that a user's key may have.

No sequence gives a negative number, and no usual generator of texts begins them with "memdb-": what an application
stores is not taken for seeded.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Protocol

from memdb.errors import DataError
from memdb.reading import ids
from memdb.shape import Users
from memdb.values import UserKey

_TEXT = re.compile("memdb-[0-9a-f]{16}")


class Made(Protocol):
    """The ids of one type that memdb makes up: they lie between `first` and `last`."""

    @property
    def first(self) -> UserKey: ...
    @property
    def last(self) -> UserKey: ...
    def made_from(self, *described: bytes) -> UserKey:
        """The id of what is described like this, always the same."""

    def has(self, key: Any) -> bool:
        """Whether memdb made it up."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """`count` whole numbers."""

    first: int
    count: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def made_from(self, *described: bytes) -> int:
        return self.first + int.from_bytes(ids.digest(*described)) % self.count

    def has(self, key: Any) -> bool:
        return bool(self.first <= key <= self.last)


@dataclass(frozen=True, slots=True)
class Texts:
    """A prefix, and 16 hexadecimal digits; the bounds are those of a plain comparison of bytes."""

    first: str = f"memdb-{'0' * 16}"
    last: str = f"memdb-{'f' * 16}"

    def made_from(self, *described: bytes) -> str:
        return f"memdb-{ids.digest(*described).hex()[:16]}"

    def has(self, key: Any) -> bool:
        return _TEXT.fullmatch(key) is not None


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of keys: the ids of it that memdb makes up.

    `ordered` is the type to which a value is cast to see whether it lies between two others: texts are in the order of
    some language, but a `name` is compared byte by byte; and an integer may be mentioned in a column of bigints.
    """

    ordered: str
    made: Made


_TEXTS = Texts()
KINDS: Final = {
    "uuid": Kind("uuid", ids.USERS),
    "bigint": Kind("int8", Numbers(-9 * 10**18, 10**15)),
    "integer": Kind("int8", Numbers(-2_100_000_000, 10**9)),
    "text": Kind("name", _TEXTS),
    "varchar": Kind("name", _TEXTS),
}


def kind(users: Users) -> Kind:
    """That of the key of these users."""
    return KINDS[users.base_type]


def made_from(users: Users, *described: bytes) -> UserKey:
    """The id of a user who is described like this. Raises DataError where the column is too short for it."""
    key = kind(users).made.made_from(*described)
    if users.longest is not None and len(str(key)) > users.longest:
        raise DataError(
            f"{users.table}.{users.key} is {users.key_type}, too short for an id that memdb makes up ({key})",
            hint="Add the users in your application, then load a file (--from) with their ids.",
        )
    return key
