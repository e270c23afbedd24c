"""memdb duplicates."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, Wait, confirm, finite
from memdb.door import Database
from memdb.errors import UsageError
from memdb.lifecycle.duplicates import Duplicates
from memdb.output import bars
from memdb.words import count


@dataclass(frozen=True, slots=True)
class Which:
    """Which duplicates are looked for."""

    user: Annotated[str | None, typer.Option(help="Only memories of this user.", metavar="ID")] = None
    near: Annotated[
        bool, typer.Option("--near", help="Memories that say nearly the same, told by their embeddings.")
    ] = False
    max_distance: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=2,
            callback=finite,
            help="How far apart near ones may be; by default, what each user's own memories tell.",
            metavar="D",
        ),
    ] = None
    only: Annotated[
        list[UUID] | None,
        typer.Option(help="Only the group of which this memory would be kept (can be repeated).", metavar="ID"),
    ] = None
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many groups to show.", metavar="N")] = 20

    def find(self, db: Database) -> Duplicates:
        only = self.only or ()
        return db.duplicates(self.user, near=self.near, max_distance=self.max_distance, only=only, most=self.limit)


@command(
    "memdb duplicates",
    "memdb duplicates --near --user 8f0c5a9e-0000-4000-8000-000000000001",
    "memdb duplicates --merge",
    "memdb duplicates --merge --near --only 0197a3f2-0000-7000-8000-000000000002",
    "memdb duplicates --undo 0197a3f2-0000-7000-8000-000000000002",
    also="It needs the set deduplication, and to merge, the set archive, where memories go that were merged: memdb "
    "migrate --with deduplication --with archive. Of near ones, those groups are merged that are shown. A run can be "
    "cut short at any moment, and the next one goes on.",
)
def duplicates(
    which: Which = Which(),
    merge: Annotated[bool, typer.Option("--merge", help="Merge each group into the memory that is kept.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what --merge would merge.")] = False,
    undo: Annotated[
        UUID | None, typer.Option(help="Bring back all that was merged into this memory.", metavar="ID")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Find memories that say the same, and merge them.

    Of those that say exactly the same, or with --near, nearly. Shows what people said. Changes nothing without --merge.
    """
    if undo is not None and (merge or which != Which()):
        raise UsageError("--undo brings memories back, and looks for none", hint="Run it alone.")
    if which.max_distance is not None and not which.near:
        raise UsageError("--max-distance is for near duplicates", hint="Add --near.")
    with place.open() as db:
        if undo is not None:
            output.emit(db.unmerge(undo, wait_seconds=wait), format, address=db.address)
            return
        found = which.find(db)
        if dry_run or not (merge and found.groups):
            output.emit(found, format, address=db.address)
            return
        if not yes:
            output.emit(found, "text", address=db.address, to_stderr=True)
            confirm(_consequence(found), db.address)
        _merge(db, found, wait, format)


def _consequence(found: Duplicates) -> str:
    if found.near or found.named:
        return f"This merges the {count(len(found.shown), 'group')} above."
    return f"This merges {count(sum(found.superfluous.values()), 'memory')} into others that say the same."


def _merge(db: Database, found: Duplicates, wait: float, format: str) -> None:
    with bars.Progress("Merging", None) as bar:
        result = db.merge(found, wait_seconds=wait, on_batch=bar.advance)
        bar.clear()
        output.emit(result, format, address=db.address)
