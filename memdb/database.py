"""Connections: addresses in any usual form, and the one place that turns driver errors into ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, TypeAlias
from urllib.parse import parse_qsl, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row

from memdb import embedded, sqlfiles
from memdb.errors import ConnectionFailed, DatabaseError, MemdbError, SettingsError

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

MINIMUM_PGVECTOR = "0.8.0"

# Parameters that other drivers put into a URL and libpq does not know: None means it has no counterpart.
_FOREIGN_PARAMETERS = {
    "ssl": "sslmode",
    "prepared_statement_cache_size": None,
    "prepared_statement_name_func": None,
    "statement_cache_size": None,
    "command_timeout": None,
    "async_fallback": None,
    "pgbouncer": None,
    "connection_limit": None,
    "pool_timeout": None,
}

_DEFAULTS = {"connect_timeout": "10"}

_CONNECTION_HINTS = {
    r"password|authentication": "Check the user and the password in the database URL (or PGPASSWORD, or ~/.pgpass).",
    r'database ".*" does not exist': "Create it first (createdb NAME), or correct the name in the database URL.",
    r'role ".*" does not exist': "Create the role first, or correct the user in the database URL.",
    r"refused|No such file|timeout|timed out": "Is the server running, and are host and port right?",
    r"could not translate|resolve|not known": "Check the host name in the database URL.",
    r"SSL|TLS|certificate": "Check sslmode and the certificates that the server asks for.",
    r"too many|remaining connection slots": "Wait until others have disconnected, or raise max_connections.",
}


def conninfo(url: str) -> str:
    """A libpq connection string for a URL of any usual form or a key=value string.

    Raises SettingsError without repeating the text, which may hold a password.
    """
    try:
        return make_conninfo("", **_parameters(_libpq_url(url.strip())))
    except (psycopg.ProgrammingError, ValueError):
        raise SettingsError(
            "the database URL cannot be read (it is not shown, as it may hold a password)",
            hint="Write it as postgresql://user:password@host:5432/database, with special characters in the "
            'password percent-encoded, or as "host=… dbname=… user=…".',
        ) from None


def _libpq_url(url: str) -> str:
    match = re.match(r"(postgres|postgresql)(\+\w+)?://", url, re.IGNORECASE)
    if match is None:
        if "://" in url:
            raise ValueError("not a PostgreSQL URL")
        return url
    address, _, query_string = url[match.end() :].partition("?")
    pairs = []
    for key, value in parse_qsl(query_string, keep_blank_values=True):
        name = _FOREIGN_PARAMETERS.get(key, key)
        if name is not None:
            pairs.append((name, {"true": "require"}.get(value, value) if key == "ssl" else value))
    return f"postgresql://{address}?{urlencode(pairs)}"


def _parameters(conninfo: str) -> dict[str, str]:
    return {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}


def describe(conninfo: str) -> str:
    """Where a connection string leads, without the password: user@host:port/database."""
    values = _parameters(conninfo)
    if values.get("service") and not values.get("host"):
        return f"service {values['service']}"
    user = f"{values['user']}@" if values.get("user") else ""
    port = f":{values['port']}" if values.get("port") else ""
    return f"{user}{values.get('host') or 'localhost'}{port}/{values.get('dbname') or values.get('user') or ''}"


@contextmanager
def connect(conninfo: str, *, purpose: str) -> Iterator[Connection]:
    """An autocommit connection; whatever the driver raises inside the block leaves it as a MemdbError.

    No statement is prepared on the server behind the caller's back, since transaction poolers do not keep them.
    """
    with translated_errors():
        try:
            connection = psycopg.connect(
                make_conninfo(**_DEFAULTS | {"application_name": f"memdb {purpose}"} | _parameters(conninfo)),
                client_encoding="UTF8",
                autocommit=True,
                prepare_threshold=None,
                row_factory=tuple_row,
            )
        except psycopg.OperationalError as error:
            raise _connection_failed(conninfo, error) from None
        with connection:
            yield connection


def _connection_failed(conninfo: str, error: psycopg.OperationalError) -> ConnectionFailed:
    reason = str(error).strip()
    password = _parameters(conninfo).get("password")
    if password:
        reason = reason.replace(password, "********")
    hint = next((text for pattern, text in _CONNECTION_HINTS.items() if re.search(pattern, reason)), "")
    return ConnectionFailed(f"cannot connect to {describe(conninfo)}: {reason}", hint=hint)


@contextmanager
def translated_errors() -> Iterator[None]:
    """The server's message and hint, as ConnectionFailed when the connection is gone, else DatabaseError."""
    try:
        yield
    except MemdbError:
        raise
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).strip()
        hint = error.diag.message_hint or ""
        if isinstance(error, psycopg.OperationalError) and error.sqlstate in (None, "57P01", "57P02", "57P03"):
            raise ConnectionFailed(
                f"the connection was lost: {message}",
                hint=hint or "Run the command again when the server is back; what was committed stays.",
            ) from error
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            hint = hint or "Connect as a role that has this privilege."
        raise DatabaseError(f"the server refused: {message}", hint=hint) from error


def query(name: str, block: str) -> LiteralString:
    """A named block of `sql/queries/NAME.sql`. It is ours, so it counts as literal."""
    return sqlfiles.named_queries(name)[block]


def target_schema(connection: Connection) -> str:
    """Where unqualified names are created; `public` for a role that may not look into any schema."""
    row = connection.execute("select coalesce(current_schema(), 'public')").fetchone()
    assert row is not None
    return str(row[0])


@contextmanager
def again(connection: Connection, *, purpose: str) -> Iterator[Connection]:
    """A second connection to where the first one leads."""
    secret = {"password": connection.info.password} if connection.info.password else {}
    with connect(make_conninfo(connection.info.dsn, **secret), purpose=purpose) as other:
        yield other


def use_schema(connection: Connection, schema: str) -> None:
    """Makes `schema` the target: what is created goes there, and what is there is found first.

    Raises DatabaseError when there is no such schema.
    """
    row = connection.execute("select to_regnamespace(quote_ident(%s)) is not null", [schema]).fetchone()
    if row != (True,):
        raise DatabaseError(
            f"there is no schema {schema!r}",
            hint=f"Create it first: create schema {sql.Identifier(schema).as_string()}",
        )
    connection.execute(query("history", "put_schema_first"), [schema])


def complete_search_path(connection: Connection) -> None:
    """Makes names resolve for a role whose search_path is empty, and where the extension has a schema of its own."""
    connection.execute(query("history", "complete_search_path"))


def resolve(url: str | None) -> tuple[str, embedded.Server | None]:
    """The connection string for a configured URL, or for the embedded database, which is then started."""
    if url is not None:
        return conninfo(url), None
    server = embedded.start(embedded.data_directory())
    return conninfo(server.url()), server
