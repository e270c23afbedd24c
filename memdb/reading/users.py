"""Users as a file names them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from memdb import values
from memdb.errors import InvalidMemory
from memdb.reading import keys
from memdb.shape import DEFAULT, Users
from memdb.values import UserKey


@dataclass(frozen=True, slots=True)
class Names:
    """Those of one file. `made` are the names from which ids were made, by these ids."""

    users: Users = DEFAULT.users
    made: dict[UserKey, str] = field(default_factory=dict)

    def key(self, value: Any) -> UserKey:
        """The id of the user whom a field names by a number or a text: what it says, or made from it, always the same.

        Raises ValueError, which says what is wrong with the name.
        """
        name = _name(value)
        try:
            return values.user_id(_READ[self.users.python_type](name), self.users)
        except (ValueError, InvalidMemory):
            return self._made(name.strip())

    def _made(self, name: str) -> UserKey:
        """Of ids that are integers there are so few that two names might get the same one."""
        key = keys.made_from(self.users, b"user ", name.encode("utf-8", "surrogatepass"))
        other = self.made.setdefault(key, name)
        if other != name:
            raise ValueError(f"would get the id {key}, which was made for {other!r} already")
        return key


def named(value: Any, users: Users = DEFAULT.users) -> UserKey:
    """The id of the user whom a field names. Raises ValueError, which says what is wrong with the name."""
    return Names(users).key(value)


def _name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise ValueError("names nobody")
    name = str(value)
    if not name.strip():
        raise ValueError("is empty")
    return name


def _number(name: str) -> int:
    """Only as it is written: 007 may be somebody else than 7."""
    number = int(name)
    if str(number) != name:
        raise ValueError(name)
    return number


_READ: Final[dict[type, Callable[[str], Any]]] = {UUID: lambda name: UUID(name.strip()), int: _number, str: str}
