"""What is heard while migrations run, or are tried."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from memdb import output
from memdb.door import telling
from memdb.ledger.sqlfiles import Migration
from memdb.migrations import Hooks
from memdb.output import bars


@contextmanager
def hooks() -> Iterator[Hooks]:
    """What the person at the terminal hears while a run goes on."""
    with bars.BuildProgress() as progress:
        spoken = telling.of_migrating(output.say)
        yield replace(
            spoken,
            on_start=lambda direction, migration: progress.begin(telling.of_beginning(direction, migration)),
            on_build=lambda build: progress.show(f"{build.table}: {build.phase}", build.done),
        )


@contextmanager
def recording() -> Iterator[Callable[[Migration, int], None]]:
    """How far the trial of migrations is from which the snapshot is made."""
    with bars.Progress("Recording the snapshot", None) as bar:

        def begin(_: Migration, total: int) -> None:
            bar.expect(total)
            bar.advance()

        yield begin
