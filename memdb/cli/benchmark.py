"""memdb benchmark-similarity."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from memdb import embedded, output
from memdb.benchmark import changes, cold, truth
from memdb.benchmark.identity import Identity
from memdb.benchmark.measurement import Latency
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.strategies import WAYS
from memdb.benchmark.study import Design, Study
from memdb.benchmark.targets import Targets
from memdb.cli import lists
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, finite
from memdb.door import Database
from memdb.errors import SetupError, UsageError
from memdb.output.benchmark import reports


class Workload(StrEnum):
    """Who asks."""

    skewed = "skewed"
    equal = "equal"
    single = "single"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which searches are made, and what they have to reach."""

    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many memories each search asks for.")] = 5
    queries: Annotated[int, typer.Option(min=1, max=10_000, help="How many searches to time.", metavar="N")] = 200
    target_p95_ms: Annotated[
        float, typer.Option(min=0, callback=finite, help="Exit 1 if p95 is above this.", metavar="MS")
    ] = 100
    target_recall: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="Exit 1 if mean recall is below this; by default, below 0.95.",
            metavar="R",
        ),
    ] = None
    user: Annotated[
        str | None, typer.Option(help="Search as this user only; by default, as users of every size.", metavar="ID")
    ] = None
    workload: Annotated[
        Workload,
        typer.Option(help="Who asks: users weighted by their memories, all users equally, or only the largest."),
    ] = Workload.skewed
    queries_from: Annotated[
        Path | None,
        typer.Option(
            help="Take the questions from this .npz, .jsonl or .parquet file (embedding, and optionally user).",
            metavar="FILE",
        ),
    ] = None
    random_seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same searches.", metavar="N")
    ] = 1

    def wanted(self, truth_directory: Path | None) -> Wanted:
        return Wanted(
            self.k, self.queries, self.user, self.random_seed, self.workload, self.queries_from, truth_directory
        )

    def targets(self) -> Targets:
        return Targets(self.target_p95_ms, self.target_recall)


@dataclass(frozen=True, slots=True)
class Varied:
    """What is put side by side."""

    strategies: Annotated[
        str | None,
        typer.Option(help=f"Compare these: all, or any of {', '.join(WAYS)}.", metavar="NAME,…"),
    ] = None
    ef_search: Annotated[
        str, typer.Option(help="Try HNSW with each of these hnsw.ef_search values.", metavar="N,…")
    ] = ""
    candidates: Annotated[
        str, typer.Option(help="Try search_memories re-ranking this many candidates.", metavar="N,…")
    ] = ""
    concurrency: Annotated[
        str, typer.Option(help="Also search over this many connections at once, such as 1,4,8.", metavar="N,…")
    ] = ""
    duration: Annotated[
        float,
        typer.Option(
            min=0.1, max=3600, callback=finite, help="How long to search at each --concurrency.", metavar="SECONDS"
        ),
    ] = 2.0
    writers: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            help="Also search while this many connections add memories, which are rolled back.",
            metavar="N",
        ),
    ] = 0
    inserts: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000,
            help="Also time this many single inserts, which are rolled back.",
            metavar="N",
        ),
    ] = 0
    role: Annotated[
        str | None, typer.Option(help="Also search as this role, under row-level security.", metavar="ROLE")
    ] = None
    user_setting: Annotated[
        str, typer.Option(help="The setting from which your policies read the user.", metavar="NAME")
    ] = "request.jwt.claims"
    cold: Annotated[
        bool, typer.Option("--cold", help="Also search right after a server restart (embedded PostgreSQL only).")
    ] = False
    try_m: Annotated[
        str,
        typer.Option(
            help="Build an HNSW index with each m on a sample in a temporary table, and search it.", metavar="M,…"
        ),
    ] = ""

    def design(self) -> Design:
        """Raises UsageError for lists that are none, and for a sweep in which no strategy takes part."""
        widths = lists.numbers("--ef-search", self.ef_search, 1, 1000)
        depths = lists.numbers("--candidates", self.candidates, 1, 100_000)
        return Design(
            names=lists.strategies(self.strategies, widths, depths),
            ef_search=widths,
            candidates=depths,
            # What writing costs shows beside the same searches without it.
            concurrency=lists.numbers("--concurrency", self.concurrency or ("1" if self.writers else ""), 1, 100),
            seconds=self.duration,
            writers=self.writers,
            inserts=self.inserts,
            identity=Identity(self.role, self.user_setting) if self.role else None,
            try_m=lists.numbers("--try-m", self.try_m, 2, 100),
        )


@command(
    "memdb benchmark-similarity",
    "memdb benchmark-similarity --k 10 --target-p95-ms 50 --target-recall 0.95",
    "memdb benchmark-similarity --strategies all --ef-search 40,100,200 --report search.html --report search.json",
    "memdb benchmark-similarity --strategies plain --compare search.json",
)
def benchmark_similarity(
    asked: Asked = Asked(),
    varied: Varied = Varied(),
    report: Annotated[
        list[Path] | None,
        typer.Option(
            help="Write a report; the ending .json, .md or .html chooses its format (can be repeated).", metavar="FILE"
        ),
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Exit 1 if results are worse than in this earlier .json report.", metavar="FILE")
    ] = None,
    cache: Annotated[bool, typer.Option(help="Save the true neighbours for the next run.")] = True,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> int:
    """Measure whether search is fast and right.

    Reports latency, recall and query plans, for the plain query or for several strategies side by side.

    Read-only; what --writers, --inserts and --try-m write is rolled back.
    """
    for path in report or ():
        reports.check(path)
    earlier = changes.read(compare) if compare is not None else None
    wanted, design = asked.wanted(truth.default_directory() if cache else None), varied.design()
    with place.open() as db:
        if varied.cold:
            design = replace(design, cold=_measure_cold(db, wanted, design))

        def measure(design: Design) -> Study:
            return db.benchmark(wanted, design, asked.targets())

        def again(names: tuple[str, ...]) -> Study:
            output.say("Something looks worse. Measuring it again, to see whether it lasts:")
            return measure(replace(design, names=names, concurrency=(), writers=0, try_m=()))

        study = measure(design)
        try:
            study = study if earlier is None else changes.since(earlier, study, again)
        finally:  # what was measured is not lost to a comparison that cannot be made
            written = [reports.write(study, path) for path in report or ()]
    output.emit(study, format, address=db.address)
    if not all(written):
        return SetupError.exit_code
    return 0 if study.ok else 1


def _measure_cold(db: Database, wanted: Wanted, design: Design) -> dict[str, Latency]:
    """Raises UsageError where the server is not memdb's own to restart."""
    if not db.is_embedded:
        raise UsageError(
            "--cold restarts the server, and memdb restarts only the embedded PostgreSQL",
            hint="Leave out --cold: the first run of each strategy is reported anyway.",
        )
    directory = embedded.data_directory()

    def restart() -> None:
        embedded.stop(directory)
        embedded.start(directory)

    return cold.measure(lambda: db.connected("benchmark"), restart, wanted, design, on_phase=output.say)
