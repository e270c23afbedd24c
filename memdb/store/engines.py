"""Engines and sessions for asyncio, also through a transaction pooler."""

import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from memdb import addresses, database
from memdb.errors import SettingsError, SetupError
from memdb.store import discretion, drivers

# What asyncpg reads in a URL only.
_IN_URL = re.compile(r"service|ssl(cert|key|password|rootcert|crl|negotiation)|ssl_m(in|ax)_protocol_version")


def create_engine(url: str, *, transaction_pooler: bool = False, **options: Any) -> AsyncEngine:
    """An engine for a database URL in any form that memdb accepts; `options` are those of create_async_engine.

    The driver is the one that the URL names (`postgresql+asyncpg://`, `postgresql+psycopg://`), else asyncpg where it
    is installed, else psycopg. `transaction_pooler` is for PgBouncer in transaction mode and the like (port 6543 at
    Supabase), where the next transaction may run in another server process, without what was prepared before.

    What memories say is in no error and no log, unless `hide_parameters` is False.

    Raises SettingsError for a URL that cannot be read, SetupError if the driver is not installed.
    """
    driver = _driver(url)
    if find_spec(driver) is None:
        raise SetupError(f"the driver {driver} is not installed", hint=f"Install it: pip install {driver}")
    parameters = addresses.parameters(addresses.conninfo(url))
    asked = _asyncpg if driver == "asyncpg" else _psycopg
    arguments = asked(parameters, transaction_pooler)
    arguments |= options.pop("connect_args", {})
    options = {"hide_parameters": True} | options
    engine = create_async_engine(f"postgresql+{driver}://", connect_args=arguments, **options)
    if options["hide_parameters"]:
        event.listen(engine.sync_engine, "handle_error", discretion.on_error)
    if driver == "asyncpg":
        event.listen(engine.sync_engine, "connect", _exchange_vectors_in_binary)
    if "isolation_level" not in options and arguments.get("statement_cache_size") != 0:
        event.listen(engine.sync_engine, "connect", _let_read_alone)
    return engine


def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """A factory of sessions whose objects can still be read after a commit.

    By default, a commit expires them, and reading an attribute would then need the database outside an await.
    """
    return async_sessionmaker(engine, expire_on_commit=False)


def _driver(url: str) -> str:
    named = re.match(r"postgres(?:ql)?\+(\w+)://", url.strip(), re.IGNORECASE)
    if named is not None and named[1].lower() in ("asyncpg", "psycopg"):
        return named[1].lower()
    return "asyncpg" if find_spec("asyncpg") else "psycopg"


def _psycopg(parameters: dict[str, str], transaction_pooler: bool) -> dict[str, Any]:
    """What psycopg.connect takes. Texts go as UTF-8, as with asyncpg, whatever the database has."""
    arguments: dict[str, Any] = {"client_encoding": "UTF8"} | parameters
    return arguments | {"prepare_threshold": None} if transaction_pooler else arguments


def _asyncpg(parameters: dict[str, str], transaction_pooler: bool) -> dict[str, Any]:
    """What asyncpg.connect takes for parameters of libpq; left out is what it has nothing for, such as keepalives."""
    hosts, ports = parameters.get("hostaddr") or parameters.get("host"), parameters.get("port")
    in_url = {name: value for name, value in parameters.items() if value and _IN_URL.fullmatch(name)}
    settings = {name: parameters[name] for name in ("application_name", "options") if parameters.get(name)}
    arguments: dict[str, Any] = {
        "dsn": f"postgresql://?{urlencode(in_url, quote_via=quote)}" if in_url else None,
        "host": hosts.split(",") if hosts else None,
        "port": [int(port or 5432) for port in ports.split(",")] if ports else None,
        "database": parameters.get("dbname"),
        "ssl": parameters.get("sslmode"),
        "server_settings": settings or None,
    }
    arguments |= {name: parameters.get(name) for name in ("user", "password", "passfile", "target_session_attrs")}
    if parameters.get("sslrootcert") == "system":  # libpq's word for the authorities that the system trusts
        arguments["ssl"] = True
    arguments = {name: value for name, value in arguments.items() if value is not None}
    if "connect_timeout" in parameters:
        arguments["timeout"] = _seconds(parameters["connect_timeout"])
    if transaction_pooler:
        arguments |= {
            "statement_cache_size": 0,  # asyncpg's own cache
            "prepared_statement_cache_size": 0,  # SQLAlchemy's
            "prepared_statement_name_func": _no_name,
        }
    return arguments


def _seconds(connect_timeout: str) -> float | None:
    """None is without end, as 0 is for libpq."""
    try:
        return max(float(connect_timeout), 0) or None
    except ValueError:
        raise SettingsError(
            "connect_timeout is not a number", hint="Write it in seconds, as connect_timeout=10."
        ) from None


def _exchange_vectors_in_binary(connection: Any, record: ConnectionPoolEntry) -> None:
    """Embeddings as text or arrays take ten times as long to write."""
    connection.run_async(lambda driver: _register(driver, record.info))


async def _register(connection: Any, info: Any) -> None:
    """Where there is an extension. Of one that is created later, the pool's next connections are told."""
    async with connection.transaction():  # for a pooler
        found = await connection.fetchrow(database.query("store", "type_of_embeddings"))
        if found is not None:
            await drivers.exchange_vectors_in_binary(connection, info, *found)


def _let_read_alone(connection: Any, record: ConnectionPoolEntry) -> None:
    """Without its cache, asyncpg sends a statement and its parameters apart, and a pooler may part them."""
    drivers.let_read_alone(connection, record.info)


def _no_name() -> str:
    """The name of the unnamed statement: nothing stays on a server process to clash or to be missed."""
    return ""
