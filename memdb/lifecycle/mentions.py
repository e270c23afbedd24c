"""Rows of a user that the archive keeps beside memories of others, such as a comment: they are a user's, too."""

from memdb import shape
from memdb.database import Connection, query
from memdb.lifecycle.belongings import Belongings
from memdb.shape import UserKey

_ARCHIVE = "memory_archive"
_OWN = "memory_"


def count(connection: Connection, found: Belongings, user: UserKey, *, and_user: bool) -> dict[str, int]:
    """How many archived memories of others have some, by what has them; nothing where none has.

    Of the application's tables only `and_user`, as of the tables themselves.
    """
    if not (place := _place(found)):
        return {}
    rows = int(connection.value(*_asked(connection, found, "mentioned", user, and_user=and_user)))
    return {f"{place}.beside": rows} if rows else {}


def take_out(connection: Connection, found: Belongings, user: UserKey, *, and_user: bool) -> dict[str, int]:
    """Deletes them, and returns the same of what it has changed."""
    if not (place := _place(found)):
        return {}
    rows = connection.execute(*_asked(connection, found, "take_out", user, and_user=and_user)).rowcount
    return {f"{place}.beside": rows} if rows else {}


def _place(found: Belongings) -> str | None:
    return next((str(holder) for holder in found.holders.values() if holder.is_own and holder.name == _ARCHIVE), None)


def _asked(
    connection: Connection, found: Belongings, block: str, user: UserKey, *, and_user: bool
) -> tuple[bytes, dict[str, object]]:
    place = found.target
    users = {"memories": place.memories, "users": place.users, "key": shape.unquoted(place.users_key)}
    authors = connection.execute(query("forgetting", "authors"), users | {"and_user": and_user}).fetchall()
    given = {"places": [key for key, _ in authors], "names": [name for _, name in authors]}
    return place.query("forgetting", block).encode(), {"user": user, "prefix": "" if and_user else _OWN, **given}
