"""memdb compare-models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat, Place, finite
from memdb.embedding.comparing import Least
from memdb.errors import UsageError
from memdb.output import bars

_LEAST = Least()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked."""

    questions: Annotated[
        Path | None,
        typer.Option(
            help="Questions as the former model embeds them: a .npz, .jsonl or .parquet file with user and embedding. "
            "Default: memories that are stored.",
            metavar="FILE",
        ),
    ] = None
    new_questions: Annotated[
        Path | None, typer.Option(help="The same questions, as the new model embeds them.", metavar="FILE")
    ] = None
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Ask so many at most.", metavar="N")] = 200
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many memories an answer has.", metavar="N")] = 10

    @property
    def given(self) -> tuple[Path, Path] | None:
        if (self.questions is None) != (self.new_questions is None):
            raise UsageError("only one model's questions are given", hint="Give --questions and --new-questions.")
        return None if self.questions is None or self.new_questions is None else (self.questions, self.new_questions)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the new model has to reach."""

    least_coverage: Annotated[
        float, typer.Option(min=0, max=1, callback=finite, help="Share of memories with an embedding.", metavar="SHARE")
    ] = _LEAST.coverage
    least_recall: Annotated[
        float,
        typer.Option(min=0, max=1, callback=finite, help="Share of what an exact search finds.", metavar="SHARE"),
    ] = _LEAST.recall
    least_agreement: Annotated[
        float,
        typer.Option(min=0, max=1, callback=finite, help="Share of the former model's answers.", metavar="SHARE"),
    ] = _LEAST.agreement
    most_slower: Annotated[
        float,
        typer.Option(min=0, callback=finite, help="Its p95 as a multiple of the former one's.", metavar="RATIO"),
    ] = _LEAST.slower


@command(
    "memdb compare-models text-embedding-3-large",
    "memdb compare-models text-embedding-3-large --questions asked.npz --new-questions asked-large.npz",
    also="Begin with memdb new --change-model, and fill with memdb embed.",
)
def compare_models(
    model: Annotated[str, typer.Argument(help="The model that is to take over.", metavar="MODEL")],
    asked: Asked = Asked(),
    bounds: Bounds = Bounds(),
    place: Place = Place(),
    format: OutputFormat = "text",
) -> int:
    """Compare a model that is to take over with the one that serves.

    Asks both the same questions, and tells agreement, coverage, recall, latency and size. Exits 1 if the new one does
    not reach what it has to.
    """
    least = Least(bounds.least_coverage, bounds.least_recall, bounds.least_agreement, bounds.most_slower)
    given = asked.given
    with place.open() as db, bars.Progress("Asking", None) as bar:
        found = db.compare_models(
            model, given, most=asked.sample, k=asked.k, least=least, on_question=lambda: bar.advance(1)
        )
        bar.clear()
        output.emit(found, format, address=db.address)
        return 0 if found.ok else 1
