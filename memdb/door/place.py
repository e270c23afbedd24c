"""Which database a Database is, and the files that belong to it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Self

from memdb import addresses, database, settings
from memdb.addresses import of_projects
from memdb.database import Connection
from memdb.door import lazy
from memdb.errors import MemdbError, UsageError

if TYPE_CHECKING:
    from memdb import scratch
    from memdb.ledger.sqlfiles import Sets
    from memdb.verification.snapshot import Patches

_EMBEDDED, _TEMPORARY = "embedded", "temporary"

log = logging.getLogger("memdb").info


class Place:
    """A database by its settings; each use opens a connection of its own."""

    def __init__(
        self,
        loaded: settings.Settings,
        find: Callable[[], settings.Database],
        find_scratch: Callable[[], settings.Scratch] = settings.Scratch,
        *,
        on_message: Callable[[str], None] = log,
    ) -> None:
        self.settings = loaded
        self.address = ""
        self.say = on_message
        self._find, self._find_scratch = find, find_scratch
        self._settled: settings.Database | None = None
        self._settling = Lock()
        self._until_closed = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops a temporary server. Nothing else is kept from call to call."""
        self._until_closed.close()

    @property
    def sets(self) -> "Sets":
        """The migrations of the SQL directory, as its files are now."""
        return lazy.sqlfiles.read_sets(self.settings.sql_dir)

    @property
    def expected(self) -> "Patches":
        """The snapshot of the SQL directory: what each migration creates."""
        return lazy.snapshot.read(self.settings.sql_dir)

    @property
    def trial(self) -> "scratch.Options":
        """Where migrations are tried."""
        return lazy.scratch.Options.of(self._find_scratch(), self.say)

    @property
    def is_embedded(self) -> bool:
        """Whether it is the embedded PostgreSQL, which keeps running."""
        return self._chosen.url is None

    @contextmanager
    def connected(self, purpose: str, *, losing: bool = False, wait_seconds: float = 60) -> Iterator[Connection]:
        """A connection for a block; errors of the driver become errors of memdb.

        `wait_seconds` is how long reading waits for locks of others.
        With `losing`, raises UsageError if two settings name different databases.
        """
        chosen = self._chosen
        conninfo, server = database.resolve(chosen.url)
        if chosen.of_project:
            _require_harmless(conninfo, chosen.source)
        is_new = not self.address
        if server is not None and server.is_new:
            self.say(f"Started {server.description} (stop it with: memdb db stop).")
        with database.connect(conninfo, purpose=purpose, schema=self.settings.schema) as connection:
            connection.wait_seconds = wait_seconds
            self.address = server.description if server else database.describe(connection)
            dispute = _dispute(self.address, chosen)
            if dispute and is_new:
                self.say(f"Using {self.address}: {dispute}.")
            try:
                if dispute and losing:
                    raise UsageError(
                        f"two settings name different databases: {dispute}",
                        hint="Choose one with --database-url.",
                    )
                yield connection
            except MemdbError as error:
                error.address = self.address
                raise

    @property
    def _chosen(self) -> settings.Database:
        """What is meant is settled once, by whichever thread needs it first, whatever becomes of the environment."""
        with self._settling:
            if self._settled is None:
                self._settled = self._settle()
            return self._settled

    def _settle(self) -> settings.Database:
        chosen = self._find()
        if chosen.url == _EMBEDDED:
            return settings.Database()
        if chosen.url != _TEMPORARY:
            return chosen
        server = self._until_closed.enter_context(lazy.embedded.temporary())
        return settings.Database(server.url(), _TEMPORARY)


def _require_harmless(conninfo: str, source: str) -> None:
    values = addresses.parameters(conninfo)
    of_projects.require_plain(values, source)
    if {"host", "port"} & values.keys():  # else the environment says for which server its password is
        of_projects.require_own_password(values, source)


def _dispute(address: str, chosen: settings.Database) -> str:
    """Says which setting counts, where another one names another database; else nothing."""
    if chosen.url is None or chosen.rival is None or chosen.rival.url is None:
        return ""
    # A pooler has another host and port than the server behind it.
    compared = ("dbname",) if "MIGRATION" in chosen.source else ("host", "hostaddr", "port", "dbname", "service")
    with suppress(MemdbError):
        ours, other = (addresses.parameters(addresses.conninfo(url)) for url in (chosen.url, chosen.rival.url))
        if any(ours.get(key) != other.get(key) for key in compared):
            return f"{chosen.source} says {address}, {chosen.rival.source} says {addresses.describe(other)}"
    return ""
