"""memdb embed."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.options import MOST, OutputFormat, Place, Wait, confirm, finite
from memdb.door import Database
from memdb.embedding.filling import MOST_TEXTS, Batching
from memdb.embedding.needs import ALSO, Scope
from memdb.errors import UsageError
from memdb.output import bars
from memdb.output.embedding import Offer

if TYPE_CHECKING:
    from memdb.embedders.endpoint import Endpoint

_USUAL = Batching()


@dataclass(frozen=True, slots=True)
class Source:
    """Where embeddings come from."""

    model: Annotated[
        str | None, typer.Option(help="The model that is asked, or that made the vectors of a file.", metavar="NAME")
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(
            help="An endpoint that speaks OpenAI's protocol, such as http://localhost:11434/v1. Default: OpenAI.",
            metavar="URL",
        ),
    ] = None
    dimensions: Annotated[
        int | None,
        typer.Option(min=1, max=16_000, help="Ask the model for so many numbers, if it can shorten them.", metavar="N"),
    ] = None
    vectors: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Take vectors from this .npz, .jsonl or .parquet file, with id and embedding.",
            metavar="FILE",
        ),
    ] = None
    price: Annotated[
        float | None,
        typer.Option(min=0, callback=finite, help="What a million tokens cost, for the estimate.", metavar="AMOUNT"),
    ] = None

    @property
    def named(self) -> str:
        if not self.model:
            raise UsageError("it is not said which model", hint="Give its name: --model text-embedding-3-small")
        return self.model

    def embedder(self) -> "Endpoint":
        """Raises UsageError for what does not go together, and without the extra that it needs."""
        if self.vectors is not None and (self.base_url or self.dimensions):
            raise UsageError("a file and an endpoint are given", hint="Leave out --from, or --base-url.")
        from memdb.embedders import choosing

        return choosing.endpoint(self.named, self.base_url, self.dimensions)


@dataclass(frozen=True, slots=True)
class Whom:
    """Which memories."""

    user: Annotated[str | None, typer.Option(help="Only memories of this user.", metavar="ID")] = None
    also: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Embed again what has such an embedding: {', '.join(ALSO)} (can be repeated).",
            metavar="KIND",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Requests:
    """How it asks."""

    batch: Annotated[
        int, typer.Option(min=1, max=MOST_TEXTS, help="At most so many texts in a request.", metavar="N")
    ] = _USUAL.texts
    batch_tokens: Annotated[
        int, typer.Option(min=1, max=MOST, help="At most about so many tokens in a request.", metavar="N")
    ] = _USUAL.tokens
    requests: Annotated[int, typer.Option(min=1, max=64, help="So many requests at once.", metavar="N")] = (
        _USUAL.requests
    )


@command(
    "memdb embed --model text-embedding-3-small --dry-run",
    "memdb embed --model text-embedding-3-small --price 0.02",
    "memdb embed --model nomic-embed-text --base-url http://localhost:11434/v1 --yes",
    "memdb embed --model text-embedding-3-small --from vectors.npz",
    "memdb embed --check",
    "memdb embed --model text-embedding-3-small --also duplicate",
    also="The key of the endpoint is in MEMDB_EMBEDDING_API_KEY. The set embeddings says what is stale: memdb migrate "
    "--with embeddings. A run can be cut short at any moment, and the next one goes on; two at once share the work.",
)
def embed(
    source: Source = Source(),
    whom: Whom = Whom(),
    requests: Requests = Requests(),
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is wrong with embeddings; exits 1 if something is.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is to do.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    wait: Wait = 60,
    place: Place = Place(),
    format: OutputFormat = "text",
) -> int:
    """Make embeddings that are missing or stale.

    The texts of memories are sent to the endpoint. Exits 1 if it refuses some of them.
    """
    scope = Scope(whom.user, whom.also or ())
    with place.open() as db, ExitStack() as open:
        if check:
            faults = db.check_embeddings(source.model, scope=scope)
            output.emit(faults, format, address=db.address)
            return 0 if faults.ok else 1
        if source.vectors is not None and not dry_run:
            return _from_file(db, source, scope, wait, format)
        embedder = None if dry_run else open.enter_context(source.embedder())
        offer = Offer.of(db.to_embed(source.named, scope=scope), source.price, embedder.host if embedder else "")
        if embedder is None:
            output.emit(offer, format, address=db.address)
            return 0
        if not yes and offer.memories:
            output.emit(offer, "text", address=db.address, to_stderr=True)
            confirm(f"This sends the texts to {offer.sent_to}.")
        batching = Batching(requests.batch, requests.batch_tokens, requests.requests)
        with bars.Progress("Embedding", offer.total, rate=True) as bar:
            result = db.embed(embedder, scope=scope, batching=batching, wait_seconds=wait, on_batch=bar.advance)
            bar.clear()
        output.emit(result, format, address=db.address)
        return 0 if result.ok else 1


def _from_file(db: Database, source: Source, scope: Scope, wait: float, format: str) -> int:
    assert source.vectors is not None
    with bars.Progress("Storing", None) as bar:
        result = db.embed_from(source.vectors, source.named, scope=scope, wait_seconds=wait, on_batch=bar.advance)
        bar.clear()
    output.emit(result, format, address=db.address)
    return 0
