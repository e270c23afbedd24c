"""Users as a file names them."""

from typing import Any
from uuid import UUID

from memdb.reading import ids


def named(value: Any) -> UUID:
    """The user whom a field names by a number or a text: the uuid that it is, or one made from it, always the same.

    Raises ValueError, which says what is wrong with the name.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise ValueError("names nobody")
    name = str(value).strip()
    if not name:
        raise ValueError("is empty")
    try:
        return UUID(name)
    except ValueError:
        return ids.USERS.made_from(b"user ", name.encode("utf-8", "surrogatepass"))
