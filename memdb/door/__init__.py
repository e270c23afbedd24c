"""The door: a database with the SQL files that belong to it, and what can be done with both.

The command line comes in here like everybody else. What a call needs is loaded when it is made.
"""

from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path

from memdb import settings
from memdb.door.memories import Memories
from memdb.door.place import log
from memdb.door.project import Project
from memdb.door.schema import Schema


def open(
    url: str | None = None,
    *,
    schema: str | None = None,
    sql_dir: str | PathLike[str] | None = None,
    sets: tuple[str, ...] = (),
    trusted_schemas: tuple[str, ...] = (),
    scratch_url: str | None = None,
    scratch_setup: str | PathLike[str] | None = None,
    directory: str | PathLike[str] | None = None,
    migrating: bool = True,
    on_message: Callable[[str], None] = log,
) -> "Database":
    """A database for `with`; what is not given is as for the command line, in memdb.toml, .env or the environment.

    `url` is "embedded" for the embedded PostgreSQL, whatever is set, and "temporary" for one that is gone at the end
    of the block. `directory` is where memdb.toml and .env are looked for, the current one by default.
    MEMDB_MIGRATION_URL comes before other addresses unless `migrating` is False. `on_message` hears what a terminal
    would show meanwhile; by default that goes to the logger "memdb".

    Connects when a call needs it. Raises SettingsError where a setting cannot be used.
    """
    where = None if directory is None else Path(directory)
    loaded = settings.load(
        sql_dir=None if sql_dir is None else Path(sql_dir),
        sets=tuple(sets),
        schema=schema,
        trusted_schemas=tuple(trusted_schemas),
        directory=where,
    )
    setup = None if scratch_setup is None else Path(scratch_setup)
    return Database(
        loaded,
        partial(settings.database, url, migrating=migrating, directory=where),
        partial(settings.scratch, url=scratch_url, setup=setup, directory=where),
        on_message=on_message,
    )


class Database(Schema, Memories, Project):
    """A database with the SQL files that belong to it. Made by memdb.open.

    Each call has a connection of its own, so that one Database can be kept for long and used by several threads. Calls
    raise the errors of memdb.errors: SetupError where the database or a file cannot be used, UsageError where what is
    given cannot be. `address` is where it leads, without the password; empty before the first connection.
    """
