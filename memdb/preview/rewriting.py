"""What is said before migrations that are known to rewrite a table, when nothing has been tried."""

import re
from collections.abc import Iterator, Sequence
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


def warnings(connection: Connection, migrations: Sequence[Migration]) -> Iterator[tuple[Migration, str]]:
    """Which tables each migration rewrites for a generated column, and about how long nobody can read or write them."""
    tried = {migration.id: tuple(_foretold(migration)) for migration in migrations}
    if not any(statement.effects.work for found in tried.values() for statement in found):
        return
    with suppress(psycopg.Error):  # a migration does not fail because its time cannot be told
        described, _ = locks.described(connection, tried)
        for migration in migrations:
            for job in (job for statement in described[migration.id] for job in statement.jobs):
                if job.seconds is None or job.seconds >= _WORTH_TELLING_SECONDS:
                    yield migration, f"It {job.in_words()}."


def _foretold(migration: Migration) -> Iterator[Tried]:
    for statement in statements.split(migration.sql):
        table = _TABLE.match(statement.text)
        work: tuple[Work, ...] = ()
        if table and set(statement.words) >= _STORED_COLUMN:
            work = (Work("rewrites", table["name"], (), "reads and writes"),)
        yield Tried(1, 1, statement.text, Effects((), work))
