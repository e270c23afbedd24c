"""The public API: a database, the SQL files that belong to it, and what can be done with both.

The command line uses it as well. Modules are loaded by the first call that needs them.
"""

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

from memdb import settings
from memdb.door.embeddings import Embeddings
from memdb.door.lifecycle import Lifecycle
from memdb.door.memories import Memories
from memdb.door.place import log
from memdb.door.project import Project
from memdb.door.schema import Schema
from memdb.door.state import State


def open(
    url: str | None = None,
    *,
    schema: str | None = None,
    sql_dir: str | PathLike[str] | None = None,
    sets: Sequence[str] = (),
    trusted_schemas: Sequence[str] = (),
    scratch_url: str | None = None,
    scratch_setup: str | PathLike[str] | None = None,
    directory: str | PathLike[str] | None = None,
    migrating: bool = True,
    on_message: Callable[[str], None] = log,
) -> "Database":
    """A database for a `with` block. Defaults come from memdb.toml, .env and the environment, as for the command line.

    `url` may be "embedded" for the embedded PostgreSQL, whatever the settings say, or "temporary" for one that is
    deleted at the end of the block. `directory` is where memdb.toml and .env are, by default the current one.
    MEMDB_MIGRATION_URL takes precedence over other addresses unless `migrating` is False. `on_message` is called with
    each message that a terminal would show; by default, messages go to the logger "memdb".

    Connects when a call needs it. Raises SettingsError if a setting cannot be used.
    """
    where = None if directory is None else Path(directory)
    loaded = settings.load(
        sql_dir=None if sql_dir is None else Path(sql_dir),
        sets=_names(sets),
        schema=schema,
        trusted_schemas=_names(trusted_schemas),
        directory=where,
    )
    setup = None if scratch_setup is None else Path(scratch_setup)
    return Database(
        loaded,
        partial(settings.database, url, migrating=migrating, directory=where),
        partial(settings.scratch, url=scratch_url, setup=setup, directory=where),
        on_message=on_message,
    )


def _names(given: Sequence[str]) -> tuple[str, ...]:
    """A single name is no sequence of letters."""
    return (given,) if isinstance(given, str) else tuple(given)


class Database(Schema, Memories, Lifecycle, Embeddings, Project, State):
    """A database with the SQL files that belong to it. Made by memdb.open.

    Each call has its own connection, so one Database can be kept for a long time and used by several threads. Calls
    raise the errors of memdb.errors: SetupError if the database or a file cannot be used, UsageError if an argument
    cannot. `address` is the address of the database, without the password; empty before the first connection.
    """
