"""Where migrations are tried, and who has chosen that."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from psycopg.conninfo import make_conninfo

from memdb import addresses, settings
from memdb.addresses import of_projects
from memdb.database import Connection, query
from memdb.errors import SettingsError

_SOURCE = "scratch_url in memdb.toml"
_YOURSELF = "If you trust the files, name the server yourself: --scratch-url or MEMDB_SCRATCH_URL."
_NO_FILE = f"{os.devnull}/none"  # of passwords: libpq passes over one that is not there, and an empty name is the usual


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

    @classmethod
    def of(cls, found: settings.Scratch, on_start: Callable[[str], None]) -> Self:
        """As they are set, and by whom."""
        return cls(found.url, found.setup, on_start, found.of_project)


def address(options: Options, conninfo: str) -> str:
    """The address, by which a project's server is sent nothing that somebody has for another one.

    Raises SettingsError where it would be.
    """
    if not options.of_project:
        return conninfo
    given = addresses.parameters(conninfo)
    of_projects.require_plain(given, _SOURCE)
    of_projects.require_own_password(given, _SOURCE)
    return make_conninfo(conninfo, passfile=_NO_FILE)


def expect_lesser_rights(connection: Connection, options: Options) -> None:
    """Raises SettingsError where the files that are tried would choose to be run by a superuser, or as somebody whom
    only the server takes whoever tries them for: a password in the address shows that the project has these rights.

    That holds for this connection only: another to the same address may lead to another server.
    """
    if not options.of_project:
        return
    if connection.value(query("scratch", "has_rights_of_server"), {"login": connection.info.user}):
        raise SettingsError(
            f"scratch_url in memdb.toml names a superuser, or a role that can become one or run programs "
            f"({connection.info.user}), and so could what is tried",
            hint=f"Name a role that has CREATEDB and is no superuser. {_YOURSELF}",
        )
    if not connection.pgconn.used_password:  # by the socket's peer, by trust, a certificate or a ticket
        raise SettingsError(
            "scratch_url in memdb.toml leads to a server that lets you in without a password of the project's: what is "
            "tried could drop or change what is yours there",
            hint=f"Have the server ask for a password, and write it into the address. {_YOURSELF}",
        )
