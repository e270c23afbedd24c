"""Users as a file names them."""

from uuid import NAMESPACE_URL, UUID, uuid5

# A user without a uuid gets the uuid5 of the name in this namespace: always the same one.
USERS = uuid5(NAMESPACE_URL, "memdb:users")


def user_id(name: str) -> UUID:
    """The uuid that a name is, or a stable one made from it."""
    try:
        return UUID(name)
    except ValueError:
        return uuid5(USERS, name)
