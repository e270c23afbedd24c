"""Text for what was exported and imported."""

from collections.abc import Iterator, Mapping
from typing import Any

from memdb.moving.exporting import Export
from memdb.moving.importing import Import
from memdb.output.rendering import render
from memdb.words import count, listed, megabytes


@render.register
def _(export: Export) -> Iterator[Any]:
    told = f"with embeddings, {export.embedding}" if export.embedding else "without embeddings"
    yield f"Exported {count(export.memories, 'memory')} of {count(export.users, 'user')} to {export.path} ({told})."
    yield from _beside(export.beside)
    rate = export.memories / export.seconds
    yield f"Took {export.seconds:.1f} s, {rate:,.0f} memories/s; {megabytes(export.bytes)}, sha256 {export.sha256}."


@render.register
def _(found: Import) -> Iterator[Any]:
    yield f"Imported {count(found.memories, 'memory')} of {count(found.users, 'user')}."
    yield from _beside(found.beside)
    if found.users_created:
        yield f"{count(found.users_created, 'user')} created."
    if found.already_there:
        yield f"{count(found.already_there, 'memory')} already there, with the same ids, and not changed."
    yield from (f"Note: {note}" for note in found.notes)
    yield f"Took {found.seconds:.1f} s, {found.memories / found.seconds:,.0f} memories/s."


def _beside(rows: Mapping[str, int]) -> Iterator[str]:
    told = [f"{count(number, 'row')} of {name}" for name, number in rows.items() if number]
    if told:
        yield f"With {listed(told)}."
