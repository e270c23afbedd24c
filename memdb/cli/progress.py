"""What is heard while migrations run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from memdb import output
from memdb.door import telling
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
