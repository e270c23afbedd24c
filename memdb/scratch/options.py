"""Where migrations are tried, and who has chosen that."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from memdb import addresses
from memdb.database import Connection, query
from memdb.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Options:
    """Where to try migrations, and what to run first.

    `url`: a server on which databases may be made; None: an embedded one, made for this. `setup`: a file of SQL for
    what migrations find in their real database. `on_start` hears where it is that they are tried. `of_project`: the
    server is named by the project that is tried, and not by whoever tries it.
    """

    url: str | None = field(default=None, repr=False)  # may hold a password
    setup: Path | None = None
    on_start: Callable[[str], None] = lambda _: None
    of_project: bool = False


def expect_own_password(options: Options, conninfo: str) -> None:
    """Raises SettingsError where the project's server would be sent the password that somebody has for another one."""
    if options.of_project and os.environ.get("PGPASSWORD") and not addresses.parameters(conninfo).get("password"):
        raise SettingsError(
            "scratch_url in memdb.toml has no password, and yours in PGPASSWORD is not for a server that others choose",
            hint="If it is, name the server yourself: --scratch-url or MEMDB_SCRATCH_URL. If not, unset PGPASSWORD.",
        )


def expect_lesser_rights(connection: Connection, options: Options) -> None:
    """Raises SettingsError where the files that are tried would choose to be run by a superuser.

    That holds for this connection only: another to the same address may lead to another server.
    """
    if not options.of_project:
        return
    if connection.value(query("scratch", "has_rights_of_server"), {"login": connection.info.user}):
        raise SettingsError(
            f"scratch_url in memdb.toml names a superuser, or a role that can become one or run programs "
            f"({connection.info.user}), and so could what is tried",
            hint="Name a role that has CREATEDB and is no superuser. If you trust the files, name the server "
            "yourself: --scratch-url or MEMDB_SCRATCH_URL.",
        )
