"""What a server refuses, or ends, in memdb's errors: the one place that turns those of the driver into ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from memdb.errors import ConnectionFailed, DatabaseError, LockTimeout, MemdbError, WorkerLost
from memdb.words import shortened

if TYPE_CHECKING:
    from memdb.addresses.workers import Unreachable

READ_ONLY = "Connect to the primary server, with default_transaction_read_only off."
_NOT_UTF8 = (
    "The database holds names or texts that are not UTF8. Rename those objects, or use a database whose "
    "encoding is UTF8."
)
_LIMITED = (
    "The server, the database or the role has this limit ({0}), which is too short here. Set it for this connection: "
    "PGOPTIONS='-c {0}=0', or options=-c%20{0}%3D0 in the URL."
)
# What to do, by SQLSTATE.
_HINTS = {
    "22021": _NOT_UTF8,
    "22P05": _NOT_UTF8,
    "25006": READ_ONLY,
    "25P03": _LIMITED.format("idle_in_transaction_session_timeout"),
    "25P04": _LIMITED.format("transaction_timeout"),
    "42501": "Connect as a role that has this privilege.",
    "57P05": _LIMITED.format("idle_session_timeout"),
}
# The server's own hint is to let the owner see what policies keep from it.
_HIDDEN = "Connect as a superuser or a role with BYPASSRLS, or as the owner of the table where policies spare it."
# memdb's own statements run with pg_catalog as search_path, and with them the triggers that they set off and the
# functions of indexes. Where those find no function, the server advises casts, which is not what is missing.
_PATH = "Qualify names in that function with their schemas, or set its path: alter function … set search_path = …"
_OF_FUNCTIONS = ("PL/", "SQL function ")  # how a line of an error's context begins
_HINTS_FOR_FUNCTIONS = dict.fromkeys(("42P01", "42704", "42883"), _PATH)
WORKER = (
    "Nothing that was not committed is kept. Start the worker, and run the command again; memories on other workers "
    "are found meanwhile. If it is lost for good, have its standby take its place: select citus_update_node(…)."
)
# Shut down, crashed, starting up; idle for too long, or in a transaction that was.
_CONNECTION_ENDED = ("57P01", "57P02", "57P03", "57P05", "25P03", "25P04")


def worker_lost(worker: "Unreachable") -> WorkerLost:
    """What is said of a worker that is gone, whatever was tried."""
    which = "a worker" if worker.node is None else f"the worker {worker.node}"
    return WorkerLost(f"{which} of this cluster cannot be reached: {worker.reason}", hint=WORKER)


@contextmanager
def translated_errors() -> Iterator[None]:
    """The server's message and hint, as ConnectionFailed, LockTimeout or DatabaseError."""
    try:
        yield
    except MemdbError:
        raise
    except psycopg.Error as error:
        raise _translated(error) from error


def _translated(error: psycopg.Error) -> MemdbError:
    from memdb.addresses import workers  # which is loaded where something fails

    if worker := workers.unreachable(error):
        return worker_lost(worker)
    message = shortened(error.diag.message_primary or str(error).strip())
    hint = shortened(error.diag.message_hint or "") or _HINTS.get(error.sqlstate or "", "")
    if "affected by row-level security policy" in message:
        hint = _HIDDEN
    lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    if lost or error.sqlstate in _CONNECTION_ENDED:
        return ConnectionFailed(
            f"the connection was lost: {message}",
            hint=hint or "Run the command again when the server is back; what was committed stays.",
        )
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return LockTimeout(
            f"others hold a lock that is needed here, and have not released it: {message}",
            hint="Find them in pg_stat_activity, and try again when they are done.",
        )
    if "statement timeout" in message:
        hint = _LIMITED.format("statement_timeout")
    if called := [line for line in (error.diag.context or "").splitlines() if line.startswith(_OF_FUNCTIONS)]:
        message += f" (in {shortened(called[0])})"
        hint = _HINTS_FOR_FUNCTIONS.get(error.sqlstate or "", hint)
    return DatabaseError(f"the server refused: {message}", hint=hint)
