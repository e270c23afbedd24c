"""The door: a database with the SQL files that belong to it, and what can be done with both.

The command line comes in here like everybody else. What a call needs is loaded when it is made.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from memdb import settings
from memdb.door import telling
from memdb.door.place import Place, log
from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.benchmark.preparation import Wanted
    from memdb.benchmark.study import Design, Study
    from memdb.benchmark.verdict import Targets
    from memdb.ledger.plan import Request
    from memdb.ledger.status import Status
    from memdb.linting.lint import Review
    from memdb.migrations import Hooks, Limits, Run
    from memdb.migrations.losses import Agreement, WouldLose
    from memdb.migrations.saved_plan import SavedPlan
    from memdb.preview import DryRun
    from memdb.seeding.hooks import Hooks as SeedingHooks
    from memdb.seeding.memories import Further
    from memdb.seeding.resetting import Reset
    from memdb.seeding.seed import Seeding
    from memdb.seeding.source import Source
    from memdb.verification.drift import ModelsVerification
    from memdb.verification.snapshot import Snapshot
    from memdb.verification.verify import Verification


def open(
    url: str | None = None,
    *,
    schema: str | None = None,
    sql_dir: str | PathLike[str] | None = None,
    sets: tuple[str, ...] = (),
    trusted_schemas: tuple[str, ...] = (),
    scratch_url: str | None = None,
    scratch_setup: str | PathLike[str] | None = None,
    directory: str | PathLike[str] | None = None,
    migrating: bool = True,
    on_message: Callable[[str], None] = log,
) -> "Database":
    """A database for `with`; what is not given is as for the command line, in memdb.toml, .env or the environment.

    `url` is "embedded" for the embedded PostgreSQL, whatever is set, and "temporary" for one that is gone at the end
    of the block. `directory` is where memdb.toml and .env are looked for, the current one by default.
    MEMDB_MIGRATION_URL comes before other addresses unless `migrating` is False. `on_message` hears what a terminal
    would show meanwhile; by default that goes to the logger "memdb".

    Connects when a call needs it. Raises SettingsError where a setting cannot be used.
    """
    where = None if directory is None else Path(directory)
    loaded = settings.load(
        sql_dir=None if sql_dir is None else Path(sql_dir),
        sets=tuple(sets),
        schema=schema,
        trusted_schemas=tuple(trusted_schemas),
        directory=where,
    )
    setup = None if scratch_setup is None else Path(scratch_setup)
    return Database(
        loaded,
        partial(settings.database, url, migrating=migrating, directory=where),
        partial(settings.scratch, url=scratch_url, setup=setup, directory=where),
        on_message=on_message,
    )


class Database(Place):
    """A database with the SQL files that belong to it. Made by memdb.open.

    Each call has a connection of its own, so that one Database can be kept for long and used by several threads. Calls
    raise the errors of memdb.errors: SetupError where the database or a file cannot be used, UsageError where what is
    given cannot be. `address` is where it leads, without the password; empty before the first connection.
    """

    def migrate(
        self,
        to: str | None = None,
        *,
        out_of_order: bool = False,
        limits: "Limits | None" = None,
        hooks: "Hooks | None" = None,
    ) -> "Run":
        """Applies what is pending, up to and including `to`; each migration in a transaction of its own.

        Raises MigrationError: what was applied before a failure stays, and is in its `completed`.
        """
        from memdb.migrations import Migrate

        return self._run("migrate", Migrate(to, self.settings.sets, out_of_order), None, limits, hooks)

    def rollback(
        self,
        steps: int | None = 1,
        *,
        to: str | None = None,
        losing: "WouldLose | bool" = False,
        limits: "Limits | None" = None,
        hooks: "Hooks | None" = None,
    ) -> "Run":
        """Takes back the newest `steps` migrations (None: all), or all that were applied after `to`.

        Raises WouldLose, with what that is, where rows would be lost. To lose them, give that error as `losing`: just
        those then, and no others; or True for whatever it is.
        """
        from memdb.migrations import Rollback
        from memdb.migrations.losses import Agreement

        if to is not None and steps != 1:
            raise UsageError("steps and to exclude each other", hint="Give one of them.")
        agreement = None if losing is True else Agreement()
        if not isinstance(losing, bool):
            agreement = Agreement(losing.steps, losing.losses)
        return self._run("rollback", Rollback(steps, to), agreement, limits, hooks)

    def run(
        self, plan: "str | PathLike[str] | SavedPlan", *, limits: "Limits | None" = None, hooks: "Hooks | None" = None
    ) -> "Run":
        """Does exactly what `plan` has saved, which loses what it shows and nothing else.

        Raises PlanChanged, a MigrationError, where anything has changed since, and does nothing then.
        """
        from memdb.migrations import saved_plan

        saved = plan if isinstance(plan, saved_plan.SavedPlan) else saved_plan.read(Path(plan))
        return self._run(saved.direction, saved, None, limits, hooks)

    def plan(
        self,
        request: "Request | None" = None,
        *,
        save_as: str | PathLike[str] | None = None,
        wait_seconds: float = 60,
    ) -> "DryRun":
        """What migrate() would do, or another `request`: Migrate(…) or Rollback(…). Tried on a temporary database.

        With `save_as`, kept in that file, for run(). Locks of others are waited for so many seconds at most.
        """
        from memdb import preview
        from memdb.migrations import Migrate

        request = request or Migrate()
        if isinstance(request, Migrate):
            request = replace(request, chosen=tuple(dict.fromkeys((*self.settings.sets, *request.chosen))))
        purpose = "migrate" if isinstance(request, Migrate) else "rollback"
        with self.connected(purpose, wait_seconds=wait_seconds) as connection:
            return preview.dry_run(
                connection,
                self.sets,
                request,
                options=self.trial,
                trusted=self.settings.trusted_schemas,
                save_as=None if save_as is None else Path(save_as),
            )

    def status(self) -> "Status":
        """What is applied, pending, edited or missing. Reads only."""
        from memdb.ledger.status import status

        with self.connected("status") as connection:
            return status(connection, self.sets, chosen=self.settings.sets)

    def verify(self) -> "Verification":
        """Compares the database with what the applied migrations make; `ok` where it is the same. Reads only."""
        from memdb.verification import verify

        with self.connected("verify-schema") as connection:
            return verify.verify(connection, self.sets, self.expected)

    def verify_models(self, models: str = "memdb.models:Base", *, offline: bool = False) -> "ModelsVerification":
        """Compares models of SQLAlchemy, `package.module:Base`, with the snapshot and, unless `offline`, the database.

        Reads only.
        """
        from memdb.verification import drift

        sets, expected = self.sets, self.expected
        if offline:
            return drift.verify_models(models, sets, expected)
        with self.connected("verify-models") as connection:
            return drift.verify_models(models, sets, expected, connection)

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
        wait_seconds: float = 60,
        hooks: "SeedingHooks | None" = None,
    ) -> "Seeding":
        """Loads memories, all or none: made up, 10,000 of 20 users; or those of a .npz, .jsonl or .parquet file.

        `tiers` are proportions of personal, project and task memories. With `append`, rows are added to those that are
        there. A `source` that is no file says by itself what its rows are. Raises DataError for rows that do not fit.
        """
        from memdb.seeding import choosing
        from memdb.seeding.seed import seed

        if source is None or isinstance(source, str | PathLike):
            source = choosing.source(
                None if source is None else Path(source), users, memories, tiers, random_seed, append=append
            )
        with self.connected("seed", wait_seconds=wait_seconds) as connection:
            return seed(
                connection,
                source,
                append=append,
                rebuild_indexes=rebuild_indexes,
                wait_seconds=wait_seconds,
                hooks=hooks or telling.of_loading(self.say),
            )

    def unseed(self, *, wait_seconds: float = 60) -> "Reset":
        """Removes the rows that seed() made up, and nothing else."""
        from memdb.seeding.resetting import reset

        with self.connected("seed", losing=True, wait_seconds=wait_seconds) as connection:
            return reset(connection, wait_seconds=wait_seconds, on_wait=lambda whom: self.say(f"Waiting for {whom}"))

    def benchmark(
        self,
        wanted: "Wanted | None" = None,
        design: "Design | None" = None,
        targets: "Targets | None" = None,
    ) -> "Study":
        """Measures whether search is fast and right: the plain query, or the strategies of `design` side by side.

        Reads only; what a `design` writes is rolled back. `ok` where the targets are met, by default a p95 of 100 ms.
        """
        from memdb.benchmark import strategies, study
        from memdb.benchmark.preparation import Wanted
        from memdb.benchmark.verdict import Targets

        design = design or study.Design((strategies.PLAIN,))
        with self.connected("benchmark") as connection:
            return study.run(connection, wanted or Wanted(), design, targets=targets or Targets(), on_phase=self.say)

    def lint(self, *, all: bool = False) -> "Review":
        """Reviews pending migrations, or with `all` every file, for which no database is needed.

        Locks, lost data, rollbacks that do not undo their file. `ok` where nothing is an error.
        """
        from memdb.linting import lint

        sets = self.sets
        if all:
            return lint.lint(sets, sets.migrations, options=self.trial)
        with self.connected("lint") as connection:
            pending = lint.pending(connection, sets, self.settings.sets)
        return lint.lint(sets, pending, options=self.trial)

    def snapshot(self, *, check: bool = False) -> "Snapshot":
        """Writes down what the SQL files make, for verify(); from fresh temporary databases.

        With `check` nothing is written, and `stale` names what is not as the file has it. Raises UsageError where the
        SQL is that of memdb itself.
        """
        from memdb import project, recording
        from memdb.verification import snapshot

        directory = self.settings.sql_dir
        if not check:
            project.require_own(directory)
        patches = recording.record(
            self.sets, options=self.trial, on_start=lambda migration: self.say(f"Applying {migration.id} …")
        )
        return snapshot.check(directory, patches) if check else snapshot.write(directory, patches)

    def _run(
        self,
        purpose: str,
        request: "Request | SavedPlan",
        agreement: "Agreement | None",
        limits: "Limits | None",
        hooks: "Hooks | None",
    ) -> "Run":
        from memdb import migrations

        hooks, limits = hooks or telling.of_migrating(self.say), limits or migrations.Limits()
        limits = replace(limits, trusted_schemas=(*self.settings.trusted_schemas, *limits.trusted_schemas))
        losing = purpose == "rollback"
        with self.connected(purpose, losing=losing, wait_seconds=limits.wait_seconds) as connection:
            return migrations.run(connection, self.sets, request, agreement=agreement, limits=limits, hooks=hooks)
