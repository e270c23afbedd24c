"""Checks of a project's SQL and models."""

from dataclasses import replace
from typing import TYPE_CHECKING

from memdb.door import lazy
from memdb.door.place import Place

if TYPE_CHECKING:
    from memdb.linting.lint import Review
    from memdb.verification.drift import ModelsVerification
    from memdb.verification.snapshot import Snapshot


class Project(Place):
    """The part of a Database that is about a project's own SQL and models."""

    def lint(self, *, all: bool = False) -> "Review":
        """Reviews pending migrations, or with `all` every file, which needs no database.

        Finds locks, lost data, and rollbacks that do not undo their file. `ok` if no finding is an error. Notes say how
        long a table that pending migrations rewrite cannot be used, even if a file says that this is meant.
        """
        sets = self.sets
        if all:
            return lazy.lint.lint(sets, sets.migrations, options=self.trial)
        with self.connected("lint") as connection:
            pending = lazy.lint.pending(connection, sets, self.settings.sets)
            stopped = lazy.lint.stopped(connection, sets, pending)
            spread = lazy.distribution.columns(connection)
            waits = [f"{item.id}: {said}" for item, said in lazy.preview.warnings(connection, pending)]
        review = lazy.lint.lint(sets, pending, options=self.trial, spread=spread)
        return replace(review, findings=(*stopped, *review.findings), notes=(*review.notes, *waits))

    def snapshot(self, *, check: bool = False) -> "Snapshot":
        """Records what the SQL files create, for verify(), by applying them to temporary databases.

        With `check`, nothing is written, and `stale` names what differs from the file. Raises UsageError if the SQL
        is memdb's own.
        """
        directory = self.settings.sql_dir if check else self.settings.own_sql_dir
        if not check:
            lazy.project.require_own(directory)
        patches = lazy.recording.record(
            self.sets, options=self.trial, on_start=lambda migration: self.say(f"Applying {migration.id} …")
        )
        return lazy.snapshot.check(directory, patches) if check else lazy.snapshot.write(directory, patches)

    def verify_models(self, models: str = "memdb.models:Base", *, offline: bool = False) -> "ModelsVerification":
        """Compares SQLAlchemy models, `package.module:Base`, with the snapshot and, unless `offline`, the database.

        Reads only.
        """
        sets, expected = self.sets, self.expected
        if offline:
            return lazy.drift.verify_models(models, sets, expected)
        with self.connected("verify-models") as connection:
            return lazy.drift.verify_models(models, sets, expected, connection)
