"""memdb demo."""

from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from memdb import demo as whole
from memdb import embedded, output
from memdb.benchmark.study import Study
from memdb.cli import progress
from memdb.cli.commands import command
from memdb.cli.embedders import LOCAL
from memdb.cli.options import MOST, OutputFormat
from memdb.embedders import choosing
from memdb.output import bars


@command("memdb demo", "memdb demo --memories 50000", "memdb demo --local all-MiniLM-L6-v2")
def demo(
    memories: Annotated[
        int, typer.Option(min=100, max=MOST, help="How many memories to generate.", metavar="N")
    ] = 10_000,
    random_seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same memories.", metavar="N")
    ] = 1,
    local: Annotated[Path | None, LOCAL] = None,
    format: OutputFormat = "text",
) -> int:
    """See memdb at work.

    Migrates, verifies, seeds, searches and benchmarks a database of its own on the embedded PostgreSQL. With --local,
    real sentences are embedded by that model, and found by what they mean.
    """
    output.say("Starting PostgreSQL …")
    server, chapters = embedded.start(embedded.data_directory()), []
    told = _generated(server, memories, random_seed) if local is None else _real(server, local)
    with closing(told):
        for chapter in told:
            chapters.append(chapter)
            if format == "text":
                output.emit(chapter, format)
    if format == "json":
        output.emit(tuple(chapters), format)
    else:
        output.emit(whole.Farewell(server.url(whole.DATABASE), has_own_sql=local is not None), format)
    # How fast a search is on a busy machine is shown, and is no fault of whoever wants to see memdb.
    shown = (chapter.result for chapter in chapters if not isinstance(chapter.result, Study))
    return 0 if all(getattr(result, "ok", True) for result in shown) else 1


def _generated(server: embedded.Server, memories: int, random_seed: int) -> Generator[whole.Chapter]:
    with whole.fresh_database(server) as db, bars.Progress("Loading", memories) as bar:
        yield from whole.run(db, count=memories, random_seed=random_seed, on_progress=bar.advance)


def _real(server: embedded.Server, folder: Path) -> Generator[whole.Chapter]:
    from memdb.demo import meaning

    output.say("Loading the model, and writing SQL for its embeddings …")
    embedder = choosing.local(folder)
    with ExitStack() as until_told:
        with progress.recording() as on_start:
            db = until_told.enter_context(meaning.database_for(embedder, server, on_start))
        yield from meaning.run(db, embedder)
