"""Where a set's functions are, for a transaction in which nobody else's code is called, and nothing is hidden."""

from dataclasses import dataclass

import psycopg

from memdb import target, trust
from memdb.addresses.refusals import READ_ONLY
from memdb.database import Connection, query
from memdb.errors import DatabaseError
from memdb.target import Target


@dataclass(frozen=True, slots=True)
class Needed:
    """The sets that a command needs, their functions, and the tables beside memories that these read and write.

    `called` are functions of other sets, which they call where these are applied.
    """

    sets: tuple[str, ...]
    functions: tuple[str, ...]
    tables: tuple[str, ...]
    called: tuple[str, ...] = ()


def begin_writing(connection: Connection) -> None:
    """For a transaction that has just begun: it writes, and sees what others commit meanwhile, whatever the defaults.

    Raises DatabaseError on a standby.
    """
    try:
        connection.execute("set transaction isolation level read committed, read write")
    except psycopg.errors.FeatureNotSupported:
        raise DatabaseError("nothing can be changed in this database: it is a standby", hint=READ_ONLY) from None


def enter(connection: Connection, needed: Needed, *, hidden: str = "", writing: bool = False) -> Target:
    """Where memories are. `hidden` says what would come of it if row-level security hid rows; nothing allows that.

    Raises DatabaseError where the sets are not applied, rows may be hidden, or somebody else's code would run.
    """
    found = target.enter(connection)
    tables = _tables(connection, found, needed, hidden)
    if writing:
        trust.keep_triggers_away(connection, (found.schema, "memories"))
        tables |= (along := trust.held_referrers(connection, [found.memories]))
        changed = [oid for oid, changes in along.items() if changes]
        trust.require_own_triggers(connection, [found.memories], along=changed)
    trust.require_owners(connection, [found.memories, *tables], writing=writing)
    return found


def _tables(connection: Connection, found: Target, needed: Needed, hidden: str) -> dict[int, bool]:
    given = {"memories": found.memories, "functions": list(needed.functions), "tables": list(needed.tables)}
    given["called"] = [*needed.functions, *needed.called]
    ((tables, functions, foreign, is_hidden),) = connection.execute(query("lifecycle", "surroundings"), given)
    if foreign:
        raise DatabaseError(
            f"the function {foreign[0]} beside memories belongs to somebody else than the table, and could run their "
            "code with your rights",
            hint="Find out who made it, and drop it.",
        )
    if functions < len(needed.functions):
        are, them = ("s {} are", "them") if len(needed.sets) > 1 else (" {} is", "it")
        named, chosen = " and ".join(needed.sets), " ".join(f"--with {x}" for x in needed.sets)
        raise DatabaseError(
            f"the set{are.format(named)} not applied, or only in part",
            hint=f"Apply {them} (memdb migrate {chosen}), or if that was done, see what is amiss: memdb verify-schema",
        )
    if is_hidden and hidden:
        raise DatabaseError(
            f"row-level security may hide memories from this role, so {hidden}",
            hint="Connect as a role with BYPASSRLS, or as the owner of the tables.",
        )
    return dict.fromkeys(tables, False)
