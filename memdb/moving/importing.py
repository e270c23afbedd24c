"""Memories of a file, stored whole or not at all."""

import json
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, get_args

import psycopg

from memdb import trust
from memdb.database import Connection, query
from memdb.errors import DatabaseError, DataError, UsageError
from memdb.moving import arriving, fitting, forgotten, storing, tables
from memdb.moving.arriving import Arrived
from memdb.moving.hooks import Hooks
from memdb.moving.statements import OnConflict
from memdb.moving.storing import Storing
from memdb.moving.tables import MEMORIES, Place
from memdb.reading.ahead import ahead
from memdb.shape import UserKey
from memdb.successor import TABLES

_IN_TIME = "Nothing was imported. Try again, or allow more time with --wait."


@dataclass(frozen=True, slots=True)
class Import:
    """What was stored: `memories` that are new or were overwritten; `already_there` were left as they are.

    `beside` counts rows of other tables. `notes` say how embeddings differ from those of the database. `seconds` are
    from the first look at the file to the commit.
    """

    memories: int
    already_there: int
    users: int
    users_created: int
    beside: dict[str, int]
    notes: tuple[str, ...]
    seconds: float


def store(
    connection: Connection,
    arrived: Arrived,
    *,
    on_conflict: OnConflict = "skip",
    map_users: Mapping[str, Any] | None = None,
    embeddings: bool = True,
    allow_forgotten: bool = False,
    hooks: Hooks | None = None,
) -> Import:
    """Stores all rows of the file in one transaction, or none. It may be repeated: then they are there already.

    `map_users` has, for each user of the file, who gets their memories. With "new-ids", rows get ids that follow from
    those of the file and from this mapping, the same each time.

    Raises DataError where the file does not fit, a user does not exist, or was forgotten unless `allow_forgotten`;
    DatabaseError where policies keep this role
    from storing memories of several users, or code of others could run.
    """
    if on_conflict not in get_args(OnConflict):
        raise UsageError(f"on_conflict is {on_conflict!r}", hint=f"Choose {', '.join(get_args(OnConflict))}.")
    started, hooks, file = time.perf_counter(), hooks or Hooks(), arrived.file
    hooks.on_start(sum(held.rows for held in file.header.tables.values()))
    with connection.in_time("what the import needs", lambda: _IN_TIME), connection.transaction():
        # What is waited for has to be seen afterwards, whatever the database's default.
        connection.execute("set transaction isolation level read committed")
        place = tables.enter(connection, writing=True)
        fitting.require(place, file, embeddings=embeddings)
        owners = arriving.owners(arrived, map_users, place.target.shape.users)
        keys = list(dict.fromkeys(owners.values()))
        _settle(connection, place, keys)
        named = () if allow_forgotten else {*owners, *map(str, keys)}
        forgotten.require_none(connection, place.target, named)
        users_created = _require_users(connection, place, keys)
        model = connection.value(place.target.query("moving", "model"), {"memories": place.target.memories})
        salt = "" if map_users is None else json.dumps({old: str(owners[old]) for old in sorted(owners)})
        connection.execute(query("moving", "look_up_by_key"))
        with_embeddings = embeddings and file.header.embedding is not None
        arrival = Storing(connection, place, file, owners, salt, on_conflict, with_embeddings)
        rows = (row for row in file.rows() if embeddings or not row.table.startswith(TABLES))
        with closing(ahead(storing.batches(rows))) as batches:
            for batch in batches:
                arrival.add(batch)
                hooks.on_progress(len(batch))
        forgotten.require_none(connection, place.target, named)
        forgotten.require_no_mention(connection, place.target, () if allow_forgotten else arrival.mentioned)
    seconds = arrived.seconds + time.perf_counter() - started
    with suppress(psycopg.errors.QueryCanceled):  # the rows are in; autovacuum has no limit
        connection.execute(place.target.query("seed", "vacuum"))
    memories = arrival.stored.pop(MEMORIES, 0)
    return Import(
        memories=memories,
        already_there=file.header.tables[MEMORIES].rows - memories,
        users=len(keys),
        users_created=users_created,
        beside=arrival.stored,
        notes=(*file.notes, *(fitting.notes(model, file) if with_embeddings else ())),
        seconds=seconds,
    )


def _settle(connection: Connection, place: Place, keys: list[UserKey]) -> None:
    """Sees to it that rows of these users may be stored, and run nobody else's code."""
    if place.is_hidden:
        if len(keys) > 1:
            raise DatabaseError(
                f"row-level security lets this role store memories of one user at a time, and these are of {len(keys)}",
                hint="Export each user alone (--user ID), or connect as a role with BYPASSRLS.",
            )
        tables.speak_for(connection, *keys)
    found = place.target
    names = [(found.schema, table.name) for table in place.tables]
    oids = [table.oid for table in place.tables]
    if found.users_may_be_made:
        names.append((found.users_schema or found.schema, found.users_table or "users"))
        oids.append(found.users or 0)
    trust.keep_triggers_away(connection, *names)
    trust.require_own_triggers(connection, oids)


def _require_users(connection: Connection, place: Place, keys: list[UserKey]) -> int:
    """Adds those who are missing to memdb's stand-in. Raises DataError, which names them, in an application's table."""
    found = place.target
    if found.users_may_be_made:
        return connection.execute(found.query("seed", "add_users").encode(), {"wanted": keys}).rowcount
    missing = [key for (key,) in connection.execute(found.query("seed", "missing_users").encode(), {"wanted": keys})]
    if missing:
        raise DataError(
            f"{arriving.named(missing)} {'are' if missing[1:] else 'is'} not among the users in {found.users_name}",
            hint="Nothing was imported. Add them in your application, or say who gets their memories: "
            "--map-users FILE.",
        )
    return 0
