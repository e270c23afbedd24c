"""Embeddings that somebody else has made, from a file, by the ids of the memories."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from memdb import values
from memdb.database import Connection
from memdb.embedding import faults, needs, storing
from memdb.embedding.filling import Filling
from memdb.embedding.needs import Scope
from memdb.errors import InvalidMemory
from memdb.reading import fields, readers, vectors
from memdb.reading.fields import Records

_BATCH = 250  # so few that nobody waits for long who changes one of them


@dataclass
class _Counts:
    """As Filling has them."""

    stored: int = 0
    left: int = 0
    other_text: int = 0
    absent: int = 0
    doubled: int = 0
    chosen: set[UUID] = field(default_factory=set)


def fill(
    connection: Connection,
    path: Path,
    model: str,
    scope: Scope = Scope(),
    *,
    dry_run: bool = False,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Filling:
    """Stores the embeddings of those memories of the file that need one, batch by batch.

    Where the file has a `content`, only if the memory still has that text. Of rows with one id, the first that fits is
    stored. With `dry_run`, it only says what it would store. Raises DataError for a row that cannot be used, which it
    names; what was stored before stays.
    """
    storing.prepare(connection)
    started, counts, batches = time.monotonic(), _Counts(), 0
    scope = faults.chosen(connection, model, scope)
    for records in readers.reader(path, required=["embedding", "id"]).batches():
        for batch in _batches(records):
            on_batch(_store(connection, path, batch, model, scope, counts, dry_run=dry_run))
            batches += 1
    return Filling(
        model,
        counts.stored,
        counts.left,
        (),
        0,
        batches,
        time.monotonic() - started,
        other_text=counts.other_text,
        absent=counts.absent,
        doubled=counts.doubled,
        is_dry_run=dry_run,
    )


def _batches(records: Records) -> Iterator[Records]:
    for first in range(0, len(records.rows), _BATCH):
        part = slice(first, first + _BATCH)
        yield Records(records.rows[part], {name: given[part] for name, given in records.fields.items()})


def _store(
    connection: Connection, path: Path, batch: Records, model: str, scope: Scope, counts: _Counts, *, dry_run: bool
) -> int:
    """How many were stored."""
    with connection.transaction():
        found = needs.enter(connection, model, writing=not dry_run)
        given = vectors.checked(path, batch.rows, batch.fields["embedding"], found.shape)
        ids = _ids(path, batch)
        said = _said(path, batch)
        needed = {need.id for need in needs.of(connection, found, model, scope, ids=ids)}
        hashes = {id: hash for id, _, hash in needs.texts(connection, found, ids)}
        same = [place for place, id in enumerate(ids) if id in hashes and said[place] in (None, hashes[id])]
        fits = [place for place in same if ids[place] in needed and ids[place] not in counts.chosen]
        chosen = {ids[place]: place for place in reversed(fits)}  # the first of those with one id
        counts.chosen |= {*chosen}
        theirs = [hashes[id] for id in chosen]
        stored = (
            len(chosen)
            if dry_run
            else storing.store(connection, found, model, [*chosen], theirs, given[[*chosen.values()]])
        )
    counts.stored += stored
    counts.left += len(chosen) - stored
    counts.doubled += sum(ids[place] in counts.chosen for place in same) - len(chosen)
    counts.other_text += len(needed - counts.chosen)
    counts.absent += len({*ids} - {*hashes})
    return stored


def _ids(path: Path, batch: Records) -> Sequence[UUID]:
    found = []
    for row, given in zip(batch.rows, batch.of("id"), strict=True):
        try:
            found.append(values.identifier(given))
        except InvalidMemory as error:
            raise fields.bad_row(path, row, "id", error) from None
    return found


def _said(path: Path, batch: Records) -> Sequence[bytes | None]:
    """Hashes of the texts of the file, where it has them, as memory_content_hash makes them."""
    found = list[bytes | None]()
    for row, text in zip(batch.rows, batch.of("content"), strict=True):
        try:
            found.append(None if fields.is_missing(text) else hashlib.sha256(str(text).encode()).digest()[:16])
        except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can write
            unusable = InvalidMemory("content is no text", hint="Correct or remove this row.")
            raise fields.bad_row(path, row, "content", unusable) from None
    return found
