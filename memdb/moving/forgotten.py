"""Users who were forgotten, whom no import brings back by accident."""

from collections.abc import Collection

from memdb import trust
from memdb.database import Connection, query
from memdb.errors import DataError
from memdb.moving import arriving, tables
from memdb.shape import UserKey
from memdb.target import Target

_TABLES = 2


def note(connection: Connection, place: Target, user: UserKey) -> bool:
    """Sees to it that no import brings the user back, where the set erasure is applied; whether it is."""
    if not (tables := _tombstones(connection, place)):
        return False
    trust.require_owners(connection, tables, writing=True)
    connection.execute(place.query("forgetting", "note").encode(), {"user": str(user)})
    return True


def require_none(connection: Connection, place: Target, users: Collection[str]) -> None:
    """Raises DataError, which names those of these users who were forgotten here. Without the set erasure, nobody was.

    A transaction asks twice: first to refuse at once, and when its rows are stored. From then on nobody can forget
    their users until it ends, and whom it has waited for is known.
    """
    if found := _forgotten(connection, place, users):
        raise DataError(
            f"{arriving.named(found)} {'were' if found[1:] else 'was'} forgotten here",
            hint="Nothing was imported. To leave them out, import the file into an empty database, memdb export --user "
            "each of the others there, and import these files. If they came back themselves, add --allow-forgotten.",
        )


def require_no_mention(connection: Connection, place: Target, users: Collection[str]) -> None:
    """The same for users of whom a file has rows beside memories of others, such as comments."""
    if found := _forgotten(connection, place, users):
        raise DataError(
            f"the file has rows of {arriving.named(found)} beside memories of others, and they were forgotten here",
            hint="Nothing was imported. Import it into a database of its own, forget them there (memdb forget), and "
            "export it again; if they have come back themselves, add --allow-forgotten.",
        )


def _forgotten(connection: Connection, place: Target, users: Collection[str]) -> list[str]:
    if not (oids := _tombstones(connection, place)):
        return []
    trust.require_owners(connection, oids)
    asked = place.query("forgetting", "forgotten").encode()
    if not connection.value(query("forgetting", "hides_forgotten"), {"tables": oids}):
        return [user for (user,) in connection.execute(asked, {"users": list(users)})]
    return [user for user in sorted(users) if _spoken_for(connection, asked, user)]


def _tombstones(connection: Connection, place: Target) -> list[int]:
    """The tables of the set erasure; none where it is not applied."""
    oids = [oid for (oid,) in connection.execute(query("forgetting", "tombstones"), {"memories": place.memories})]
    return oids if len(oids) == _TABLES else []


def _spoken_for(connection: Connection, asked: bytes, user: str) -> bool:
    """Policies let a role see of the user it speaks for whether they were forgotten; then it speaks as before."""
    former = connection.value(query("forgetting", "spoken_for"))
    tables.speak_for(connection, user)
    found = connection.execute(asked, {"users": [user]}).fetchone()
    tables.speak_for(connection, former)
    return found is not None
