"""memdb benchmark-similarity."""

from typing import Annotated
from uuid import UUID

import typer

from memdb import output
from memdb.cli.options import DatabaseUrl, Format, OutputFormat, Schema, session


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(
        epilog="Examples: memdb benchmark-similarity; memdb benchmark-similarity --k 10 --target-p95-ms 50 "
        "--target-recall 0.95; memdb benchmark-similarity --queries 1000 --format json"
    )(benchmark_similarity)


def benchmark_similarity(
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many memories a search asks for.")] = 5,
    queries: Annotated[int, typer.Option(min=1, max=10_000, help="How many searches to time.", metavar="N")] = 200,
    target_p95_ms: Annotated[float, typer.Option(min=0, help="Exit 1 when p95 is above this.", metavar="MS")] = 100,
    target_recall: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Exit 1 when mean recall is below this.", metavar="R", show_default=False),
    ] = None,
    user: Annotated[
        UUID | None,
        typer.Option(help="Search for this user only, else for users of every size.", metavar="ID", show_default=False),
    ] = None,
    random_seed: Annotated[int, typer.Option(min=0, help="Same seed, same searches.", metavar="N")] = 1,
    database_url: DatabaseUrl = None,
    schema: Schema = None,
    format: OutputFormat = Format.text,
) -> int:
    """Measure whether similarity search is fast and right: latency, recall and query plans. Reads only."""
    with session("benchmark", database_url, schema=schema) as open:
        from memdb.benchmark import similarity

        result = similarity.run(
            open.connection,
            k=k,
            queries=queries,
            targets=similarity.Targets(target_p95_ms, target_recall),
            user=user,
            random_seed=random_seed,
            on_phase=output.say,
        )
    output.emit(result, format)
    return 0 if result.ok else 1
