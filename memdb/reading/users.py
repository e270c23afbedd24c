"""Users as a file names them."""

from uuid import UUID

from memdb.reading import ids


def user_id(name: str) -> UUID:
    """The uuid that a name is, or a stable one made from it, of the range `ids.USERS`."""
    try:
        return UUID(name)
    except ValueError:
        return ids.USERS.made_from(b"user ", name.encode("utf-8", "surrogatepass"))
