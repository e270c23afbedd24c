"""Addresses of databases: what libpq takes is taken as it stands, what other tools write is told in libpq's words.

A text that may hold a password is never repeated, not even in part: messages are made of what is known to be harmless.
"""

import os
import re
from collections.abc import Mapping
from itertools import chain, repeat

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memdb.addresses import foreign
from memdb.errors import SettingsError
from memdb.words import may_hold_password, printable

_SCHEME = re.compile(r"postgres(ql)?(\+\w+)?://", re.IGNORECASE)
_FORMS = (
    "Write it as postgresql://user:password@host:5432/database, with special characters in the password "
    'percent-encoded (/ is %2F, @ is %40), or as "host=… dbname=… user=…".'
)
_SEPARATORS = "Pairs of key=value are separated by spaces; in a URL, they begin with ? and are separated by &. "
# What libpq says of a URL that it cannot read, before it repeats a part of it.
_CAUSES = {
    "unexpected spaces": "A space in it is written %20. ",
    "extra key/value separator": "A = in the value of a parameter is written %3D. ",
    "invalid percent-encoded": "A literal % is written %25. ",
}
# Where libpq looks for what an address leaves out.
FROM_ENVIRONMENT = {
    "user": "PGUSER",
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "service": "PGSERVICE",
}


def conninfo(url: str) -> str:
    """A libpq connection string for a URL of any usual form or a key=value string.

    Raises SettingsError without repeating the text, which may hold a password.
    """
    try:
        values = parameters(_libpq_url(url.strip()))
        _expect_no_misplaced_password(values)
        return make_conninfo("", **values)
    except (psycopg.ProgrammingError, ValueError) as error:
        if "://" not in url:
            foreign.refuse_in_keywords(url)
        cause = next((hint for start, hint in _CAUSES.items() if str(error).startswith(start)), "")
        raise _unreadable(hint=cause + _FORMS) from None


def parameters(conninfo: str) -> dict[str, str]:
    """What a connection string says, by libpq's names. Raises psycopg.ProgrammingError or ValueError."""
    return {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}


def describe(values: Mapping[str, str]) -> str:
    """Where parameters of libpq lead, without any secret: `user@host:port/database`.

    Several hosts are listed, a socket is named by its directory, and what is left out comes from the environment, as
    it does for libpq. Of a service its name is told, since the file says the rest.
    """
    given = {key: values.get(key) or os.environ.get(name, "") for key, name in FROM_ENVIRONMENT.items()}
    user = f"{given['user']}@" if given["user"] else ""
    if given["service"] and not values.get("host"):
        return printable(
            f"service {given['service']}" + (f", database {user}{given['dbname']}" if given["dbname"] else "")
        )
    return printable(f"{user}{_hosts(given)}/{given['dbname'] or given['user']}")


def _hosts(given: Mapping[str, str]) -> str:
    hosts = (given["host"] or given["hostaddr"] or "localhost").split(",")
    ports = given["port"].split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return ",".join(
        _host(host) + (f":{port}" if port else "") for host, port in zip(hosts, chain(ports, repeat("")), strict=False)
    )


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("/") else host or "localhost"


def _libpq_url(url: str) -> str:
    """The URL without a driver's name and in parameters of libpq; everything else stays as it is written."""
    match = _SCHEME.match(url)
    if match is None:
        if re.match("jdbc:", url, re.IGNORECASE):
            raise _unreadable(hint="It is a URL for JDBC: remove the jdbc: in front of it.")
        if "://" in url and "=" not in url.partition("://")[0]:
            raise ValueError("not a PostgreSQL URL")
        return url
    userinfo, remainder = _split_off_userinfo(url[match.end() :])
    place, _, query = remainder.partition("?")
    if "@" in place and ":" in (userinfo + place).rpartition("@")[0]:
        raise _unreadable(hint="It has more than one @, or a / before it. " + _FORMS)
    pairs = foreign.translated(query)
    return f"postgresql://{userinfo}{place}" + (f"?{'&'.join(pairs)}" if pairs else "")


def _split_off_userinfo(rest: str) -> tuple[str, str]:
    """As libpq does: up to the first @, unless there is a / before it."""
    match = re.match(r"[^/@]*@", rest)
    end = match.end() if match else 0
    return rest[:end], rest[end:]


def _expect_no_misplaced_password(values: Mapping[str, str]) -> None:
    """A password with a special character in it can end up where it would be shown."""
    for port in values.get("port", "").split(","):
        if port and not (re.fullmatch(r"\s*[0-9]{1,5}\s*", port) and 0 < int(port) < 65536):
            message = "the port in the database URL is not a number from 1 to 65535"
            raise _unreadable(message, hint=f"Write an IPv6 address in brackets. {_FORMS}")
    shown = [values.get(key, "") for key in ("user", "host", "hostaddr", "dbname", "service")]
    if any("://" in value for value in shown):
        raise _unreadable(hint="It holds another URL. " + _FORMS)
    if any(map(may_hold_password, shown)):
        raise _unreadable(hint=_SEPARATORS + _FORMS)


def _unreadable(message: str = "the database URL cannot be read", *, hint: str) -> SettingsError:
    return SettingsError(f"{message} (it is not shown, as it may hold a password)", hint=hint)
