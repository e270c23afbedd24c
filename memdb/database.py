"""Connections, and where names lead in them."""

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import Params
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row, tuple_row

from memdb import addresses, shipped
from memdb.addresses import conninfo as conninfo
from memdb.addresses.failures import connection_failed
from memdb.addresses.refusals import READ_ONLY
from memdb.addresses.refusals import translated_errors as translated_errors
from memdb.errors import DatabaseError, LockTimeout

if TYPE_CHECKING:
    from memdb.embedded import Server

_Row = TypeVar("_Row")

# What it warns of at a lost connection is in the error that follows; without a handler it would go to stderr as well.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


_ASKS_FOR_ROLE = re.compile(r"(?:^|\s)(?:-c\s*|--)role\s*=")


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection, and how the names of whoever uses it resolve there.

    `schema` is the target that was asked for by name; None where it is the first schema of the search_path.
    `search_path` is the one of the user; None where that is the session's own. `has_own_names` says that the session
    is known to have memdb's. `wait_seconds` is how long to wait for locks of others while reading. `has_citus` says
    whether the extension was there when `names` last looked; None before that.
    """

    schema: str | None = None
    search_path: str | None = None
    has_own_names: bool = False
    wait_seconds: float = 60
    has_citus: bool | None = None

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """What a worker of a cluster refuses is raised as one server would say it."""
        try:
            return super().wait(*arguments, **options)
        except psycopg.Error as error:
            from memdb.addresses import workers  # which is loaded where something fails

            plain = workers.as_on_one_server(error)
            if plain is error:
                raise
            raise plain from None

    def value(self, statement: str | bytes | sql.Composed, parameters: Params | None = None) -> Any:
        """The first value of the first row; None where there is no row."""
        row = self.execute(statement, parameters).fetchone()
        return None if row is None else row[0]

    def rows(
        self, kind: type[_Row], statement: str | bytes | sql.Composed, parameters: Params | None = None
    ) -> list[_Row]:
        """The rows as objects whose fields the columns are named after."""
        return self.cursor(row_factory=class_row(kind)).execute(statement, parameters).fetchall()

    @contextmanager
    def in_time(self, what: str, hint: Callable[[], str]) -> Iterator[None]:
        """For a block that waits for locks of others: raises LockTimeout where they keep `what` locked for too long."""
        try:
            yield
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            said = f"others have locked {what} for {self.wait_seconds:g} s, or wait for each other"
            raise LockTimeout(said, hint=hint()) from None

    @property
    def is_judged_by_login(self) -> bool:
        """Whether a superuser who has logged in counts as one in another role, too.

        Not if the address itself asks for the role: nobody else can have set that.
        """
        return _ASKS_FOR_ROLE.search(self.info.options) is None

    @contextmanager
    def hearing(self, on_notice: Callable[[psycopg.errors.Diagnostic], None]) -> Iterator[None]:
        """While the block runs, `on_notice` gets each notice of the server as it comes."""
        self.add_notice_handler(on_notice)
        try:
            yield
        finally:
            self.remove_notice_handler(on_notice)


@dataclass(frozen=True, slots=True)
class Names:
    """Where unqualified names lead: what is new is made in `target`, what is there is looked for along `path`."""

    target: str
    path: tuple[str, ...]


MINIMUM_PGVECTOR = "0.8.0"
OWN_NAMES = "set search_path = pg_catalog, pg_temp"
_OWN_NAMES_LOCALLY = OWN_NAMES.replace("set", "set local", 1)
# The driver reads a moment in this style only. Who parses dates still has the order of day and month.
_READABLE_LOCALLY = "set local datestyle = 'ISO'"
_LONGEST_MS = 2**31 - 1


@contextmanager
def connect(conninfo: str, *, purpose: str, schema: str | None = None) -> Iterator[Connection]:
    """An autocommit connection, to work in `schema` if one is given.

    Whatever the driver raises inside the block leaves it as a MemdbError.

    No statement is prepared on the server behind the caller's back, since transaction poolers do not keep them.
    """
    values = addresses.parameters(conninfo)
    with translated_errors():
        try:
            connection = Connection.connect(
                make_conninfo(**_defaults() | {"application_name": f"memdb {purpose}"} | values),
                client_encoding="UTF8",
                autocommit=True,
                prepare_threshold=None,
                row_factory=tuple_row,
            )
        except (psycopg.Error, ValueError, OverflowError) as error:
            raise connection_failed(values, error) from None
        with connection:
            if schema is not None:
                use_schema(connection, schema)
            yield connection


def _defaults() -> dict[str, str]:
    return {} if "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": "10"}


def describe(connection: Connection) -> str:
    """Where an open connection leads, without the password: `user@host:port/database`."""
    return addresses.describe(_parameters(connection))


def _parameters(connection: Connection) -> dict[str, str]:
    """All that a connection was made with, the password included.

    Without what is not UTF-8: only the environment can have said it, and says it to the next connection as well.
    """
    given = {option.keyword.decode(): option.val for option in connection.pgconn.info if option.val}
    return {key: text for key, value in given.items() if (text := value.decode(errors="ignore")).encode() == value}


def require_writable(connection: Connection) -> None:
    """Raises DatabaseError on a standby, and where transactions are read-only by setting."""
    if connection.value("show transaction_read_only") == "on":
        raise DatabaseError("nothing can be changed in this database: its transactions are read-only", hint=READ_ONLY)


def query(name: str, block: str, **names: Sequence[str]) -> LiteralString:
    """A named block of `sql/queries/NAME.sql`, with a qualified name for each {placeholder} that is given.

    It is ours, and names are quoted, so it counts as literal.
    """
    return filled_in(shipped.queries(name)[block], **names)


def filled_in(text: str, **names: Sequence[str]) -> LiteralString:
    """The same for what is put together from such blocks."""
    quoted = {key: sql.Identifier(*parts).as_string() for key, parts in names.items()}
    if "%s" in text or "%(" in text:  # the driver will look for parameters
        quoted = {key: value.replace("%", "%%") for key, value in quoted.items()}
    return re.sub(r"\{(\w+)\}", lambda match: quoted.get(match[1], match[0]), text)


def version_number(text: str) -> list[int]:
    """`0.8.2` as [0, 8, 2], so that versions can be compared."""
    return [int(part) for part in re.findall(r"\d+", text)[:3]]


def names(connection: Connection) -> Names:
    """Where names lead now: schemas of the search_path that are not there yet do not count.

    Behind a transaction pooler, too: nothing of the session is changed.
    """
    ((_, first, path, _, connection.has_citus),) = connection.execute(
        query("session", "names"), [connection.search_path]
    )
    return Names(first or connection.schema or "public", tuple(path))


def target_schema(connection: Connection) -> str:
    """Where unqualified names are created; `public` for a role that may not look into any schema."""
    return names(connection).target


def search_path(connection: Connection) -> str:
    """The search_path in which names of the user resolve, whatever memdb uses for its own statements."""
    if connection.search_path is not None:
        return connection.search_path
    return connection.value("show search_path") or "public"


@contextmanager
def own_names(connection: Connection) -> Iterator[None]:
    """A transaction in which names lead to pg_catalog and nowhere else; none where those of the whole session do.

    Within a transaction of the caller's, they lead afterwards where they led before.

    Who may create in a schema of the search_path can put functions and operators there that fit a call better than
    those of pg_catalog, and have them called by whoever runs memdb. So memdb's own statements run in here, and write
    out the schema of all that is not the system's.
    """
    if connection.has_own_names:
        yield
        return
    is_inner = connection.info.transaction_status != TransactionStatus.IDLE
    with connection.transaction():
        path = connection.value(f"show search_path; {_OWN_NAMES_LOCALLY}; {patience(connection)}")
        yield
        if is_inner:
            connection.execute("select pg_catalog.set_config('search_path', %s, true)", [path])


def keep_to_own_names(connection: Connection) -> None:
    """Does what own_names does for a transaction that has begun already, until it ends, in which values can be read."""
    connection.execute(f"{_OWN_NAMES_LOCALLY}; {_READABLE_LOCALLY}; {patience(connection)}")


def patience(connection: Connection) -> str:
    """For a transaction: who reads does not wait for ever, and in silence. Limits that are set already are kept."""
    return (
        f"select pg_catalog.set_config('lock_timeout', '{milliseconds(connection.wait_seconds)}ms', true) "
        "where pg_catalog.current_setting('lock_timeout') operator(pg_catalog.=) '0'"
    )


def keep_as_they_are(connection: Connection, schema: str, tables: Sequence[LiteralString]) -> None:
    """In a new transaction, and until it ends, nobody else alters these tables, given as SQL writes them, or renames
    their schema; rows come and go.

    A superuser may do so whatever role or settings the owner of the database has set.
    """
    connection.execute("set transaction isolation level read committed, read write")
    keep_to_own_names(connection)
    superuser = connection.value(query("session", "superuser"))
    if superuser is not None:
        connection.execute(sql.SQL("set local role {}").format(sql.SQL(superuser)))
    connection.execute(query("session", "keep_name"), [schema])
    names = sql.SQL(", ").join(map(sql.SQL, tables))
    connection.execute(sql.SQL("lock table {} in share update exclusive mode").format(names))


def milliseconds(seconds: float) -> int:
    """As the server takes a limit: 0 would mean that there is none."""
    return max(1, int(min(1000 * seconds, _LONGEST_MS)))


def take_own_names(connection: Connection) -> None:
    """Does what own_names does for the whole session, which must not be one of a transaction pooler."""
    path = connection.value(f"show search_path; {OWN_NAMES}")
    if connection.search_path is None:
        connection.search_path = path or "public"
    connection.has_own_names = True


def give_names_back(connection: Connection) -> None:
    """Ends what take_own_names began."""
    connection.has_own_names = False
    connection.execute("select pg_catalog.set_config('search_path', %s, false)", [connection.search_path])
    if connection.schema is None:
        connection.search_path = None


@contextmanager
def again(connection: Connection, *, purpose: str) -> Iterator[Connection]:
    """A second connection to where the first one leads."""
    with connect(make_conninfo(**_parameters(connection)), purpose=purpose) as other:
        other.has_citus = connection.has_citus
        yield other


def use_schema(connection: Connection, schema: str) -> None:
    """Makes `schema` the target: what is created goes there, and what is there is found first.

    Raises DatabaseError when there is no such schema.
    """
    quoted = sql.Identifier(schema).as_string()
    with own_names(connection):
        is_there = connection.value("select to_regnamespace(%s) is not null", [quoted])
    if schema.startswith("pg_") or schema == "information_schema":
        raise DatabaseError(f"the schema {schema} is the server's own", hint="Work in another: --schema NAME")
    if not is_there:
        raise DatabaseError(f"there is no schema {schema!r}", hint=f"Create it first: create schema {quoted}")
    connection.search_path = f"{quoted}, {search_path(connection)}"
    connection.schema = schema


def resolve(url: str | None) -> tuple[str, "Server | None"]:
    """The connection string for a configured URL, or for the embedded database, which is then started."""
    if url is not None:
        return conninfo(url), None
    from memdb import embedded  # which most commands are without

    server = embedded.start(embedded.data_directory())
    return conninfo(server.url()), server
