"""What the databases of one server share, such as roles: who changes it in one database changes it for all."""

from collections.abc import Iterable
from dataclasses import dataclass

from memdb import database
from memdb.database import Connection, query


@dataclass(frozen=True, slots=True)
class Shared:
    """A role, a membership, settings, or another database, with its state. It goes when one of `roles` goes."""

    name: str
    roles: tuple[str, ...]
    state: str


def read(connection: Connection) -> frozenset[Shared]:
    """All of it, but for the database that is connected to. Passwords are seen by a superuser only."""
    with database.own_names(connection):
        is_superuser = connection.value("select rolsuper from pg_roles where rolname = current_user")
        roles = "pg_authid" if is_superuser else "pg_roles"
        rows = connection.execute(query("catalog_shared", "shared").replace("{roles}", roles).encode())
        return frozenset(Shared(name, tuple(roles), state) for name, roles, state in rows)


def roles(found: Iterable[Shared]) -> frozenset[str]:
    """The names of the roles."""
    return frozenset(shared.roles[0] for shared in found if shared.name.startswith("role "))


def changed(before: Iterable[Shared], after: Iterable[Shared], *, own: Iterable[str]) -> list[str]:
    """The names of what is not as it was, but for what goes with the roles `own`."""
    differing = frozenset(before) ^ frozenset(after)
    return sorted({shared.name for shared in differing if not set(own) & set(shared.roles)})
