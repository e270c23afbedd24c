"""Where migrations are tried, and who has chosen that."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import make_conninfo

from memdb import addresses
from memdb.database import Connection, query
from memdb.errors import SettingsError

# What says where a server is, who asks, and how. The rest of libpq's parameters lead to files and services of whoever
# connects, or hand on their rights.
_PLAIN = """
    host hostaddr port dbname user password sslmode sslrootcert channel_binding connect_timeout keepalives options
    application_name client_encoding target_session_attrs load_balance_hosts
"""
_NO_FILE = f"{os.devnull}/none"  # of passwords: libpq passes over one that is not there, and an empty name is the usual
_NAME_IT = "If you trust that server, name it yourself: --scratch-url or MEMDB_SCRATCH_URL. If not, {otherwise}."


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


def address(options: Options, conninfo: str) -> str:
    """The address, by which a project's server is sent nothing that somebody has for another one.

    Raises SettingsError where it would be.
    """
    if not options.of_project:
        return conninfo
    given = addresses.parameters(conninfo)
    if others := sorted(given.keys() - set(_PLAIN.split())):
        raise SettingsError(
            f"scratch_url in memdb.toml has {others[0]}, by which it could have something of yours sent to its server",
            hint=_NAME_IT.format(otherwise="remove it"),
        )
    if given.get("password"):
        return conninfo
    if found := next(filter(os.environ.get, ("PGPASSWORD", "PGSERVICE")), None):
        raise SettingsError(
            f"scratch_url in memdb.toml has no password, and yours in {found} is not for a server that others choose",
            hint=_NAME_IT.format(otherwise=f"unset {found}"),
        )
    return make_conninfo(conninfo, passfile=_NO_FILE)


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
