"""Where histories lie, and whether they can be trusted: looked at before anything of them is read or written."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from memdb import database
from memdb.database import Connection, query
from memdb.errors import DatabaseError, HistoryError
from memdb.words import listed

DETAILS = "memdb_migrations"


class IncompleteHistory(HistoryError):
    """Some of its tables are there, and not the others."""


@dataclass(frozen=True, slots=True)
class Home:
    """The schema in which a history lies, and what is to be known of its tables before they are read or written.

    `unreadable` are those that this role may not read, or not every row of, `unwritable` those that it may not keep up,
    `missing` those of yoyo's that are not there; `odd` says why one of them is not what memdb or yoyo made.
    `of_lesser_owner` are those that a superuser reads, and somebody with fewer rights owns, or can put another in place
    of.
    """

    schema: str
    exists: bool = False
    has_details: bool = False
    has_positions: bool = False
    has_targets: bool = False
    is_ours: bool = False
    unreadable: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    of_lesser_owner: tuple[str, ...] = ()
    odd: str | None = None

    @property
    def closed(self) -> bool:
        """Whether nobody can tell which migrations it is of."""
        return bool(self.unreadable or self.odd) or not self.exists


def find(connection: Connection) -> list[Home]:
    """All in the database, whoever made them, whether this role may read them or not."""
    homes = connection.rows(Home, query("history", "homes"), {"by_login": connection.is_judged_by_login})
    return [home for home in homes if home.exists or home.missing or home.odd]


def has_any(connection: Connection, home: Home, ids: Collection[str]) -> bool:
    """Whether one of these migrations is in the history there."""
    block = query("history", "has_any", schema=[home.schema])
    with held(connection, home):
        return bool(connection.value(block, [list(ids)]))


def require(home: Home) -> None:
    """Raises HistoryError for what memdb or yoyo did not make, and IncompleteHistory where a part of it is gone."""
    if home.odd:
        raise HistoryError(
            f"the history of migrations in the schema {home.schema} cannot be trusted: {home.odd}",
            hint="Find out who created it, and why, before you apply anything here. Or work elsewhere: --schema NAME.",
        )
    if home.missing:
        raise IncompleteHistory(
            f"the history of migrations in the schema {home.schema} lacks {listed(home.missing)}",
            hint="Restore it from a backup first: without it, migrations might run twice. If it belongs to other "
            "migrations, work elsewhere: --schema NAME.",
        )


def require_sound(connection: Connection, schema: str) -> None:
    """Raises HistoryError where the history in `schema` has become what memdb or yoyo did not make."""
    for home in find(connection):
        if home.schema == schema:
            require(home)


@contextmanager
def held(connection: Connection, home: Home) -> Iterator[None]:
    """While the block runs, what is read at `home` stays what it was when it was looked at.

    The server works out the constants in expressions of indexes and statistics for whoever plans a query. A superuser
    would so call, by reading alone, what an owner with fewer rights adds between the look and the reading, or puts in
    its place. So it is looked at again under locks, of another connection: this one may only read, and see the catalogs
    as of an earlier moment. Raises HistoryError like require_sound, and where there can be no such lock.
    """
    if not home.of_lesser_owner:
        yield
        return
    if connection.value("select pg_catalog.pg_is_in_recovery()"):
        raise HistoryError(
            f"a superuser reads the history in the schema {home.schema} on the primary server only: its owner could "
            "have it run something with your rights",
            hint="Connect to the primary server, or as the owner of that history.",
        )
    with database.again(connection, purpose="history") as other, other.transaction():
        database.keep_as_they_are(other, home.schema, sorted(home.of_lesser_owner))
        with database.own_names(other):
            require_sound(other, home.schema)
        yield


def require_writable(home: Home) -> None:
    """Raises DatabaseError for a role that may not write down what it applies, with all that it lacks."""
    if home.unwritable:
        raise DatabaseError(
            f"this role is not allowed to write to the migration history in the schema {home.schema}",
            hint=f"Grant it usage on that schema and select, insert, update, delete on {', '.join(home.unwritable)}.",
        )
