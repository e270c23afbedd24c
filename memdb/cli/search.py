"""memdb search."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from memdb import output, values
from memdb.cli.commands import command
from memdb.cli.embedders import Model
from memdb.cli.options import OutputFormat, Place, finite
from memdb.errors import InvalidMemory, UsageError
from memdb.reading import fields
from memdb.search.question import Question

if TYPE_CHECKING:
    from memdb.embedders import Embedder


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked beside the text, and what narrows it."""

    like: Annotated[
        UUID | None, typer.Option(help="Search by the meaning of this memory, which is left out.", metavar="ID")
    ] = None
    embedding: Annotated[
        Path | None,
        typer.Option(
            help="Search by the embedding in this file: .json with a list of numbers, or .npz, .jsonl or .parquet with "
            "one row.",
            metavar="FILE",
        ),
    ] = None
    tier: Annotated[
        list[values.MemoryType] | None,
        typer.Option(help="Only memories of this tier (can be repeated).", metavar="TIER"),
    ] = None
    metadata: Annotated[
        str | None,
        typer.Option(
            help="Only memories whose metadata contain this object, or meet this list of conditions.", metavar="JSON"
        ),
    ] = None
    max_distance: Annotated[
        float | None,
        typer.Option(min=0, max=2, callback=finite, help="Find nothing by meaning beyond this distance.", metavar="D"),
    ] = None
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many memories to find.", metavar="K")] = 10

    def question(self, text: str, user: str, embedder: "Embedder | None") -> Question:
        entries, where = _filters(self.metadata)
        return Question(
            text,
            user=user,
            embedding=self.embedding,
            like=self.like,
            embedder=embedder,
            tiers=[tier.value for tier in self.tier or ()],
            metadata=entries,
            where=where,
            max_distance=self.max_distance,
            k=self.limit,
        )


@command(
    "memdb search 'invoice B1742' --user 8f0c5a9e-0000-4000-8000-000000000001",
    "memdb search 'what do I drink in the morning?' --user 42 --local all-MiniLM-L6-v2",
    "memdb search --user 42 --like 0197a3f2-0000-7000-8000-000000000002",
    "memdb search lisbon --user 42 --embedding lisbon.json --tier personal",
    """memdb search lisbon --user 42 --metadata '{"source": "chat"}'""",
    "memdb search B1742 --user 42 --explain 0197a3f2-0000-7000-8000-000000000002",
    also="TEXT is compared by its words, which need no embedding. With a model it is compared by its meaning, for "
    "which an endpoint is sent it, and by its words as well if the set hybrid_search is applied. The best by "
    "words and by meaning are merged, also where the meaning is that of a memory or a file. It uses what is "
    "applied of the sets hybrid_search and fast_search; without them, all memories of the user are read.",
)
def search(
    user: Annotated[str, typer.Option(help="The user whose memories are searched.", metavar="ID")],
    text: Annotated[str, typer.Argument(help="Words to search for.", metavar="TEXT")] = "",
    asked: Asked = Asked(),
    meaning: Model = Model(),
    explain: Annotated[
        UUID | None, typer.Option(help="Say why this memory is, or is not, among the answers.", metavar="ID")
    ] = None,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> None:
    """Search one user's memories.

    By words, by meaning, or by both. Shows what people said. Read-only.
    """
    with ExitStack() as open:
        embedder = meaning.embedder() if meaning.is_named else None
        if embedder is not None:
            open.enter_context(embedder)
        question = asked.question(text, user, embedder)
        db = open.enter_context(place.open())
        result: Any = db.search(question) if explain is None else db.explain(question, explain)
        output.emit(result, format, address=db.address)


def _filters(text: str | None) -> tuple[dict[str, Any], list[values.Where]]:
    """An object is what metadata contain, a list has conditions. Raises UsageError for anything else."""
    try:
        given = {} if text is None else fields.from_json(text)
        if isinstance(given, list):
            return {}, values.conditions(given)
        values.filtered(values.json_object(given))
    except (InvalidMemory, ValueError, fields.Unusable) as error:
        raise UsageError(
            f"--metadata cannot be used: {fields.excerpt(error)}",
            hint="""Give an object, as '{"source": "chat"}', or conditions, as '[{"path": "year", "gte": 2020}]'.""",
        ) from None
    return given, []
