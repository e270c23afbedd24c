"""Text for what was done to the embedded database."""

from collections.abc import Iterator
from typing import Any

from memdb.embedded import Address, Removed, Stopped
from memdb.output.folding import Code
from memdb.output.rendering import render


@render.register
def _(address: Address) -> Iterator[Any]:
    yield Code(address.url)


@render.register
def _(stopped: Stopped) -> Iterator[Any]:
    verb = "Stopped" if stopped.was_running else "Not running:"
    yield f"{verb} the embedded PostgreSQL in {stopped.directory}."


@render.register
def _(removed: Removed) -> Iterator[Any]:
    verb = "Deleted" if removed.existed else "There is no data of"
    yield f"{verb} the embedded PostgreSQL in {removed.directory}."
