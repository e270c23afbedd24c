"""Filling what is missing or stale: batch by batch, several requests at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from memdb.database import Connection
from memdb.embedders import Embedder
from memdb.embedders.protocol import require_embedder
from memdb.embedding import faults, needs, storing, working
from memdb.embedding.connections import Connections
from memdb.embedding.needs import Need, Scope
from memdb.embedding.working import Done
from memdb.errors import EmbedderFailed, UsageError

BYTES_PER_TOKEN = 4
"""About as many as English text has. Other languages have more tokens than this says."""
MOST_TEXTS = 256  # a batch is a lock of the server's for each, and there is room for some 6,000
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Batching:
    """How many texts and tokens (about) a request has at most, and how many requests there are at once."""

    texts: int = 64
    tokens: int = 100_000
    requests: int = 8

    def __post_init__(self) -> None:
        if not (1 <= self.texts <= MOST_TEXTS and self.tokens >= 1 and 1 <= self.requests <= 64):
            raise UsageError(
                f"{self.requests} requests at once of {self.texts} texts and {self.tokens} tokens are not possible",
                hint=f"Give 1 to 64 requests, 1 to {MOST_TEXTS} texts.",
            )


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many memories are to be embedded, by why; and about how many tokens that takes."""

    model: str
    memories: dict[str, int]
    tokens: int

    @property
    def total(self) -> int:
        return sum(self.memories.values())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A memory that has no embedding, and why."""

    memory_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Filling:
    """How many embeddings were `stored`. `refused` are the first 20 of the memories that got none, of so many in all.

    `left` were in the hands of others, who changed, deleted or embedded them meanwhile. Of a file: `other_text` have
    another text than it says, `absent` ids are of no memory, and `doubled` rows are of a memory that an earlier row is
    of. In a dry run, they would be stored.
    """

    model: str
    stored: int
    left: int
    refused: tuple[Refusal, ...]
    refused_in_all: int
    requests: int
    seconds: float
    other_text: int = 0
    absent: int = 0
    doubled: int = 0
    is_dry_run: bool = False

    @property
    def ok(self) -> bool:
        return not self.refused_in_all


def estimate(connection: Connection, model: str, scope: Scope = Scope()) -> Estimate:
    """What fill would embed now. Reads only. Raises DatabaseError as fill does."""
    found, size = Counter[str](), 0
    for page in needs.pages(connection, model, faults.chosen(connection, model, scope)):
        found.update(need.why for need in page)
        size += sum(_tokens(need) for need in page)
    return Estimate(model, dict(sorted(found.items())), size)


def fill(
    connection: Connection,
    embedder: Embedder,
    scope: Scope = Scope(),
    batching: Batching = Batching(),
    *,
    on_batch: Callable[[int], None] = lambda _: None,
    on_interrupt: Callable[[], None] = lambda: None,
) -> Filling:
    """Embeds what is missing or stale, and stores each batch as it is answered; `on_batch` hears of how many.

    It may be cut short at any moment: what was stored stays, and the next run goes on. Runs at the same time take
    different memories. Nothing is locked while the embedder works, so applications go on; a text that changes meanwhile
    keeps what it has. After a KeyboardInterrupt, what was sent is stored first; `on_interrupt` hears of it before.

    Raises UsageError for what is no embedder; EmbedderFailed for one that gives nothing, or nothing to be trusted;
    DatabaseError without the set embeddings, where row-level security hides rows from this role, or where somebody
    else's code would run.
    """
    require_embedder(embedder, "embed")
    started, scope = time.monotonic(), faults.chosen(connection, embedder.model, scope)
    storing.require_rights(connection, embedder.model)  # before anything has to be paid for
    with ExitStack() as open, _stored_stays():
        run = _Run(embedder, scope, Connections(connection, open), on_interrupt)
        pages = needs.pages(connection, embedder.model, scope)
        run.through((batch for page in pages for batch in batches(page, batching)), batching.requests, on_batch)
        return run.result(time.monotonic() - started)


@contextmanager
def _stored_stays() -> Iterator[None]:
    try:
        yield
    except EmbedderFailed as error:
        error.hint = f"{error.hint} What was stored stays, and the next run goes on.".strip()
        raise


def batches(page: Sequence[Need], batching: Batching) -> Iterator[list[UUID]]:
    """The memories of a page as requests: a text that is too long for one is one by itself."""
    batch, size = list[UUID](), 0
    for need in page:
        tokens = _tokens(need)
        if batch and (len(batch) == batching.texts or size + tokens > batching.tokens):
            yield batch
            batch, size = [], 0
        batch.append(need.id)
        size += tokens
    if batch:
        yield batch


def _tokens(need: Need) -> int:
    return -(-need.bytes // BYTES_PER_TOKEN)


@dataclass
class _Run:
    """Requests at work, each with a connection of its own."""

    embedder: Embedder
    scope: Scope
    connections: Connections
    on_interrupt: Callable[[], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    requests: int = 0
    stored: int = 0
    refused: dict[UUID, str] = field(default_factory=dict)

    def through(self, batches: Iterator[list[UUID]], at_once: int, on_batch: Callable[[int], None]) -> None:
        """All batches, of which a few wait. The first error ends it, when those that were sent have been stored."""
        pending = set[Future[Done]]()
        with ThreadPoolExecutor(at_once) as pool:
            try:
                for batch in batches:
                    self.asked += len(batch)
                    self.requests += 1
                    pending.add(pool.submit(self._one, batch))
                    while len(pending) >= 2 * at_once:
                        pending = self._some(pending, on_batch)
                while pending:
                    pending = self._some(pending, on_batch)
            except KeyboardInterrupt:
                self.stopped.set()
                self.on_interrupt()
                raise
            finally:
                self.stopped.set()

    def _one(self, ids: list[UUID]) -> Done:
        if self.stopped.is_set():
            return Done(0, {})
        try:
            with self.connections.one() as connection:
                return working.embed(connection, self.embedder, self.scope, ids)
        except BaseException:
            self.stopped.set()  # before this thread takes the next
            raise

    def _some(self, pending: set[Future[Done]], on_batch: Callable[[int], None]) -> set[Future[Done]]:
        finished, rest = wait(pending, return_when=FIRST_COMPLETED)
        for future in finished:
            done = future.result()
            self.stored += done.stored
            self.refused |= done.refused
            on_batch(done.stored)
        return rest

    def result(self, seconds: float) -> Filling:
        left = self.asked - self.stored - len(self.refused)
        named = tuple(Refusal(*one) for one in sorted(self.refused.items())[:_NAMED])
        model = self.embedder.model
        return Filling(model, self.stored, left, named, len(self.refused), self.requests, seconds)
