"""What a project's files may say of an address: who wrote them, as in a pull request, need not be who runs memdb."""

import os
from collections.abc import Mapping

from memdb.errors import SettingsError

# They say where a server is, who asks, and how. The others of libpq's lead to another machine than the host, to files
# and services of whoever connects, hand on their rights, or have a library loaded (sslkey).
_PLAIN = """
    host port dbname user password sslmode sslrootcert sslnegotiation sslsni sslcompression ssl_min_protocol_version
    ssl_max_protocol_version channel_binding require_auth gssencmode connect_timeout tcp_user_timeout keepalives
    keepalives_idle keepalives_interval keepalives_count options application_name fallback_application_name
    client_encoding target_session_attrs load_balance_hosts
"""
_FOR_ANY_HOST = ("PGPASSWORD", "PGSERVICE")  # ~/.pgpass says for which host a password is


def require_plain(values: Mapping[str, str], source: str) -> None:
    """Raises SettingsError at a parameter that could have something of one's own sent elsewhere than it seems."""
    if others := sorted(values.keys() - set(_PLAIN.split())):
        raise SettingsError(
            f"{source} has {others[0]}, by which something of yours could be used, or sent to another machine",
            hint=_hint(source, "remove it"),
        )


def require_own_password(values: Mapping[str, str], source: str) -> None:
    """Raises SettingsError where the server would be sent a password that the environment has for another."""
    if values.get("password"):
        return
    if found := next(filter(os.environ.get, _FOR_ANY_HOST), None):
        raise SettingsError(
            f"{source} has no password, and yours in {found} is not for a server that a project's files name",
            hint=_hint(source, f"unset {found}"),
        )


def _hint(source: str, otherwise: str) -> str:
    name = "scratch" if source.startswith("scratch") else "database"
    yourself = f"--{name}-url or MEMDB_{name.upper()}_URL"
    return f"If you trust that server, name it yourself: {yourself}. If not, {otherwise}."
