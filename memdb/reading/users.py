"""Users as a file names them."""

from typing import Any
from uuid import UUID

from memdb.reading import ids


def user_id(name: str) -> UUID:
    """The uuid that a name is, or a stable one made from it, of the range `ids.USERS`."""
    try:
        return UUID(name)
    except ValueError:
        return ids.USERS.made_from(b"user ", name.encode("utf-8", "surrogatepass"))


def named(value: Any) -> UUID:
    """The user whom a field names: a number, or a text that is not blank. Raises ValueError, which says what it is."""
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise ValueError("names nobody")
    name = str(value).strip()
    if not name:
        raise ValueError("is empty")
    return user_id(name)
