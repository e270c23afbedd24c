"""To whom rows belong that are loaded: to users who are there, and to those who may be added."""

from collections.abc import Mapping, Sequence

import psycopg

from memdb.database import Connection, query
from memdb.errors import DataError
from memdb.reading import keys
from memdb.reading.fields import excerpt
from memdb.shape import unquoted
from memdb.target import Target
from memdb.values import UserKey
from memdb.words import listed

_MOST_NAMES = 5


def add(connection: Connection, target: Target, wanted: Sequence[UserKey]) -> list[UserKey]:
    """Adds those who are not there, and returns them. Raises DataError where a user needs more than an id."""
    try:
        with connection.transaction():
            return [key for (key,) in connection.execute(target.query("seed", "add_users"), {"wanted": wanted})]
    except psycopg.errors.NotNullViolation as error:
        if error.diag.table_name != target.users_table:
            raise
    raise DataError(
        f"{target.users_name} needs a value for {_needed(connection, target)} in each row, which memdb does not know",
        hint="Add the users in your application, then load a file (--from) with their ids.",
    )


def _needed(connection: Connection, target: Target) -> str:
    """The columns that need a value beside the key; nothing where there are none, and ids alone can be added."""
    parameters = {"users": target.users, "key": unquoted(target.users_key)}
    return listed([name for (name,) in connection.execute(query("seed", "needed_columns"), parameters)])


def require(connection: Connection, target: Target, wanted: Sequence[UserKey], names: Mapping[UserKey, str]) -> None:
    """Raises DataError, which names them as their file does, where some are not there."""
    missing = [key for (key,) in connection.execute(target.query("seed", "missing_users"), {"wanted": wanted})]
    if not missing:
        return
    needed = _needed(connection, target)
    made = keys.kind(target.shape.users).made
    if any(made.has(key) and key not in names for key in missing):
        raise DataError(
            f"{target.users_name} is a table of your application, to which memdb adds no users by itself",
            hint="Load memories of users who are there, from a file (--from)"
            + (
                f". memdb cannot add users of its own, as each needs a value for {needed}."
                if needed
                else ", or allow memdb to add users of its own: --add-users. memdb seed --reset removes them again."
            ),
        )
    shown = [excerpt(names.get(key, key if isinstance(key, int | str) else str(key))) for key in missing[:_MOST_NAMES]]
    if len(missing) > _MOST_NAMES:
        shown.append("others")
    raise DataError(
        f"{listed(shown)} {'are' if len(missing) > 1 else 'is'} not among the users in {target.users_name}",
        hint="Add them in your application first"
        + (f"; each needs a value for {needed}." if needed else ", or have memdb add their ids: --add-users."),
    )
