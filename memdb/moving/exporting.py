"""Memories of one user or of all, written to a file from one snapshot."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from memdb import __version__, files, users
from memdb.database import Connection
from memdb.errors import DatabaseError, DataError, OutputError
from memdb.moving import copying, header, opening, tables
from memdb.moving.file import Writer
from memdb.moving.header import EMBEDDED, Header, Held
from memdb.moving.hooks import Hooks
from memdb.moving.tables import MEMORIES, Place
from memdb.shape import UserKey
from memdb.successor import TABLES

_ROWS_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Export:
    """What was written. `beside` counts rows of other tables than memories. `bytes` is the size of the file."""

    path: Path
    memories: int
    users: int
    beside: dict[str, int]
    embedding: str | None
    bytes: int
    sha256: str
    seconds: float


def export(
    connection: Connection,
    path: Path,
    *,
    user: object = None,
    embeddings: bool = True,
    overwrite: bool = False,
    hooks: Hooks | None = None,
) -> Export:
    """Writes the file whole or not at all, as the database was when this began.

    Raises DataError for a user without memories, DatabaseError where rows may be hidden from this role or reading could
    run code of others, UsageError where the file is there already, OutputError where it cannot be written.
    """
    started, hooks = time.perf_counter(), hooks or Hooks()
    files.expect_free(path, overwrite=overwrite)
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction isolation level repeatable read, read only")
        place = tables.enter(connection)
        if not embeddings:
            place = replace(place, tables=[table for table in place.tables if not table.name.startswith(TABLES)])
        key = _asked(connection, place, user)
        about = _header(connection, place, key, embeddings=embeddings)
        owners = connection.value(place.target.query("moving", "users_of"), {"user": None if key is None else str(key)})
        hooks.on_start(sum(held.rows for held in about.tables.values()))
        try:
            with files.streamed(path, overwrite=overwrite) as file:
                checksum = _write(connection, place, key, opening.writer(path, file, about), about, hooks)
                size = file.tell()
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written: {error.strerror}",
                hint="What was there before is as it was. Name another file, or make room.",
            ) from None
    rows = {name: held.rows for name, held in about.tables.items()}
    memories = rows.pop(MEMORIES)
    return Export(path, memories, owners, rows, about.embedding, size, checksum, time.perf_counter() - started)


def _asked(connection: Connection, place: Place, user: object) -> UserKey | None:
    if user is not None:
        key = users.asking(user, place.target.shape.users)
        tables.speak_for(connection, key)
        return key
    if place.is_hidden:
        raise DatabaseError(
            "row-level security may hide memories of some users from this role",
            hint="Export one user (--user ID), or connect as a role with BYPASSRLS.",
        )
    return None


def _header(connection: Connection, place: Place, key: UserKey | None, *, embeddings: bool) -> Header:
    """Raises DataError for a user who has nothing."""
    found, held = place.target, dict[str, Held]()
    for table in place.tables:
        rows = connection.value(copying.count(found, table, key).encode(), {"user": key})
        held[table.name] = Held(rows, tuple(table.columns))
    if key is not None and not any(each.rows for each in held.values()):
        seen = " that row-level security lets this role see" if place.is_hidden else ""
        raise DataError(f"user {key} has no memories{seen}", hint="Check the id.")
    return Header(
        memdb=__version__,
        format=header.FORMAT,
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        user_type=found.user_type,
        embedding=found.shape.embedding if embeddings else None,
        model=connection.value(found.query("moving", "model"), {"memories": found.memories}) if embeddings else None,
        tables=held,
    )


def _write(connection: Connection, place: Place, key: UserKey | None, to: Writer, about: Header, hooks: Hooks) -> str:
    for table in place.tables:
        name = json.dumps(table.name, ensure_ascii=False).encode()
        statement = copying.copy(place.target, table, key, with_embedding=about.embedding is not None)
        for row, *embedding in _told(_rows(connection, statement, key, 1 + (table.name in EMBEDDED)), hooks):
            to.row(name, row, *(numbers or b"null" for numbers in embedding))
    return to.end()


def _rows(connection: Connection, statement: str, key: UserKey | None, columns: int) -> Iterator[tuple[bytes, ...]]:
    """The values of each row, NULL as None."""
    with connection.cursor() as cursor, cursor.copy(statement.encode(), {"user": key}) as copy:
        copy.set_types(["bytea"] * columns)  # what comes is text, in UTF-8, and goes into the file as it is
        yield from copy.rows()


def _told(rows: Iterator[tuple[bytes, ...]], hooks: Hooks) -> Iterator[tuple[bytes, ...]]:
    done = 0
    for done, row in enumerate(rows, start=1):
        yield row
        if done % _ROWS_TOLD == 0:
            hooks.on_progress(_ROWS_TOLD)
    hooks.on_progress(done % _ROWS_TOLD)
