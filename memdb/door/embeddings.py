"""What makes embeddings of memories that are there."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from memdb.door import lazy
from memdb.door.place import Place

if TYPE_CHECKING:
    from memdb.embedders import Embedder
    from memdb.embedding.comparing import Comparison, Least
    from memdb.embedding.faults import Faults
    from memdb.embedding.filling import Batching, Estimate, Filling
    from memdb.embedding.needs import Scope


class Embeddings(Place):
    """The part of a Database that is about embeddings."""

    def check_embeddings(self, model: str | None = None, *, scope: "Scope | None" = None) -> "Faults":
        """What is wrong with embeddings, all of which it reads: those missing, stale, of another model, zero, and more.

        `model` is the one they should be of, by default that of most. Raises DatabaseError without the set embeddings.
        """
        with self.connected("embed") as connection:
            return lazy.faults.check(connection, model, scope or lazy.needs.Scope())

    def compare_models(
        self,
        model: str,
        given: tuple[Path, Path] | None = None,
        *,
        most: int = 200,
        k: int = 10,
        least: "Least | None" = None,
        on_question: Callable[[], None] | None = None,
    ) -> "Comparison":
        """How the answers of a model that is to take over compare with those of the one that serves. Reads only.

        Questions are `most` of the memories that have both embeddings, or those of two files: as the former model and
        as the new one embeds them. Raises DatabaseError for a model that was not begun.
        """
        with self.connected("embed") as connection:
            return lazy.comparing.compare(
                connection,
                model,
                given,
                most=most,
                k=k,
                least=least or lazy.comparing.Least(),
                on_question=on_question or (lambda: None),
            )

    def to_embed(self, model: str, *, scope: "Scope | None" = None) -> "Estimate":
        """How many embeddings are missing or stale, and about how many tokens their texts have. Reads only."""
        with self.connected("embed") as connection:
            return lazy.filling.estimate(connection, model, scope or lazy.needs.Scope())

    def embed(
        self,
        embedder: "Embedder",
        *,
        scope: "Scope | None" = None,
        batching: "Batching | None" = None,
        wait_seconds: float = 60,
        on_batch: Callable[[int], None] | None = None,
        on_interrupt: Callable[[], None] | None = None,
    ) -> "Filling":
        """Makes the embeddings that are missing or stale, and stores each batch as it comes.

        A run can be cut short at any moment, and the next one goes on; two at once share the work. `on_interrupt` hears
        of a KeyboardInterrupt before what was sent has been stored, which an embedder may make last.

        Raises DatabaseError without the set embeddings, EmbedderFailed for an embedder that gives nothing that can be
        stored.
        """
        with self.connected("embed", losing=True, wait_seconds=wait_seconds) as connection:
            return lazy.filling.fill(
                connection,
                embedder,
                scope or lazy.needs.Scope(),
                batching or lazy.filling.Batching(),
                on_batch=on_batch or (lambda _: None),
                on_interrupt=on_interrupt or (lambda: None),
            )

    def embed_from(
        self,
        path: str | PathLike[str],
        model: str,
        *,
        scope: "Scope | None" = None,
        dry_run: bool = False,
        wait_seconds: float = 60,
        on_batch: Callable[[int], None] | None = None,
    ) -> "Filling":
        """Stores embeddings of a .npz, .jsonl or .parquet file, by the ids of memories, where one is missing or stale.

        If the file has the texts as `content`, an embedding is stored only if that is still the memory's. With
        `dry_run`, it only says how many it would store.
        """
        with self.connected("embed", losing=not dry_run, wait_seconds=wait_seconds) as connection:
            return lazy.from_file.fill(
                connection,
                Path(path),
                model,
                scope or lazy.needs.Scope(),
                dry_run=dry_run,
                on_batch=on_batch or (lambda _: None),
            )
