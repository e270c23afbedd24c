"""What state a database is in, and what is in it."""

from contextlib import suppress
from typing import TYPE_CHECKING

from memdb.door import lazy
from memdb.door.place import Place
from memdb.errors import EmbeddedError

if TYPE_CHECKING:
    from psycopg import ConnectionInfo

    from memdb.doctor.findings import Report
    from memdb.doctor.inspection import Inspection


class State(Place):
    """The part of a Database that looks at it as a whole."""

    def doctor(self) -> "Report":
        """Examines the database: versions, schema, access, indexes, upkeep, memories, and what stands around it.

        Each finding says why it matters and what mends it; `ok` if none is an error. Reads only.
        """
        with self.connected("doctor", wait_seconds=1) as connection:
            return lazy.examination.examine(
                connection,
                self.sets,
                lambda: self.expected,
                lazy.facts.Place(self.settings.directory, self.is_embedded or _leads_to_embedded(connection.info)),
                chosen=self.settings.sets,
            )

    def inspect(self, *, show_content: bool = False) -> "Inspection":
        """Counts memories by tier, user and age, and measures what they take on disk. Reads only.

        With `show_content`, a few memories are shown, shortened. Large tables are estimated.
        """
        with self.connected("inspect", wait_seconds=1) as connection:
            return lazy.inspection.inspect(connection, show_content=show_content)


def _leads_to_embedded(to: "ConnectionInfo") -> bool:
    """Whether an address is that of the embedded server, as memdb db url gives it."""
    if to.host.startswith("/"):
        with suppress(EmbeddedError):
            server = lazy.embedded.running(lazy.embedded.data_directory())
            return server is not None and (server.socket, server.port) == (to.host, to.port)
    return False
