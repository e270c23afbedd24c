"""What loading and removing begin with: the tables are found and locked, and run nobody else's code."""

from memdb import distribution, target, trust
from memdb.database import Connection, query
from memdb.errors import DatabaseError
from memdb.seeding import waiting
from memdb.target import Target


def begin(connection: Connection, wait_seconds: float, *, add_users: bool = True) -> Target:
    """Turns a transaction that has just begun into one that may change seeded rows.

    An application's own users are only read, which any role may do that may read them, unless `add_users`.

    Raises DatabaseError where there are no tables, rows may be hidden, or somebody else's code would run with this
    role's rights; LockTimeout where others load, remove or alter rows or tables for so long.
    """
    # What was waited for has to be seen afterwards, whatever the database's default.
    connection.execute("set transaction isolation level read committed")
    found = target.enter(connection)
    if found.users is None:
        raise DatabaseError("the table users does not exist", hint="Create it with: memdb migrate")
    connection.execute(query("seed", "settings"))
    distribution.keep_copies_writable(connection, found.users)
    _check_visibility(connection, found)
    writes_users = add_users or found.users_may_be_made
    for lock in ("one_at_a_time", *(["keep_triggers_away"] if writes_users else [])):
        waiting.take(connection, found, lock, wait_seconds)
    waiting.limit(connection, wait_seconds)
    trust.require_owners(connection, [found.memories, found.users], writing=True)
    trust.require_own_triggers(connection, [found.memories, *([found.users] if writes_users else [])])
    return found


def _check_visibility(connection: Connection, target: Target) -> None:
    hiding = [table for (table,) in connection.execute(query("seed", "hiding"), _oids(target))]
    if hiding:
        raise DatabaseError(
            f"row-level security may hide rows of {' and '.join(hiding)} from this role",
            hint="Nothing was changed, and nothing counted. Connect as a role with BYPASSRLS, or as a superuser "
            "where one owns the tables.",
        )


def _oids(target: Target) -> dict[str, int | None]:
    return {"memories": target.memories, "users": target.users}
