"""Connections, and the one place that turns driver errors into ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row

from memdb import addresses, embedded, sqlfiles
from memdb.addresses import conninfo as conninfo
from memdb.addresses.failures import connection_failed
from memdb.errors import ConnectionFailed, DatabaseError, MemdbError

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

MINIMUM_PGVECTOR = "0.8.0"


@contextmanager
def connect(conninfo: str, *, purpose: str) -> Iterator[Connection]:
    """An autocommit connection; whatever the driver raises inside the block leaves it as a MemdbError.

    No statement is prepared on the server behind the caller's back, since transaction poolers do not keep them.
    """
    values = addresses.parameters(conninfo)
    with translated_errors():
        try:
            connection = psycopg.connect(
                make_conninfo(**_defaults() | {"application_name": f"memdb {purpose}"} | values),
                client_encoding="UTF8",
                autocommit=True,
                prepare_threshold=None,
                row_factory=tuple_row,
            )
        except (psycopg.Error, ValueError, OverflowError) as error:
            raise connection_failed(values, error) from None
        with connection:
            yield connection


def _defaults() -> dict[str, str]:
    return {} if "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": "10"}


def describe(connection: Connection) -> str:
    """Where an open connection leads, without the password: `user@host:port/database`."""
    return addresses.describe(_parameters(connection))


def _parameters(connection: Connection) -> dict[str, str]:
    """All that a connection was made with, the password included."""
    return {option.keyword.decode(): option.val.decode() for option in connection.pgconn.info if option.val}


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
    with connect(make_conninfo(**_parameters(connection)), purpose=purpose) as other:
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
