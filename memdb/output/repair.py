"""Text for a repair."""

from collections.abc import Iterator
from typing import Any

from memdb.migrations.repair import Repair
from memdb.output.folding import Code
from memdb.output.rendering import render
from memdb.output.verification import block


@render.register
def _(repair: Repair) -> Iterator[Any]:
    """What there is to repair and what that means, or what was done; and what no repair settles."""
    if repair.done:
        yield from _done(repair)
    yield from repair.unsettled.values()
    if repair.needed and not repair.done:
        yield from _needed(repair)
    elif not repair.needed and not repair.unsettled:
        yield "Nothing to repair: the history matches the files."


def _done(repair: Repair) -> Iterator[str]:
    ids = [*(edit.id for edit in repair.edits), *repair.mark]
    yield from [f"Accepted as applied, as the files are now: {', '.join(ids)}."] if ids else []
    yield from [f"Forgotten: {', '.join(repair.unmark)}."] if repair.unmark else []


def _needed(repair: Repair) -> Iterator[Any]:
    for edit in repair.edits:
        yield from map(Code, [*edit.diff.split("\n"), ""] if edit.diff else [])
        if edit.applied_as != edit.id:
            same = "" if edit.diff else ": the same text under a new name"
            yield f"Applied as {edit.applied_as}, now called {edit.id}{same}."
    yield from (f"To be marked as applied, without running it: {id}" for id in repair.mark)
    yield from (f"To be forgotten, without rolling it back: {id}" for id in repair.unmark)
    for difference in repair.effect:
        yield from block(difference)
    if repair.effect:
        yield "The database then differs from its files as shown, and verify-schema will say so."
    elif repair.unmark:
        yield "In effect, the database has what the files would create."
        yield f"Whatever else {', '.join(repair.unmark)} created stays there, and no file removes it."
    else:
        yield "In effect, the database is what the files would create."
