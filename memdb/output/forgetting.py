"""Text for what was forgotten of a user, and for where copies of it may still be."""

from collections.abc import Iterator, Mapping
from typing import Any

from memdb.lifecycle.forgetting import Forgetting
from memdb.lifecycle.remaining import Remains
from memdb.output.folding import Code
from memdb.output.rendering import render
from memdb.words import count, listed


@render.register
def _(forgetting: Forgetting) -> Iterator[Any]:
    rows = count(sum(forgetting.deleted.values()), "row")
    took = "" if forgetting.dry_run else f", in one transaction and {forgetting.seconds:.1f} s"
    verb = "Would delete" if forgetting.dry_run else "Deleted"
    yield f"{verb} {rows} of user {forgetting.user}{took}{_parts(forgetting.deleted)}"
    if forgetting.detached:
        yield f"These refer to nothing any more, and stay{_parts(forgetting.detached)}"
    yield from _proof(forgetting)
    if forgetting.user_left:
        yield "The user stays in the table of users; --and-user deletes them there, too."
    if forgetting.remains is not None:
        yield from _tombstone(forgetting)
        yield from _remains(forgetting.remains)


def _parts(rows: Mapping[str, int]) -> str:
    """`: 12 public.memories, 3 public.memory_collections.`"""
    parts = [f"{number:,} {name}" for name, number in rows.items() if number]
    return f": {', '.join(parts)}." if parts else "."


def _proof(forgetting: Forgetting) -> Iterator[str]:
    tables = count(len(forgetting.looked_into), "table")
    if forgetting.left:
        yield f"Rows of the application lead to the user, and stay{_parts(forgetting.left)}"
    if not forgetting.dry_run:
        other = "other " if forgetting.left else ""
        yield f"Looked into all {tables} with a path to users: no {other}row of theirs is there."
    if forgetting.unseen:
        yield f"Not looked into, as this role may not read them: {listed(forgetting.unseen)}."
    if forgetting.unlike:
        yield f"Not looked into, as its user_id is of another type than the ids of users: {listed(forgetting.unlike)}."


def _tombstone(forgetting: Forgetting) -> Iterator[str]:
    if forgetting.is_noted:
        yield "An import will not bring the user back: a salted hash of their id is kept for that."
    else:
        yield "An import can bring the user back: the set erasure, which would keep it from that, is not applied."


def _remains(remains: Remains) -> Iterator[Any]:
    if not remains.vacuums:
        return
    if remains.refreshes:
        yield "Materialized views show what was deleted until these have run:"
        yield from map(Code, remains.refreshes)
    yield "The server's files hold what was deleted until these have run, and its place is written over:"
    yield from map(Code, remains.vacuums)
    log = (
        "the archive of the log, for as long as you keep it" if remains.is_archived else "the log until it is recycled"
    )
    others = [log, *([count(remains.replicas, "replica")] if remains.replicas else ())]
    if remains.slots:
        others.append(f"the log that is kept for {listed(remains.slots)}")
    yield f"So do {listed(others)}, and backups and exports that were made before: docs/forgetting.md."
