"""Users who were forgotten, whom no import brings back by accident."""

from collections.abc import Collection

from memdb import trust
from memdb.database import Connection, query
from memdb.errors import DataError
from memdb.moving import arriving
from memdb.shape import UserKey
from memdb.target import Target

_TABLES = 2


def note(connection: Connection, place: Target, user: UserKey) -> bool:
    """Sees to it that no import brings the user back, where the set erasure is applied; whether it is."""
    if not _are_noted(connection, place, writing=True):
        return False
    connection.execute(place.query("forgetting", "note").encode(), {"user": str(user)})
    return True


def require_none(connection: Connection, place: Target, users: Collection[str]) -> None:
    """Raises DataError, which names those of these users who were forgotten here. Without the set erasure, nobody was.

    A transaction asks twice: first to refuse at once, and when its rows are stored. From then on nobody can forget
    their users until it ends, and whom it has waited for is known.
    """
    if not _are_noted(connection, place):
        return
    rows = connection.execute(place.query("forgetting", "forgotten").encode(), {"users": list(users)})
    if found := [user for (user,) in rows]:
        raise DataError(
            f"{arriving.named(found)} {'were' if found[1:] else 'was'} forgotten here",
            hint="Nothing was imported. Leave them out; if they have come back themselves, add --allow-forgotten.",
        )


def _are_noted(connection: Connection, place: Target, *, writing: bool = False) -> bool:
    """Whether the set erasure is applied. Raises DatabaseError where using its tables could run code of others."""
    tables = [oid for (oid,) in connection.execute(query("forgetting", "tombstones"), {"memories": place.memories})]
    if len(tables) < _TABLES:
        return False
    trust.require_owners(connection, tables, writing=writing)
    return True
