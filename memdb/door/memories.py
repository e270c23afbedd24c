"""What fills a database with memories, finds them, takes them along, and measures how they are found."""

from collections.abc import Callable, Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from memdb.door import lazy, telling
from memdb.door.place import Place
from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.benchmark.preparation import Wanted
    from memdb.benchmark.study import Design, Study
    from memdb.benchmark.targets import Targets
    from memdb.lifecycle.consolidating import Consolidation, Summarizer, Terms
    from memdb.lifecycle.duplicates import Duplicates
    from memdb.lifecycle.forgetting import Forgetting
    from memdb.lifecycle.merging import Merging, Unmerging
    from memdb.lifecycle.pruning import Pace, Pruning
    from memdb.moving.exporting import Export
    from memdb.moving.hooks import Hooks as MovingHooks
    from memdb.moving.importing import Import
    from memdb.moving.statements import OnConflict
    from memdb.search.explaining import Explanation
    from memdb.search.question import Question
    from memdb.search.searching import Answer
    from memdb.seeding.hooks import Hooks as SeedingHooks
    from memdb.seeding.memories import Further
    from memdb.seeding.resetting import Reset
    from memdb.seeding.seed import Seeding
    from memdb.seeding.source import Source
    from memdb.shape import UserKey


class Memories(Place):
    """The part of a Database that is about memories."""

    def seed(
        self,
        source: "str | PathLike[str] | Source | Further | None" = None,
        *,
        users: int | None = None,
        memories: int | None = None,
        tiers: tuple[float, float, float] = (30, 30, 40),
        random_seed: int | None = None,
        append: bool = False,
        rebuild_indexes: bool = False,
        add_users: bool = False,
        wait_seconds: float = 60,
        hooks: "SeedingHooks | None" = None,
    ) -> "Seeding":
        """Loads memories, all or none: 10,000 synthetic ones of 20 users, or those in a .npz, .jsonl or .parquet file.

        `tiers` are the proportions of personal, project and task memories. With `append`, rows are added to existing
        ones. A `source` may also be an object that yields rows. With `add_users`, missing users are also added to a
        table of the application. Raises DataError for rows that do not fit.
        """
        if source is None or isinstance(source, str | PathLike):
            source = lazy.choosing.source(
                None if source is None else Path(source), users, memories, tiers, random_seed, append=append
            )
        with self.connected("seed", wait_seconds=wait_seconds) as connection:
            return lazy.seed.seed(
                connection,
                source,
                append=append,
                rebuild_indexes=rebuild_indexes,
                add_users=add_users,
                wait_seconds=wait_seconds,
                hooks=hooks or telling.of_loading(self.say),
            )

    def unseed(self, *, wait_seconds: float = 60) -> "Reset":
        """Deletes the rows that seed() generated, and nothing else."""
        with self.connected("seed", losing=True, wait_seconds=wait_seconds) as connection:
            return lazy.resetting.reset(
                connection, wait_seconds=wait_seconds, on_wait=telling.of_loading(self.say).on_wait
            )

    def search(self, question: "Question") -> "Answer":
        """Finds memories of one user by words, by meaning, or by both. Reads only.

        Uses the functions of the sets hybrid_search and fast_search, where they are applied; else, all memories of the
        user are read. Raises DataError for a user without memories, and for a file or a memory without an embedding.
        """
        with self.connected("search") as connection:
            return lazy.searching.search(connection, question)

    def explain(self, question: "Question", memory_id: UUID) -> "Explanation":
        """Why a memory is, or is not, among the answers to a question. Reads only; raises as search() does."""
        with self.connected("search") as connection:
            return lazy.explaining.explain(connection, question, memory_id)

    def prune(
        self,
        *,
        dry_run: bool = False,
        prove: bool = False,
        pace: "Pace | None" = None,
        wait_seconds: float = 60,
        on_batch: Callable[[int], None] | None = None,
    ) -> "Pruning":
        """Deletes the memories that are due by the rules of the set retention, batch by batch, or says which are due.

        Each batch is a transaction of its own, so a run can be cut short at any moment, and the next one goes on. With
        `prove`, the same searches are made before and after, and their recall and time are told.
        Raises DatabaseError without the set, and where row-level security hides memories from this role; UsageError for
        a dry run that is to prove anything.
        """
        if dry_run and prove:
            raise UsageError("a dry run deletes nothing, so it proves nothing", hint="Leave out --dry-run or --prove.")
        with self.connected("prune", losing=not dry_run, wait_seconds=wait_seconds) as connection:
            if dry_run:
                return lazy.pruning.due(connection)

            def work() -> "Pruning":
                hear = on_batch or (lambda _: None)
                return lazy.pruning.prune(connection, pace or lazy.pruning.Pace(), on_batch=hear)

            return lazy.pruning.proved(connection, work) if prove else work()

    def forget(
        self, user: "UserKey", *, and_user: bool = False, dry_run: bool = False, wait_seconds: float = 60
    ) -> "Forgetting":
        """Deletes all that is one user's in memdb's tables, in one transaction, and proves from the catalog that it is.

        Their row in the table of users stays unless `and_user`. Raises DataError for somebody of whom nothing is there,
        and DatabaseError where rows of the application are in the way, or some may be hidden from this role.
        """
        with self.connected("forget", losing=not dry_run, wait_seconds=wait_seconds) as connection:
            forget = lazy.forgetting.would_forget if dry_run else lazy.forgetting.forget
            return forget(connection, user, and_user=and_user)

    def duplicates(
        self,
        user: "UserKey | None" = None,
        *,
        near: bool = False,
        max_distance: float | None = None,
        only: Collection[UUID] = (),
        most: int = 20,
    ) -> "Duplicates":
        """Memories of one user, or of all, that say the same, or nearly: groups of which one would be kept. Reads only.

        `near` ones are no farther apart than `max_distance`, or than each user's own memories tell. `only` names the
        memories that are kept, and with them their groups. Up to `most` groups are told in full. Raises DatabaseError
        without the set deduplication, and where row-level security hides memories from this role; DataError for a user
        without memories.
        """
        with self.connected("duplicates") as connection:
            asked = lazy.duplicates.Asked(user, near, max_distance, frozenset(only), most)
            return lazy.duplicates.find(connection, asked)

    def merge(
        self, found: "Duplicates", *, wait_seconds: float = 60, on_batch: Callable[[int], None] | None = None
    ) -> "Merging":
        """Merges duplicates into the memories that are kept; the others go to the archive.

        Of near ones and of those that were asked for by name, merges the groups that are `shown`; of exact ones all.
        Each batch is a transaction of its own, so a run can be cut short at any moment, and the next one goes on.
        Raises DatabaseError without the sets deduplication and archive, LockTimeout.
        """
        with self.connected("duplicates", losing=True, wait_seconds=wait_seconds) as connection:
            return lazy.merging.merge(connection, found, on_batch=on_batch or (lambda _: None))

    def unmerge(self, memory_id: UUID, *, wait_seconds: float = 60) -> "Unmerging":
        """Brings back all that was merged into a memory. Raises DataError where that is nothing."""
        with self.connected("duplicates", losing=True, wait_seconds=wait_seconds) as connection:
            return lazy.merging.unmerge(connection, memory_id)

    def consolidate(
        self,
        summarizer: "Summarizer",
        *,
        terms: "Terms | None" = None,
        wait_seconds: float = 60,
        on_job: Callable[[str], None] | None = None,
    ) -> "Consolidation":
        """Has a worker of yours sum memories up, one job of the set consolidation after the other, until none is left.

        `on_job` hears of each: completed, failed or refused. What the summarizer raises gives a job back, to be tried
        again later. Raises DatabaseError without the set, and where row-level security hides jobs from this role.
        """
        with self.connected("consolidate", wait_seconds=wait_seconds) as connection:
            return lazy.consolidating.run_worker(
                connection, summarizer, terms or lazy.consolidating.Terms(), on_job=on_job or (lambda _: None)
            )

    def export(
        self,
        path: str | PathLike[str],
        *,
        user: "UserKey | None" = None,
        embeddings: bool = True,
        overwrite: bool = False,
        wait_seconds: float = 60,
        hooks: "MovingHooks | None" = None,
    ) -> "Export":
        """Writes the memories of one user, or of all, to a file, with their collections and what is noted beside them.

        The file is as the database was at one moment, and is there whole or not at all. An earlier one stays unless
        `overwrite`. Raises DataError for a user without memories, LockTimeout where others keep a table locked.
        """
        with self.connected("export", wait_seconds=wait_seconds) as connection:
            return lazy.exporting.export(
                connection,
                Path(path),
                user=user,
                embeddings=embeddings,
                overwrite=overwrite,
                hooks=hooks,
            )

    def import_(
        self,
        path: str | PathLike[str],
        *,
        on_conflict: "OnConflict" = "skip",
        map_users: Mapping[str, Any] | str | PathLike[str] | None = None,
        user: "UserKey | None" = None,
        tier: str = "personal",
        embeddings: bool = True,
        allow_forgotten: bool = False,
        wait_seconds: float = 60,
        hooks: "MovingHooks | None" = None,
    ) -> "Import":
        """Stores the memories of a file that export() wrote, all or none; a second time, they are there already.

        Or those that mem0, Letta or LangGraph's store gave, whose tier is `tier` unless the file says one. With `user`,
        all memories become theirs.

        `on_conflict` says what happens to ids that are there: "skip", "overwrite", or "new-ids" for all rows.
        `map_users` has, for each user of the file, who gets their memories; it may be a JSON file. Raises DataError
        for a file that is cut off or altered, that does not fit, whose users do not exist, or were forgotten unless
        `allow_forgotten`.
        """
        with (
            lazy.arriving.read(Path(path), user=user, tier=tier) as arrived,
            self.connected("import", wait_seconds=wait_seconds) as connection,
        ):
            return lazy.importing.store(
                connection,
                arrived,
                on_conflict=on_conflict,
                map_users=lazy.arriving.mapping(arrived, map_users, user),
                embeddings=embeddings,
                allow_forgotten=allow_forgotten,
                hooks=hooks,
            )

    def benchmark(
        self,
        wanted: "Wanted | None" = None,
        design: "Design | None" = None,
        targets: "Targets | None" = None,
    ) -> "Study":
        """Measures whether search is fast and accurate: the plain query, or the strategies of `design` side by side.

        Reads only; what a `design` writes is rolled back. `ok` if the targets are met, by default a p95 of 100 ms.
        """
        with self.connected("benchmark") as connection:
            return lazy.study.run(
                connection,
                wanted or lazy.preparation.Wanted(),
                design or lazy.study.Design((lazy.strategies.PLAIN,)),
                targets=targets or lazy.targets.Targets(),
                on_phase=self.say,
            )
