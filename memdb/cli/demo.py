"""memdb demo."""

from typing import Annotated

import typer

from memdb import demo as whole
from memdb import embedded, output
from memdb.benchmark.study import Study
from memdb.cli.commands import command
from memdb.cli.options import MOST, OutputFormat
from memdb.output import bars


@command("memdb demo", "memdb demo --memories 50000")
def demo(
    memories: Annotated[
        int, typer.Option(min=100, max=MOST, help="How many memories to generate.", metavar="N")
    ] = 10_000,
    random_seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same memories.", metavar="N")
    ] = 1,
    format: OutputFormat = "text",
) -> int:
    """See memdb at work.

    Migrates, verifies, seeds, searches and benchmarks a database of its own on the embedded PostgreSQL.
    """
    server = embedded.start(embedded.data_directory())
    chapters = []
    with whole.fresh_database(server) as db, bars.Progress("Loading", memories) as bar:
        for chapter in whole.run(db, count=memories, random_seed=random_seed, on_progress=bar.advance):
            chapters.append(chapter)
            if format == "text":
                output.emit(chapter, format)
    if format == "json":
        output.emit(tuple(chapters), format)
    else:
        output.emit(whole.Farewell(server.url(whole.DATABASE)), format)
    # How fast a search is on a busy machine is shown, and is no fault of whoever wants to see memdb.
    shown = (chapter.result for chapter in chapters if not isinstance(chapter.result, Study))
    return 0 if all(getattr(result, "ok", True) for result in shown) else 1
