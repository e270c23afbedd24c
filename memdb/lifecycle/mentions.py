"""Rows of a user that the archive keeps beside memories of others, such as a comment: they are a user's, too."""

from memdb.database import Connection
from memdb.lifecycle.belongings import Belongings
from memdb.shape import UserKey

_ARCHIVE = "memory_archive"
_OWN = "memory_"


def count(connection: Connection, found: Belongings, user: UserKey, *, and_user: bool) -> dict[str, int]:
    """How many archived memories of others have some, by what has them; nothing where none has.

    Of the application's tables only `and_user`, as of the tables themselves.
    """
    rows = int(connection.value(*_asked(found, "mentioned", user, and_user=and_user))) if _place(found) else 0
    return {f"{_place(found)}.beside": rows} if rows else {}


def take_out(connection: Connection, found: Belongings, user: UserKey, *, and_user: bool) -> dict[str, int]:
    """Deletes them, and returns the same of what it has changed."""
    rows = connection.execute(*_asked(found, "take_out", user, and_user=and_user)).rowcount if _place(found) else 0
    return {f"{_place(found)}.beside": rows} if rows else {}


def _place(found: Belongings) -> str | None:
    return next((str(holder) for holder in found.holders.values() if holder.is_own and holder.name == _ARCHIVE), None)


def _asked(found: Belongings, block: str, user: UserKey, *, and_user: bool) -> tuple[bytes, dict[str, object]]:
    statement = found.target.query("forgetting", block).encode()
    return statement, {"user": user, "prefix": "" if and_user else _OWN}
