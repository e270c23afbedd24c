"""Deleting all that is a user's, and proving that it is gone."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from memdb import target, trust, users
from memdb.database import Connection, query
from memdb.errors import DatabaseError, DataError
from memdb.lifecycle import belongings, entering, mentions, proving, remaining, repeating, surveying
from memdb.lifecycle.belongings import Belongings, Conditions
from memdb.lifecycle.mentions import Mentions
from memdb.lifecycle.remaining import Remains
from memdb.lifecycle.surveying import Survey
from memdb.moving import forgotten
from memdb.shape import UserKey
from memdb.words import count, listed


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was `deleted`, in rows by table; in a dry run, what would be.

    `detached` are rows of other tables that do not refer to it any more, as their foreign keys say. `left` are rows of
    the application that lead to the user; `user_left` says that their own row is there, too. `looked_into` are the
    tables that were searched, afterwards they hold nothing of the user but what is `left`; `unseen` are those that this
    role may not read, and `unlike` those whose user_id is of a type unlike the ids of users. `is_noted` says that an
    import will not bring the user back. `remains` is where copies may still be.
    """

    user: UserKey
    dry_run: bool
    deleted: dict[str, int]
    detached: dict[str, int]
    left: dict[str, int]
    user_left: bool
    looked_into: tuple[str, ...]
    unseen: tuple[str, ...]
    unlike: tuple[str, ...]
    is_noted: bool
    remains: Remains | None
    seconds: float


def would_forget(connection: Connection, user: object, *, and_user: bool = False) -> Forgetting:
    """What forget would delete now. Reads only, and raises as forget does."""
    started = time.monotonic()
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found, key = _enter(connection, user)
        survey = _survey(connection, found, found.going(and_user=and_user), key)
        is_there = connection.execute(found.target.query("forgetting", "user").encode(), {"user": key}).rowcount > 0
        mentioned = mentions.find(survey, and_user=and_user).count()
        told = _told(survey, survey.deleted, mentioned, is_there=is_there)
    return replace(told, left=survey.left, seconds=time.monotonic() - started)


def forget(connection: Connection, user: object, *, and_user: bool = False) -> Forgetting:
    """Deletes all rows of the user in memdb's tables, and what refers to them with `on delete cascade`, in one
    transaction; with `and_user`, their own row, too, and what the application lets go with it.

    What is stored for them meanwhile waits until it has ended. Where others hold what it waits for, and wait for it, it
    begins again.

    Raises UsageError for what is no key of a user, DataError for somebody of whom nothing is there; DatabaseError where
    rows of other tables are in the way, row-level security hides some, somebody else's code would run, or a row of the
    user is left: then all of it stays. LockTimeout where others hold a lock for too long.
    """
    started = time.monotonic()
    with _prompt(connection):
        told = repeating.after_deadlocks(lambda: _forget(connection, user, and_user=and_user))
    return replace(told, seconds=time.monotonic() - started)


def _forget(connection: Connection, user: object, *, and_user: bool) -> Forgetting:
    with connection.transaction():
        entering.begin_writing(connection)
        found, key = _enter(connection, user)
        found, going = _held(connection, found, and_user=and_user)
        survey = _survey(connection, found, going, key)
        is_there = _locked(connection, found, key)
        deleted, mentioned = survey.deleted, mentions.find(survey, and_user=and_user)
        told = _told(survey, deleted, mentioned.count(), is_there=is_there)
        filled = [oid for oid, rows in deleted.items() if rows]
        before = _deletions(survey)
        with proving.remembering(survey, filled) as proof:
            taken_out = _delete(survey, mentioned, and_user=and_user)
            proof.require_gone()
            mentioned.require_none()
            _require_no_more(survey, deleted, before)
        return replace(
            told,
            dry_run=False,
            deleted=told.deleted | taken_out,
            left=survey.left,
            is_noted=forgotten.note(connection, found.target, key),
            remains=remaining.find(connection, filled),
        )


@contextmanager
def _prompt(connection: Connection) -> Iterator[None]:
    """Raises LockTimeout where others are in the way, DatabaseError where foreign keys or triggers are."""
    hint = "Nothing was deleted. Try again, or allow more time with --wait."
    try:
        with connection.in_time("what is to be deleted", lambda: hint):
            yield
    except psycopg.IntegrityError as error:
        raise DatabaseError(
            f"the database refuses it: {error.diag.message_primary}",
            hint="Nothing was deleted. Foreign keys or triggers of the application are in the way: see what is to "
            "become of these rows, or make the keys deferrable, then run it again.",
        ) from None


def _enter(connection: Connection, user: object) -> tuple[Belongings, UserKey]:
    place = target.enter(connection)
    key = users.asking(user, place.shape.users)
    if place.users is None:
        raise DatabaseError(f"the table {place.users_name} does not exist", hint="Create it with: memdb migrate")
    connection.execute(query("moving", "settings"))  # a limit meant for an application's queries is too short here
    return belongings.find(connection, place), key


def _held(connection: Connection, found: Belongings, *, and_user: bool) -> tuple[Belongings, Conditions]:
    """The same with what was added until now, since when nobody can add a trigger or a foreign key."""
    written = [found.users, *(found.holders[oid] for oid in found.own)]
    trust.keep_triggers_away(connection, *((holder.schema, holder.name) for holder in written))
    found = belongings.find(connection, found.target)
    roots = [*found.own, *(found.user if and_user else ())]
    along = [oid for oid, changes in trust.held_referrers(connection, roots).items() if changes]
    trust.require_own_triggers(connection, roots, along=along)
    going = found.going(and_user=and_user)
    trust.require_owners(connection, [found.users.oid, *going, *along], writing=True)
    return found, going


def _survey(connection: Connection, found: Belongings, going: Conditions, user: UserKey) -> Survey:
    """Raises DatabaseError where rows that are to go may be hidden from this role."""
    hidden = [
        str(found.holders[oid]) for oid in dict.fromkeys([found.users.oid, *going]) if found.holders[oid].is_hidden
    ]
    if hidden:
        raise DatabaseError(
            f"row-level security may hide rows of {listed(hidden)} from this role, so nothing could be proved",
            hint="Connect as a role with BYPASSRLS, or as the owner of the tables where they are not held to policies.",
        )
    trust.require_owners(connection, [found.users.oid, *going])
    known = [found.target.memories, found.target.users]
    trust.require_no_strangers(connection, [oid for oid, holder in found.holders.items() if holder.is_own], known)
    return surveying.survey(connection, found, going, user)


def _locked(connection: Connection, found: Belongings, user: UserKey) -> bool:
    """Whether there is such a user. Nothing new can refer to them or to their memories from now on."""
    statements = [found.target.query("forgetting", block).encode() for block in ("lock_user", "lock_memories")]
    is_there, _ = (connection.execute(statement, {"user": user}).rowcount > 0 for statement in statements)
    return is_there


def _told(survey: Survey, deleted: Mapping[int, int], mentioned: Mapping[str, int], *, is_there: bool) -> Forgetting:
    """Raises DataError where there is nothing of the user, DatabaseError where other rows are in the way."""
    found = survey.found
    if not is_there and not mentioned and not any(deleted.values()):
        raise DataError(
            f"there is no user {survey.user} in {found.target.users_name}, and nothing of theirs in memdb's tables",
            hint="Check the id.",
        )
    if others := survey.others:
        raise _others_would_go(listed([f"{count(rows, 'row')} of {name}" for name, rows in others.items()]))
    if blocking := survey.in_the_way:
        named = listed([f"{count(rows, 'row')} of {name}" for name, rows in blocking.items()])
        raise DatabaseError(
            f"{named} would be left with nothing to refer to, so nothing was deleted",
            hint="They are the application's: see what is to become of them, then run it again.",
        )
    return Forgetting(
        user=survey.user,
        dry_run=True,
        deleted={str(found.holders[oid]): rows for oid, rows in deleted.items()} | dict(mentioned),
        detached=survey.detached,
        left={},
        user_left=is_there and found.users.oid not in survey.going,
        looked_into=tuple(str(found.holders[oid]) for oid in found.holders if oid in survey.seen),
        unseen=survey.unseen,
        unlike=tuple(found.unlike),
        is_noted=False,
        remains=None,
        seconds=0,
    )


def _deletions(survey: Survey) -> dict[int, int]:
    """How many users and memories this session has deleted. Raises DatabaseError where the server does not count."""
    block = query("forgetting", "rows_deleted")
    counts = {oid: survey.connection.value(block, {"table": oid}) for oid in survey.found.persons}
    if None in counts.values():
        raise DatabaseError(
            "the server does not count what is deleted (track_counts), so rows of others could go along unnoticed",
            hint="Nothing was deleted. Have a superuser set track_counts = on for this role or database.",
        )
    return counts


def _require_no_more(survey: Survey, deleted: Mapping[int, int], before: Mapping[int, int]) -> None:
    """Raises DatabaseError where more users or memories were deleted than this user's: by a trigger, or far along."""
    for oid, rows in _deletions(survey).items():
        if more := max(rows - before[oid] - deleted.get(oid, 0), 0):
            raise _others_would_go(f"{count(more, 'row')} of {survey.found.holders[oid]}")


def _others_would_go(rows: str) -> DatabaseError:
    return DatabaseError(
        f"rows that are not to go would be deleted along, so nothing was deleted: {rows}",
        hint="Foreign keys with on delete cascade, or triggers, lead there from this user's rows. See what is to "
        "become of those rows, then run it again. The user's own row goes with --and-user.",
    )


def _delete(survey: Survey, mentioned: Mentions, *, and_user: bool) -> dict[str, int]:
    """Returns in how much of the archive of others the user was mentioned."""
    for oid, meant in survey.found.first(and_user=and_user).items():
        statement = sql.SQL("delete from {} where {}").format(survey.found.holders[oid].identifier, meant)
        survey.connection.execute(statement, {"user": survey.user})
    taken_out = mentioned.take_out()
    # A trigger that waits for the commit could store some again.
    survey.connection.execute("set constraints all immediate")
    return taken_out
