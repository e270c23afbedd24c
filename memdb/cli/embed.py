"""memdb embed."""

import signal
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from memdb import output
from memdb.cli.commands import command
from memdb.cli.embedders import Model, required
from memdb.cli.options import MOST, OutputFormat, Place, Wait, confirm, finite
from memdb.door import Database
from memdb.embedding.filling import MOST_TEXTS, Batching
from memdb.embedding.needs import ALSO, Scope
from memdb.errors import UsageError
from memdb.output import bars
from memdb.output.embedding import Checked, Offer

_USUAL = Batching()
_REQUESTS_HERE = 2  # while one is computed, the other is stored: each uses all cores


@dataclass(frozen=True, slots=True)
class Source(Model):
    """Where embeddings come from."""

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

    def name(self) -> str | None:
        """That of the model, which need not be loaded for it."""
        if self.local is None or self.model:
            return self.model
        from memdb.embedders import folder

        return folder.look(self.local).name

    def expect_file_alone(self) -> None:
        if self.local or self.base_url is not None or self.dimensions:
            raise UsageError("a file and a model are given", hint="Leave out --from, or --local and --base-url.")


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
    requests: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help=f"So many requests at once. Default: {_USUAL.requests}, or {_REQUESTS_HERE} with --local.",
            metavar="N",
        ),
    ] = None

    def batching(self, source: Source) -> Batching:
        at_once = _USUAL.requests if source.local is None else _REQUESTS_HERE
        return Batching(self.batch, self.batch_tokens, self.requests or at_once)


@command(
    "memdb embed --model text-embedding-3-small --dry-run",
    "memdb embed --model text-embedding-3-small --price 0.02",
    "memdb embed --model nomic-embed-text --base-url http://localhost:11434/v1 --yes",
    "memdb embed --local all-MiniLM-L6-v2",
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

    The texts of memories are sent to the endpoint; with --local, to nobody. Exits 1 if it refuses some of them.
    """
    scope = Scope(whom.user, whom.also or ())
    with place.open() as db, ExitStack() as open:
        if check:
            faults = db.check_embeddings(source.name(), scope=scope)
            options = [*source.options(faults.model or "NAME"), *(["--user", whom.user] if whom.user else [])]
            checked = Checked.of(faults, options, is_placed=source.is_placed)
            output.emit(checked, format, address=db.address)
            return 0 if faults.ok else 1
        if source.vectors is not None:
            source.expect_file_alone()
            return _from_file(db, source, scope, wait, format, dry_run=dry_run)
        embedder = None if dry_run else source.embedder()
        if embedder is not None:
            open.enter_context(embedder)
        name = required(source.name()) if embedder is None else embedder.model
        offer = Offer.of(db.to_embed(name, scope=scope), source.price, embedder.host if embedder else "")
        if embedder is None:
            output.emit(offer, format, address=db.address)
            return 0
        if not yes and offer.memories and offer.sent_to:
            output.emit(offer, "text", address=db.address, to_stderr=True)
            confirm(f"This sends the texts to {offer.sent_to}.")
        with bars.Progress("Embedding", offer.total, rate=True) as bar:
            result = db.embed(
                embedder,
                scope=scope,
                batching=requests.batching(source),
                wait_seconds=wait,
                on_batch=bar.advance,
                on_interrupt=partial(_say_what_is_waited_for, bar),
            )
            bar.clear()
        output.emit(result, format, address=db.address)
        return 0 if result.ok else 1


def _say_what_is_waited_for(bar: bars.Progress) -> None:
    """After Ctrl-C. The next one ends the process, as what was sent may not be answered for minutes."""
    bar.clear()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    output.say("Requests that were sent are stored first. Ctrl-C again ends it at once.")


def _from_file(db: Database, source: Source, scope: Scope, wait: float, format: str, *, dry_run: bool) -> int:
    assert source.vectors is not None
    model = required(source.model)
    with bars.Progress("Reading" if dry_run else "Storing", None) as bar:
        result = db.embed_from(
            source.vectors, model, scope=scope, dry_run=dry_run, wait_seconds=wait, on_batch=bar.advance
        )
        bar.clear()
    output.emit(result, format, address=db.address)
    return 0
