"""The session in which migrations run: prepared once, and as clean for each file as for the first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from memdb import database, pooling
from memdb.database import OWN_NAMES, Connection, query
from memdb.errors import StatementFailed
from memdb.migrations import locking

# https://www.postgresql.org/docs/current/sql-discard.html: all of discard all, without pg_advisory_unlock_all().
_TRANSACTION_TIMEOUT_SINCE = 170000
_CLEAN = (
    "set session authorization default; reset role; close all; deallocate all; unlisten *; "
    "discard plans; discard temporary; discard sequences; reset all"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """`wait_seconds` is for all that others hold up; `lock_timeout_seconds` is how long others may be held up by us.

    `trusted_schemas` are those in which others may create, and a superuser may work all the same.
    """

    wait_seconds: float = 60
    lock_timeout_seconds: float = 3
    maintenance_work_mem: str | None = None
    parallel_workers: int | None = None
    trusted_schemas: tuple[str, ...] = ()


@contextmanager
def prepared(connection: Connection, limits: Limits) -> Iterator[None]:
    """While the block runs, the connection has what it needs to run migrations, and its names lead to pg_catalog alone.

    Raises SetupError behind a transaction pooler, where neither settings nor locks of a session hold.
    """
    pooling.require_session(connection, "a migration")
    database.take_own_names(connection)
    path = connection.search_path
    _set_limits(connection, limits)
    try:
        yield
    finally:
        connection.search_path = path
        with suppress(psycopg.OperationalError):
            database.give_names_back(connection)


def clean(connection: Connection, limits: Limits) -> None:
    """Ends what a file has left in its session (settings, roles, temporary tables, …), in a transaction or outside.

    What discard all does, but for the locks: the lock of migrations has to be kept.
    """
    connection.execute(f"{_CLEAN}; {OWN_NAMES}")
    connection.has_own_names = True
    _set_limits(connection, limits)
    locking.require_held(connection)


@contextmanager
def names_of_the_target(connection: Connection) -> Iterator[None]:
    """While the block runs, names lead where those of the user lead, and to the type vector, wherever that is."""
    names = database.names(connection)
    path = database.search_path(connection)
    schema = connection.value(query("session", "extension_schema"))
    if schema is not None and schema not in names.path:
        path += f", {sql.Identifier(schema).as_string()}"
    connection.execute("select set_config('search_path', %s, false)", [path])
    if connection.info.transaction_status == TransactionStatus.INTRANS:
        _tell_workers(connection, {"search_path": path})
    connection.has_own_names = False
    yield  # not taken back here: after an error the transaction is over, and with it the setting; else clean() follows


def take_time(connection: Connection) -> None:
    """Ends the time limits that a file has set: they are for its own statements, not for counting what it loses."""
    names = ["statement_timeout", "idle_in_transaction_session_timeout"]
    if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
        names.append("transaction_timeout")
    connection.execute("; ".join(f"set local {name} = 0" for name in names))


def reach_workers(connection: Connection, limits: Limits, *, shard_by_shard: bool) -> None:
    """In a transaction on a Citus cluster, has workers keep to the limits as well. `shard_by_shard`: each changes its
    shards one after another, on one connection.
    """
    settings = {
        "citus.multi_shard_modify_mode": "sequential" if shard_by_shard else "parallel",
        "lock_timeout": _lock_timeout(limits),
        "statement_timeout": "0",
    }
    if limits.maintenance_work_mem is not None:
        settings["maintenance_work_mem"] = limits.maintenance_work_mem
    _tell_workers(connection, settings)


def _tell_workers(connection: Connection, settings: dict[str, str]) -> None:
    if connection.has_citus:
        from memdb import distribution  # which nobody else has to load

        distribution.reach_workers(connection, settings)


def asks_for_shard_by_shard(error: StatementFailed) -> bool:
    """Whether Citus refuses a statement, such as a new function, after others have changed several shards at once."""
    return "citus.multi_shard_modify_mode" in error.said


def _lock_timeout(limits: Limits) -> str:
    return f"{database.milliseconds(min(limits.lock_timeout_seconds, limits.wait_seconds))}ms"


def _set_limits(connection: Connection, limits: Limits) -> None:
    values = {
        "lock_timeout": _lock_timeout(limits),
        "memory": limits.maintenance_work_mem,
        "workers": None if limits.parallel_workers is None else str(limits.parallel_workers),
    }
    connection.execute(query("session", "prepare"), values)


@contextmanager
def exclusive(connection: Connection, limits: Limits, on_wait: Callable[[str], None]) -> Iterator[None]:
    """A session prepared for migrations that holds their lock."""
    with (
        prepared(connection, limits),
        locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=on_wait),
    ):
        yield
