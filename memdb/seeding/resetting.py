"""Removes what was seeded, which is told by its ids, and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from memdb import distribution, trust
from memdb.database import Connection, query
from memdb.reading import ids, keys
from memdb.reading.keys import Kind, Made
from memdb.seeding import beginning, waiting
from memdb.shape import USER_TYPES, unquoted
from memdb.successor import TABLES
from memdb.target import Target
from memdb.values import UserKey


@dataclass(frozen=True, slots=True)
class Reset:
    """What was removed. `memories_kept` and `users_kept` are seeded, but something else belongs to them.

    `notes` are sentences on what may have been seeded, but cannot be told from an application's rows.
    """

    memories: int
    users: int
    memories_kept: int
    users_kept: int = 0
    notes: tuple[str, ...] = ()


def reset(
    connection: Connection,
    *,
    wait_seconds: float = waiting.WAIT_SECONDS,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Reset:
    """Removes the seeded memories and users to which nothing else refers, in one transaction.

    A memory stays where a row of another table has its id, a user also where it has memories that were not seeded, or
    values that seeding did not put there. Embeddings beside memories do not keep them. References without a foreign key
    are found in columns of the types of their ids that this role may read, in tables whose owners it trusts. Raises
    DatabaseError where rows might be hidden from this role, or somebody else's code would run, LockTimeout after
    `wait_seconds`.
    """
    with waiting.patience(connection, seconds=wait_seconds, on_wait=on_wait), connection.transaction():
        target = beginning.begin(connection, wait_seconds)
        _require_trust(connection, target)
        kind = keys.kind(target.shape.users)
        users = [key for key in _locked_users(connection, target, kind) if kind.made.has(key)]
        memories = _remove_memories(connection, target)
        removed = _remove_users(connection, target, kind, users)
        kept = connection.execute(target.query("seed", "remaining_memories"), _between(ids.MEMORIES)).rowcount
        notes = _notes(connection, target)
    return Reset(memories, removed, kept, len(users) - removed, notes)


def _between(made: Made) -> dict[str, UserKey]:
    return {"first": made.first, "last": made.last}


def _types(python_type: type) -> list[str]:
    """Those whose columns may hold the ids, as a foreign key would allow."""
    return [name for name, made in USER_TYPES.items() if made is python_type]


def _require_trust(connection: Connection, target: Target) -> None:
    """Raises DatabaseError where the tables that refer to these two could run somebody else's code."""
    tables = [target.memories, target.users]
    referrers = trust.referrers(connection, tables)
    trust.require_owners(connection, referrers)
    trust.require_own_triggers(connection, tables, along=[oid for oid, changes in referrers.items() if changes])
    trust.require_no_strangers(connection, referrers, tables)


def _locked_users(connection: Connection, target: Target, kind: Kind) -> list[Any]:
    """Those with ids that seeding makes; nothing can come to refer to them from now on."""
    ordered = ["pg_catalog", kind.ordered]
    if target.users is None or not distribution.is_spread(connection, target.users):
        lock = target.query("seed", "lock_users", ordered=ordered)
        return [key for (key,) in connection.execute(lock, _between(kind.made))]
    found = connection.execute(target.query("seed", "seeded_users", ordered=ordered), _between(kind.made))
    seeded = [key for (key,) in found]
    return list(_locked(connection, target, target.users, "lock_users_of_shard", seeded, {}))


def _lock_memories(connection: Connection, target: Target) -> None:
    between = _between(ids.MEMORIES)
    if not distribution.is_spread(connection, target.memories):
        connection.execute(target.query("seed", "lock_memories"), between)
        return
    owners = [key for (key,) in connection.execute(target.query("seed", "owners_of_memories"), between)]
    list(_locked(connection, target, target.memories, "lock_memories_of_shard", owners, between))


def _locked(
    connection: Connection, target: Target, table: int, block: str, users: list[Any], given: dict[str, Any]
) -> Iterator[Any]:
    """Locks rows of these users, those of one shard at a time, and returns their keys."""
    for of_shard in distribution.by_shard(connection, table, users, ["pg_catalog", target.user_type_name]):
        yield from (key for (key,) in connection.execute(target.query("seed", block), given | {"ids": of_shard}))


def _remove_memories(connection: Connection, target: Target) -> int:
    conditions = _not_referenced(connection, target, target.memories)
    if conditions:  # or a row that comes to refer to one meanwhile would go with it
        _lock_memories(connection, target)
    statement = " and ".join([target.query("seed", "remove_memories"), *conditions])
    mentioned = _mentioned(connection, target, keys.KINDS["uuid"], ids.MEMORIES)
    return connection.execute(statement, _between(ids.MEMORIES) | {"mentioned": mentioned}).rowcount


def _remove_users(connection: Connection, target: Target, kind: Kind, users: list[Any]) -> int:
    of_table = {"users": target.users, "key": unquoted(target.users_key)}
    as_it_was_made = connection.value(query("seed", "as_it_was_made"), of_table)
    mentioned = _mentioned(connection, target, kind, kind.made)
    if distribution.is_copied(connection, target.users or 0):
        block, conditions = "remove_copied_users", [_escaped(as_it_was_made)]
        mentioned += _of_columns(
            connection, connection.execute(query("seed", "referring_columns"), [target.users]), kind, kind.made
        )
    else:
        not_referenced = _not_referenced(connection, target, target.users)
        block, conditions = "remove_users", [*not_referenced, _escaped(as_it_was_made)]
    statement = " and ".join([target.query("seed", block), *conditions])
    return connection.execute(statement, {"ids": users, "mentioned": mentioned}).rowcount


def _not_referenced(connection: Connection, target: Target, table: int | None) -> list[str]:
    """Conditions under which no row of another table would be deleted with a row, or stand in the way."""
    given = {"table": table, "memories": target.memories, "beside": TABLES}
    return [_escaped(condition) for (condition,) in connection.execute(query("seed", "not_referenced"), given)]


def _escaped(condition: str) -> str:
    return condition.replace("%", "%%")


def _mentioned(connection: Connection, target: Target, kind: Kind, made: Made) -> list[Any]:
    """Seeded ids in columns that have no foreign key to say so. Raises DatabaseError like trust.require_owners."""
    types = _types(type(made.first))
    tables = {"memories": target.memories, "users": target.users, "types": types}
    columns = connection.execute(query("seed", "columns_that_may_refer"), tables).fetchall()
    of_others = trust.of_strangers(connection, {oid for oid, *_ in columns}, [target.memories, target.users])
    columns = [column for column in columns if column[0] not in of_others]
    trust.require_owners(connection, {oid for oid, *_ in columns})
    return _of_columns(connection, (names for _, *names in columns), kind, made)


def _of_columns(connection: Connection, columns: Iterable[Sequence[str]], kind: Kind, made: Made) -> list[Any]:
    """The seeded ids in columns, given by schema, table and name."""
    found: set[Any] = set()
    for schema, table, column in list(columns):
        ordered = ["pg_catalog", kind.ordered]
        statement = query("seed", "mentioned", table=[schema, table], column=[column], ordered=ordered)
        found.update(id for (id,) in connection.execute(statement, _between(made)))
    return list(found)


def _notes(connection: Connection, target: Target) -> tuple[str, ...]:
    marked = target.query("seed", "marked_by_earlier_versions")
    ((memories, users, statement),) = connection.execute(marked, {"memories": target.memories})
    if not memories:
        return ()
    note = (
        f"{memories:,} memories say in their metadata that an earlier memdb seeded them, and {users:,} of their users "
        f"say the same. Anyone who writes metadata can say so, so they stay. To look at them: {statement}"
    )
    return (note,)
