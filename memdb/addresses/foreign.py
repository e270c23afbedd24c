"""Parameters that other tools and drivers write into a database URL.

libpq would refuse them, and a tool that drops them may work in another schema than was meant. Those that say how the
other tool behaves are passed over; those that say something about the connection are told in memdb's own way.
"""

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import unquote

from psycopg import pq

from memdb.errors import SettingsError

# About pools, caches and waiting of Prisma, asyncpg, SQLAlchemy, pgx, JDBC, Rails, Django, sqlx and Vercel.
_HARMLESS = """
    pgbouncer connection_limit pool_timeout socket_timeout socketTimeout prepared_statement_cache_size
    prepared_statement_name_func statement_cache_size statement_cache_capacity description_cache_capacity
    max_cached_statement_lifetime max_cacheable_statement_size command_timeout async_fallback prepareThreshold
    prepare_threshold preparedStatementCacheQueries preparedStatementCacheSizeMiB preferQueryMode binaryTransfer
    reWriteBatchedInserts defaultRowFetchSize default_query_exec_mode pool pool_size max_overflow pool_min_conns
    pool_max_conns pool_max_conn_lifetime pool_max_conn_lifetime_jitter pool_max_conn_idle_time
    pool_health_check_period conn_max_age conn_health_checks prepared_statements binary_parameters reconnect
    uselibpqcompat supa
"""

# Settings of the server, which asyncpg, pgx and node-postgres take from the URL.
_SETTINGS = """
    role statement_timeout lock_timeout idle_in_transaction_session_timeout transaction_timeout timezone work_mem
    datestyle default_transaction_read_only default_transaction_isolation
"""
_SCHEMA = "Leave it out, and use --schema {value} (or MEMDB_SCHEMA, or schema in memdb.toml)."
_VERIFY = "Write sslmode=verify-full, or verify-ca if the host name is not compared."
# What to write instead, with the parameters of other tools that mean it.
_INSTEAD_OF = {
    "Write options=-c%20{name}%3D{value}.": _SETTINGS,
    _SCHEMA: "schema currentSchema schema_search_path",
    "Leave it out, and use --schema {value}; or write options=-c%20search_path%3D{value}.": "search_path",
    "Write sslmode=…, with the values of libpq.": "ssl ssl_mode sslfactory ssl_context",
    "Write sslmode=verify-full if it says strict, otherwise sslmode=require.": "sslaccept",
    "Write sslcert=FILE&sslkey=FILE, in PEM format.": "sslidentity",
    "Write sslrootcert=FILE.": "sslca ssl_root_cert",
    "Write sslcert=FILE.": "ssl_cert",
    "Write sslkey=FILE.": "ssl_key",
    _VERIFY: "sslhostnameverifier ssl_check_hostname",
    "Write connect_timeout=SECONDS.": "timeout connectTimeout loginTimeout",
    "Write keepalives=1.": "tcpKeepAlive",
    "Write application_name={value}.": "ApplicationName",
    "Write target_session_attrs=…, with the values of libpq.": "targetServerType",
    "Write load_balance_hosts=random.": "loadBalanceHosts",
    "Write dbname={value}.": "database",
    "Write user={value}.": "username",
    "Write host=DIRECTORY.": "socket unix_sock",
    "Leave it out: memdb speaks UTF-8.": "encoding charset",
    "Write options=-c%20default_transaction_read_only%3Don.": "readOnly",
    "Write options=-c%20NAME%3DVALUE.": "server_settings",
}
_INSTEAD = {name: hint for hint, names in _INSTEAD_OF.items() for name in names.split()}
_SSL = {"true": "require", "1": "require", "no-verify": "require", "false": "disable", "0": "disable"}


def translated(query: str) -> list[str]:
    """The pairs of a URL's query for libpq, with values as they are written.

    Raises SettingsError for what libpq would not understand. It names known parameters only: any other text may be a
    part of a password.
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if sum(key == "host" for key, _, _ in pairs) > 1:
        raise SettingsError(
            "the database URL has more than one host parameter", hint="Write host=one,other and port=5432,5433."
        )
    return [
        pair for number, (key, equals, value) in enumerate(pairs, 1) for pair in _for_libpq(number, key, equals, value)
    ]


def refuse_in_keywords(text: str) -> None:
    """Raises SettingsError when a key=value string, which libpq refuses, has a known parameter of another tool."""
    for name in _INSTEAD:
        if found := re.search(rf"(?:^|\s){re.escape(name)}\s*=\s*(\S*)", text, re.IGNORECASE):
            raise _refusal(name, found[1])


def _for_libpq(number: int, key: str, equals: str, value: str) -> list[str]:
    name = unquote(key)
    squashed = _squashed(name)
    if name in _of_libpq() or not equals:
        return [f"{key}{equals}{value}"]
    if squashed == "ssl":
        return [f"sslmode={_SSL.get(value.lower(), value)}"]
    if squashed in _known(_HARMLESS.split()):
        return []
    if known := _known(_INSTEAD).get(squashed):
        raise _refusal(known, unquote(value))
    raise SettingsError(
        f"parameter {number} of the database URL is not known to PostgreSQL (it is not shown, as it may be a part "
        "of a password)",
        hint=_suggestion(squashed),
    )


def _refusal(name: str, value: str) -> SettingsError:
    shown = value if re.fullmatch("[a-z_][a-z0-9_]{0,62}", value) else "VALUE"
    return SettingsError(
        f"the database URL has a parameter of another tool, {name}", hint=_INSTEAD[name].format(name=name, value=shown)
    )


def _suggestion(squashed: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(squashed, _of_libpq(), n=1)
    return (
        f"Did you mean {near[0]}?"
        if near
        else "Valid ones are in https://www.postgresql.org/docs/current/libpq-connect.html"
    )


@cache
def _of_libpq() -> frozenset[str]:
    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults()) | {"requiressl"}


def _known(names: Iterable[str]) -> dict[str, str]:
    return {_squashed(name): name for name in names}


def _squashed(name: str) -> str:
    """So that one name stands for `ssl-mode`, `ssl_mode` and `sslMode`."""
    return re.sub("[^a-z]", "", name.lower())
