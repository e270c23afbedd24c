"""What fills a database with memories, finds them, takes them along, and measures how they are found."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from memdb.door import lazy, telling
from memdb.door.place import Place

if TYPE_CHECKING:
    from memdb.benchmark.preparation import Wanted
    from memdb.benchmark.study import Design, Study
    from memdb.benchmark.targets import Targets
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
