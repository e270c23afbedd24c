"""What is said before a migration that is known to rewrite a table, when nothing has been tried."""

import re
from collections.abc import Iterator
from contextlib import suppress

import psycopg

from memdb import statements
from memdb.database import Connection
from memdb.effects.measuring import Effects, Work
from memdb.effects.trying import Tried
from memdb.ledger.sqlfiles import Migration
from memdb.preview import locks

_STORED_COLUMN = {"add", "generated", "always", "stored"}
"""What always rewrites the table: https://www.postgresql.org/docs/current/sql-altertable.html."""
_TABLE = re.compile(
    r'alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<name>(?:(?:"[^"]+"|[\w$]+)\.)?(?:"[^"]+"|[\w$]+))',
    re.IGNORECASE,
)
_WORTH_TELLING_SECONDS = 1


def warnings(connection: Connection, migration: Migration) -> Iterator[str]:
    """Which tables a migration rewrites for a generated column, and about how long nobody can read or write them."""
    tried = tuple(_foretold(migration))
    if not tried:
        return
    with suppress(psycopg.Error):  # a migration does not fail because its time cannot be told
        (found,) = locks.described(connection, {migration.id: tried})[0].values()
        for job in (job for statement in found for job in statement.jobs):
            if job.seconds is None or job.seconds >= _WORTH_TELLING_SECONDS:
                yield f"It {job.in_words()}."


def _foretold(migration: Migration) -> Iterator[Tried]:
    for statement in statements.split(migration.sql):
        table = _TABLE.match(statement.text)
        if table and set(statement.words) >= _STORED_COLUMN:
            yield Tried(1, 1, statement.text, Effects((), (Work("rewrites", table["name"], (), "reads and writes"),)))
