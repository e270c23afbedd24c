"""Changing the schema, and checking it."""

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from memdb.door import lazy, telling
from memdb.door.place import Place
from memdb.errors import EmbeddedError, UsageError

if TYPE_CHECKING:
    from memdb.database import Connection
    from memdb.ledger.plan import Direction, Request
    from memdb.ledger.sqlfiles import Migration
    from memdb.ledger.status import Status
    from memdb.migrations import Hooks, Limits, Run
    from memdb.migrations.baseline import Baseline
    from memdb.migrations.losses import Agreement, WouldLose
    from memdb.migrations.repair import Repair
    from memdb.migrations.saved_plan import SavedPlan
    from memdb.preview import DryRun
    from memdb.verification.snapshot import Patches
    from memdb.verification.verify import Verification


class Schema(Place):
    """The part of a Database that is about its schema."""

    def migrate(
        self,
        to: str | None = None,
        *,
        out_of_order: bool = False,
        limits: "Limits | None" = None,
        hooks: "Hooks | None" = None,
    ) -> "Run":
        """Applies pending migrations, up to and including `to`, each in a transaction of its own.

        Raises MigrationError; migrations applied before the failure stay, and are in its `completed`.
        """
        return self._run("migrate", lazy.migrations.Migrate(to, self.settings.sets, out_of_order), None, limits, hooks)

    def rollback(
        self,
        steps: int | None = 1,
        *,
        to: str | None = None,
        losing: "WouldLose | bool" = False,
        limits: "Limits | None" = None,
        hooks: "Hooks | None" = None,
    ) -> "Run":
        """Rolls back the newest `steps` migrations (None: all), or all that were applied after `to`.

        Raises WouldLose, which lists the losses, if rows would be lost. To lose these and no others, pass that error as
        `losing`; True accepts any loss.
        """
        if to is not None and steps != 1:
            raise UsageError("steps and to exclude each other", hint="Give one of them.")
        agreement = None if losing is True else lazy.losses.Agreement()
        if not isinstance(losing, bool):
            agreement = lazy.losses.Agreement(losing.steps, losing.losses)
        return self._run("rollback", lazy.migrations.Rollback(steps, to), agreement, limits, hooks)

    def run(
        self, plan: "str | PathLike[str] | SavedPlan", *, limits: "Limits | None" = None, hooks: "Hooks | None" = None
    ) -> "Run":
        """Does exactly what the saved `plan` says; it loses what the plan shows and nothing else.

        If anything has changed since, does nothing and raises PlanChanged, a MigrationError.
        """
        saved = plan if isinstance(plan, lazy.saved_plan.SavedPlan) else lazy.saved_plan.read(Path(plan))
        return self._run(saved.direction, saved, None, limits, hooks)

    def plan(
        self,
        request: "Request | None" = None,
        *,
        save_as: str | PathLike[str] | None = None,
        wait_seconds: float = 60,
    ) -> "DryRun":
        """What migrate() would do, or another `request`: Migrate(…) or Rollback(…). Tried on a temporary database.

        With `save_as`, saves the plan to that file, for run(). Waits at most `wait_seconds` for locks of others.
        """
        request = request or lazy.migrations.Migrate()
        if isinstance(request, lazy.migrations.Migrate):
            request = replace(request, chosen=tuple(dict.fromkeys((*self.settings.sets, *request.chosen))))
        purpose = "migrate" if isinstance(request, lazy.migrations.Migrate) else "rollback"
        with self.connected(purpose, wait_seconds=wait_seconds) as connection:
            return lazy.preview.dry_run(
                connection,
                self.sets,
                request,
                options=self.trial,
                trusted=self.settings.trusted_schemas,
                save_as=None if save_as is None else Path(save_as),
            )

    def status(self) -> "Status":
        """What is applied, pending, edited or missing. Reads only."""
        with self.connected("status") as connection:
            return lazy.status.status(connection, self.sets, chosen=self.settings.sets)

    def verify(self) -> "Verification":
        """Compares the database with what the applied migrations create; `ok` if they match. Reads only."""
        with self.connected("verify-schema") as connection:
            return lazy.verify.verify(connection, self.sets, self.expected)

    def baseline(self, to: str | None = None, *, wait_seconds: float = 60) -> "Baseline":
        """Adopts an existing schema: marks pending migrations, up to and including `to`, as applied. Runs none.

        Marks nothing unless the database has exactly what the migrations create; `ok` says so.
        """
        with self.connected("baseline", wait_seconds=wait_seconds) as connection:
            return lazy.baseline.baseline(
                connection,
                self.sets,
                self.expected,
                to=to,
                chosen=self.settings.sets,
                limits=self._limits(lazy.migrations.Limits(wait_seconds)),
                hooks=telling.of_migrating(self.say),
            )

    def propose_repair(
        self, *, mark: tuple[str, ...] = (), unmark: tuple[str, ...] = (), wait_seconds: float = 60
    ) -> "Repair":
        """What repair() would change in the history: edited and renamed files, and migrations to mark or to forget.

        `effect` is how the database would then differ from its files. Reads only.
        """
        with self.connected("repair", wait_seconds=wait_seconds) as connection:
            return lazy.repair.propose(connection, self.sets, self._recorded, mark=mark, unmark=unmark)

    def repair(self, proposal: "Repair | None" = None, *, wait_seconds: float = 60) -> "Repair":
        """Brings the history in line with the files, as proposed; by default it accepts edited and renamed files.

        Runs no migration. Raises HistoryError if the history has changed since the proposal.
        """
        proposal = proposal or self.propose_repair(wait_seconds=wait_seconds)
        if not proposal.needed:
            return proposal
        limits = self._limits(lazy.migrations.Limits(wait_seconds))
        with self.connected("repair", wait_seconds=wait_seconds) as connection:
            return lazy.repair.carry_out(
                connection, self.sets, proposal, limits=limits, hooks=telling.of_migrating(self.say)
            )

    def _recorded(self) -> "Patches":
        """What the current files create; the snapshot may be older than an edit."""
        try:
            return lazy.recording.record(self.sets, options=self.trial)
        except EmbeddedError as error:
            self.say(f"The effect is taken from the snapshot: {error.message}.")
            return self.expected

    def _limits(self, limits: "Limits") -> "Limits":
        return replace(limits, trusted_schemas=(*self.settings.trusted_schemas, *limits.trusted_schemas))

    def _run(
        self,
        purpose: str,
        request: "Request | SavedPlan",
        agreement: "Agreement | None",
        limits: "Limits | None",
        hooks: "Hooks | None",
    ) -> "Run":

        hooks, limits = hooks or telling.of_migrating(self.say), self._limits(limits or lazy.migrations.Limits())
        losing = purpose == "rollback"
        with self.connected(purpose, losing=losing, wait_seconds=limits.wait_seconds) as connection:
            hooks = _warning(connection, hooks)
            return lazy.migrations.run(connection, self.sets, request, agreement=agreement, limits=limits, hooks=hooks)


def _warning(connection: "Connection", hooks: "Hooks") -> "Hooks":
    """Hooks that also hear, before a migration that rewrites a table, how long nobody can use that."""

    def on_start(direction: "Direction", migration: "Migration") -> None:
        hooks.on_start(direction, migration)
        if direction == "migrate":
            for _, warning in lazy.preview.warnings(connection, [migration]):
                hooks.on_advice(warning)

    return replace(hooks, on_start=on_start)
