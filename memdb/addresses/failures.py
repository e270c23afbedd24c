"""Why no connection could be made: the driver's text without what may be a secret, and what to do next.

Drivers and servers put values into quotes. Of these only such stay as say where the connection leads.
"""

import os
import re
from collections.abc import Mapping

from memdb.addresses import FROM_ENVIRONMENT, describe
from memdb.errors import ConnectionFailed
from memdb.words import printable

# Parameters whose values may be shown. All others may hold what was meant for another place.
_HARMLESS = ("user", "host", "hostaddr", "port", "dbname", "service", "passfile", "sslrootcert", "sslcert", "sslkey")
_NEVER_TOLD = ("password", "options", "application_name")  # by libpq
_QUOTED = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_NEVER_SECRET = re.compile(r"[0-9a-f:.]*[:.][0-9a-f:.]*|None|\S+/\.postgresql/[\w.]+", re.IGNORECASE)

_HINTS = {
    r"definition of service|service file": "Check the name of the service, PGSERVICE and PGSERVICEFILE.",
    r"invalid|bad value|could not match|requires a value|unrecognized": "Check the parameters of the database URL, and "
    "the variables PGPORT, PGSSLMODE, PGCONNECT_TIMEOUT and PGOPTIONS.",
    r"password|authentication": "Check the user and the password in the database URL (or PGPASSWORD, or ~/.pgpass).",
    r'database "…" does not exist': "Create it first (createdb NAME), or correct the name in the database URL.",
    r'role "…" does not exist': "Create the role first, or correct the user in the database URL.",
    r"refused|No such file|timeout|timed out": "Is the server running, and are host and port right?",
    r"could not translate|resolve|not known": "Check the host name in the database URL.",
    r"SSL|TLS|certificate": "Check sslmode and the certificates that the server asks for.",
    r"not permitted to log in": "Connect as a role that may log in, or allow it: alter role … login",
    r"not currently accepting": "Allow connections again: alter database … allow_connections true",
    r"too many connections for": "Wait until others have disconnected, or raise the connection limit of that role or "
    "database.",
    r"too many|remaining connection slots": "Wait until others have disconnected, or raise max_connections.",
}


def connection_failed(values: Mapping[str, str], error: Exception) -> ConnectionFailed:
    """The error for a connection with these parameters that the driver could not make."""
    text = _text(values, error)
    pattern = _QUOTED.sub(r"\1…\1", text)
    hint = next((hint for found, hint in _HINTS.items() if re.search(found, pattern)), "")
    lines = _without_values(text, _shown(values)).splitlines()
    reason = "\n".join(printable(line.strip()) for line in lines)
    return ConnectionFailed(f"cannot connect to {describe(values)}: {reason}", hint=hint)


def _text(values: Mapping[str, str], error: Exception) -> str:
    unclear = any(set(value) & set("\"'") for key, value in values.items() if key not in (*_HARMLESS, *_NEVER_TOLD))
    if unclear or isinstance(error, UnicodeError):
        return "a parameter of the address is invalid"
    return str(error).strip()


def _without_values(text: str, shown: frozenset[str]) -> str:
    """The text with `…` for what it quotes, except for `shown` and addresses."""
    return _QUOTED.sub(
        lambda quoted: (
            quoted[0] if quoted[2] in shown or _NEVER_SECRET.fullmatch(quoted[2]) else f"{quoted[1]}…{quoted[1]}"
        ),
        text,
    )


def _shown(values: Mapping[str, str]) -> frozenset[str]:
    shown = {values[key] for key in _HARMLESS if key in values}
    shown |= {os.environ[name] for name in (*FROM_ENVIRONMENT.values(), "PGSERVICEFILE") if name in os.environ}
    shown |= {part for value in shown for part in value.split(",")}
    ports = {part for part in shown if part.isdecimal()} | {"5432"}
    return frozenset(shown | {f"{directory}/.s.PGSQL.{port}" for directory in shown for port in ports})
