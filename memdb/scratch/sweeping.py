"""Dropping what trials have made on a server, also where memdb was killed, and whatever migrations have left in it."""

import time
from collections.abc import Collection
from contextlib import suppress
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memdb import database
from memdb.catalog import shared
from memdb.database import Connection
from memdb.errors import MemdbError

_PATIENCE_SECONDS = 20
_PAUSE_SECONDS = 0.2
# What a client that was killed has asked for goes on.
_CREATING = """
select from pg_catalog.pg_stat_activity
where usename operator(pg_catalog.=) current_user and state operator(pg_catalog.=) 'active'
    and query operator(pg_catalog.~~) 'create database "memdb_scratch_%'
"""
_SUBSCRIPTIONS = """
select subname from pg_catalog.pg_subscription
where subdbid operator(pg_catalog.=) (
    select oid from pg_catalog.pg_database
    where datname operator(pg_catalog.=) pg_catalog.current_database()
)
"""

Kind = Literal["database", "role"]


def sweep(conninfo: str, *made: tuple[Kind, str]) -> None:
    """Drops what a memdb that is gone has left on a server that is not ours, as soon as that can be reached."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(MemdbError), database.connect(conninfo, purpose="scratch") as admin:
            while admin.execute(_CREATING).fetchone() and time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
            for kind, name in made:
                if kind == "database":
                    with suppress(MemdbError, psycopg.DatabaseError):
                        drop_database(admin, conninfo, name)
            with suppress(psycopg.DatabaseError):  # which may have had rights in the databases
                drop_roles(admin, [name for kind, name in made if kind == "role"])
            return
        time.sleep(_PAUSE_SECONDS)


def roles(connection: Connection) -> frozenset[str]:
    """The names of all roles of a server."""
    return shared.roles(shared.read(connection))


def drop_roles(admin: Connection, names: Collection[str]) -> None:
    """Drops them at once: one may have granted another to a third. Raises psycopg.Error."""
    if names:
        listed = sql.SQL(", ").join(map(sql.Identifier, sorted(names)))
        admin.execute(sql.SQL("drop role if exists {}").format(listed))


def drop_database(admin: Connection, conninfo: str, name: str) -> None:
    """Drops a temporary database, whatever is going on in it. Raises psycopg.Error."""
    statement = sql.SQL("drop database if exists {}").format(sql.Identifier(name))
    by_force = statement + sql.SQL(" with (force)")
    try:
        admin.execute(by_force)
    except psycopg.errors.InsufficientPrivilege:  # to end autovacuum, or a superuser's session that is about to go
        admin.execute(statement)  # waits some seconds for those, and has autovacuum end
    except psycopg.errors.ObjectInUse:  # even by force
        with database.connect(make_conninfo(conninfo, dbname=name), purpose="scratch") as inside:
            _end_subscriptions(inside)
        admin.execute(by_force)


def _end_subscriptions(connection: Connection) -> None:
    """What they have on the server that they subscribe to stays: it may be another database's."""
    for (name,) in connection.execute(_SUBSCRIPTIONS).fetchall():
        for statement in ("alter {} disable", "alter {} set (slot_name = none)", "drop {}"):
            subscription = sql.SQL("subscription {}").format(sql.Identifier(name))
            connection.execute(sql.SQL(statement).format(subscription))
