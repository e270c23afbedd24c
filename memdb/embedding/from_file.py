"""Embeddings that somebody else has made, from a file, by the ids of the memories."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from memdb import values
from memdb.database import Connection
from memdb.embedding import needs, storing
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


def fill(
    connection: Connection,
    path: Path,
    model: str,
    scope: Scope = Scope(),
    *,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Filling:
    """Stores the embeddings of those memories of the file that need one, batch by batch.

    Where the file has a `content`, only if the memory still has that text. Raises DataError for a row that cannot be
    used, which it names; what was stored before stays.
    """
    storing.prepare(connection)
    started, counts, batches = time.monotonic(), _Counts(), 0
    for records in readers.reader(path, required=["embedding", "id"]).batches():
        for batch in _batches(records):
            on_batch(_store(connection, path, batch, model, scope, counts))
            batches += 1
    seconds = time.monotonic() - started
    return Filling(model, counts.stored, counts.left, (), 0, batches, seconds, counts.other_text, counts.absent)


def _batches(records: Records) -> Iterator[Records]:
    for first in range(0, len(records.rows), _BATCH):
        part = slice(first, first + _BATCH)
        yield Records(records.rows[part], {name: given[part] for name, given in records.fields.items()})


def _store(connection: Connection, path: Path, batch: Records, model: str, scope: Scope, counts: _Counts) -> int:
    """How many were stored."""
    with connection.transaction():
        found = needs.enter(connection, model, writing=True)
        given = vectors.checked(path, batch.rows, batch.fields["embedding"], found.shape)
        ids = _ids(path, batch)
        said = _said(path, batch)
        needed = {need.id for need in needs.of(connection, found, model, scope, ids=ids)}
        hashes = {id: hash for id, _, hash in needs.texts(connection, found, ids)}
        fits = [
            place for place, id in enumerate(ids)
            if id in needed and id in hashes and said[place] in (None, hashes[id])
        ]  # fmt: skip
        chosen = {ids[place]: place for place in reversed(fits)}  # the first of those with one id
        theirs = [hashes[id] for id in chosen]
        stored = storing.store(connection, found, model, [*chosen], theirs, given[[*chosen.values()]])
    counts.stored += stored
    counts.left += len(chosen) - stored
    counts.other_text += len(needed) - len(chosen)
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
