"""memdb prune."""

from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import MOST, OutputFormat, Place, Wait, finite
from memdb.lifecycle import pruning
from memdb.lifecycle.pruning import Pace
from memdb.output import bars

_USUAL = Pace()


@command(
    "memdb prune --dry-run",
    "memdb prune",
    "memdb prune --prove",
    "memdb prune --batch 500 --pause 0.1 --time-limit 600",
    also="Which memories are due, the set retention says: memdb migrate --with retention. A run can be cut short at "
    "any moment, and the next one goes on.",
)
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is due.")] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Measure recall and p95 of the same searches before and after.")
    ] = False,
    batch: Annotated[
        int, typer.Option(min=1, max=pruning.MOST, help="How many memories a transaction deletes.", metavar="N")
    ] = _USUAL.batch,
    pause: Annotated[
        float,
        typer.Option(min=0, max=MOST // 1000, callback=finite, help="Rest after each of them.", metavar="SECONDS"),
    ] = _USUAL.pause_seconds,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0, callback=finite, help="Begin no further one after this time.", metavar="SECONDS"),
    ] = None,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Delete memories that are due.

    That are those which have expired, were not recalled for long, or are too many, as the rules of their tier say.
    """
    with place.open() as db, bars.Progress("Deleting", None) as bar:
        result = db.prune(
            dry_run=dry_run,
            prove=prove,
            pace=Pace(batch, pause, time_limit),
            wait_seconds=wait,
            on_batch=bar.advance,
        )
        bar.clear()
        output.emit(result, format, address=db.address)
