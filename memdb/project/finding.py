"""The shape that memories are to have, by what an application's database holds already."""

from dataclasses import dataclass, replace

from memdb import database, shape, target, users
from memdb.database import Connection
from memdb.errors import DatabaseError, UsageError
from memdb.project.choosing import Wanted
from memdb.shape import DEFAULT, Shape, Users
from memdb.users import Candidate

LIKELY = ("users", '"user"', '"User"', '"Users"', "auth_user", "auth.users")
"""What applications call their users: Rails and most others, libraries of JavaScript, Django, Supabase."""

_OWN_SCHEMA = "give memdb a schema of its own: create schema memory, then --schema memory."
_HINT = "Leave the option out, or name another database with --database-url."


@dataclass(frozen=True, slots=True)
class Found:
    """What a database says of the shape, None where it says nothing; `notes` tell it, and what was passed over."""

    shape: Shape | None = None
    notes: tuple[str, ...] = ()


def look(connection: Connection, wanted: Wanted) -> Found:
    """The shape of the memories that are there, or else that for the users.

    Raises UsageError where the database contradicts what is wanted.
    """
    there = _of_memories(connection)
    if there is not None:
        _expect_same(there, wanted)
        return Found(there, (f"Found memories of {_described(there.users)}, with embeddings of {there.embedding}.",))
    return _with_users(connection, wanted, tuple(_foreign_memories(connection)))


def _of_memories(connection: Connection) -> Shape | None:
    """That of memories in another schema than was asked for says nothing: each copy of the tables has its own."""
    with connection.transaction(force_rollback=True):
        try:
            found = target.enter(connection)
            there = found.shape
        except (DatabaseError, UsageError):
            return None
    is_asked_for = connection.schema in (None, found.schema)
    return there if is_asked_for and _are_there(connection, there.users) else None


def _are_there(connection: Connection, owners: Users) -> bool:
    """Whether the ids in memories can be those of these users. Somebody else's memories may refer to nobody's."""
    found = users.candidates(connection, [owners.table], owners.key)
    return any(not one.problem and one.has_ids_for(owners.key_type) for one in found)


def _foreign_memories(connection: Connection) -> list[str]:
    """Those of another schema on the search_path are in nobody's way."""
    here = shape.quoted(database.target_schema(connection))
    return [
        f"The {other.kind} {other.table} in this database is not one that memdb made: it can neither use it nor make "
        f"its own beside it. {_OWN_SCHEMA[0].upper()}{_OWN_SCHEMA[1:]}"
        for other in users.candidates(connection, [f"{here}.memories"])
    ]


def _expect_same(there: Shape, wanted: Wanted) -> None:
    """That options do not contradict the memories that are there."""
    table, key = wanted.names
    asked = {
        "--users": (table and f"{table} ({key or there.users.key})", f"{there.users.table} ({there.users.key})"),
        "--user-id": (wanted.user_id and shape.user_type(wanted.user_id), there.users.key_type),
        "--dimensions": (wanted.dimensions and f"{wanted.dimensions}", f"{there.dimensions}"),
        "--embedding-type": (wanted.embedding_type, there.embedding_type),
    }
    for option, (given, found) in asked.items():
        if given is not None and given != found:
            raise UsageError(
                f"{option} is {given}, and the memories in this database are of {_described(there.users)}, "
                f"with embeddings of {there.embedding}",
                hint=_HINT,
            )


def _with_users(connection: Connection, wanted: Wanted, notes: tuple[str, ...]) -> Found:
    table, key = wanted.names
    candidates = users.candidates(connection, LIKELY if table is None else [table], key)
    for candidate in candidates:
        named = table is not None or candidate.table == DEFAULT.users.table
        if named and not candidate.problem and not _is_of_type(candidate, wanted):
            raise UsageError(
                f"--user-id is {wanted.user_id}, and {candidate.table}.{candidate.key} in this database is of the type "
                f"{candidate.key_type}",
                hint=_HINT,
            )
        if table is not None and candidate.problem:
            raise UsageError(candidate.problem, hint="Name another table, or column: --users 'TABLE (COLUMN)'.")
    chosen = next((one for one in candidates if not one.problem and _is_of_type(one, wanted)), None)
    passed = [one.problem or str(one) for one in candidates if one is not chosen]
    notes = (
        *notes,
        *([f"Found {chosen}."] if chosen else [f"There is no table {table} in this database."] if table else []),
        *([f"Not taken: {'; '.join(passed)}. {_way_out(connection, chosen)}"] if passed else []),
    )
    return Found(None if chosen is None else replace(DEFAULT, users=_users(chosen)), notes)


def _way_out(connection: Connection, chosen: Candidate | None) -> str:
    """What can be done for users that were not taken. Where nothing else was, memdb would make a table of that name."""
    here = f"{shape.quoted(database.target_schema(connection))}.{DEFAULT.users.table}"
    is_in_the_way = chosen is None and users.candidates(connection, [here])
    return f"Name another with --users 'TABLE (COLUMN)'{f', or {_OWN_SCHEMA}' if is_in_the_way else '.'}"


def _is_of_type(candidate: Candidate, wanted: Wanted) -> bool:
    return wanted.user_id is None or candidate.has_ids_for(wanted.user_id)


def _users(candidate: Candidate) -> Users:
    """A table `users` with a uuid `id` is what the SQL that memdb ships expects, so that is the default."""
    found = Users(candidate.table, candidate.key, shape.user_type(candidate.key_type or ""), may_be_made=True)
    return replace(found, may_be_made=candidate.is_stand_in or found == DEFAULT.users)


def _described(users: Users) -> str:
    return f"{users.table} ({users.key}), {users.key_type}"
