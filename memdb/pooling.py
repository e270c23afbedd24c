"""Whether a connection leads to one session of the server, or through a pooler that changes it between transactions."""

import select

from psycopg import generators

from memdb import database
from memdb.database import Connection
from memdb.errors import SetupError

_WAIT_SECONDS = 5


def is_transaction_pooled(connection: Connection) -> bool:
    """Whether statements of this connection may run in different sessions of the server, told by behaviour.

    Who connects to the server itself is told the pid of its session when it connects. A pooler tells something
    else; it pools transactions if two connections are served by one session, or one by several.
    """
    own = connection.value("select pg_catalog.pg_backend_pid()")
    if own == connection.info.backend_pid:
        return False
    mine, theirs = {own}, set()
    with database.again(connection, purpose="pooler check") as other:
        for _ in range(3):
            theirs.add(_server_pid(other))
            if None in theirs:  # a pool of sessions is full; one of transactions will not serve us either
                other.close()
            mine.add(_server_pid(connection))
            if other.closed:
                break
    return len(mine) > 1 or bool(mine & theirs)


def require_session(connection: Connection, what: str) -> None:
    """Raises SetupError behind a transaction pooler, where settings and locks of a session do not hold."""
    if is_transaction_pooled(connection):
        raise SetupError(
            f"this connection goes through a transaction pooler, which does not keep what {what} needs",
            hint="Set MEMDB_MIGRATION_URL to the address of the server itself (Supabase: port 5432, not 6543); "
            "commands that only read, without --schema, may go through the pooler.",
        )


def _server_pid(connection: Connection) -> int | None:
    """The pid of the session that serves the connection now; None when it is not served in time."""
    connection.pgconn.send_query(b"select pg_catalog.pg_backend_pid()")
    connection.pgconn.flush()
    if not select.select([connection.fileno()], [], [], _WAIT_SECONDS)[0]:
        return None
    result = connection.wait(generators.fetch_many(connection.pgconn))[-1]
    value = result.get_value(0, 0)
    return int(value) if value else None
