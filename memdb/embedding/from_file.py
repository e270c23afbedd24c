"""Embeddings that somebody else has made, from a file, by the ids of the memories."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
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
    started, stored, left, batches = time.monotonic(), 0, 0, 0
    for records in readers.reader(path, required=["embedding", "id"]).batches():
        for batch in _batches(records):
            done, passed = _store(connection, path, batch, model, scope)
            stored, left, batches = stored + done, left + passed, batches + 1
            on_batch(done)
    return Filling(model, stored, left, (), 0, batches, time.monotonic() - started)


def _batches(records: Records) -> Iterator[Records]:
    for first in range(0, len(records.rows), _BATCH):
        part = slice(first, first + _BATCH)
        yield Records(records.rows[part], {name: given[part] for name, given in records.fields.items()})


def _store(connection: Connection, path: Path, batch: Records, model: str, scope: Scope) -> tuple[int, int]:
    """How many were stored, and how many were not, though they need an embedding."""
    with connection.transaction():
        found = needs.enter(connection, model, writing=True)
        given = vectors.checked(path, batch.rows, batch.fields["embedding"], found.shape)
        ids = _ids(path, batch)
        needed = {need.id for need in needs.of(connection, found, model, scope, ids=ids)}
        hashes = {id: hash for id, _, hash in needs.texts(connection, found, [*needed])}
        said = [None if fields.is_missing(text) else _hash(text) for text in batch.of("content")]
        fits = [id in hashes and said[place] in (None, hashes[id]) for place, id in enumerate(ids)]
        kept = [place for place, id in enumerate(ids) if fits[place] and id not in ids[:place]]
        chosen = [ids[place] for place in kept]
        stored = storing.store(connection, found, model, chosen, [hashes[id] for id in chosen], given[kept])
        return stored, len(needed) - stored


def _ids(path: Path, batch: Records) -> Sequence[UUID]:
    found = []
    for row, given in zip(batch.rows, batch.of("id"), strict=True):
        try:
            found.append(values.identifier(given))
        except InvalidMemory as error:
            raise fields.bad_row(path, row, "id", error) from None
    return found


def _hash(text: Any) -> bytes:
    """As memory_content_hash has it."""
    return hashlib.sha256(str(text).encode()).digest()[:16]
