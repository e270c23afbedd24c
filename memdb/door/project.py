"""What the SQL of a project, and its models, are held to."""

from typing import TYPE_CHECKING

from memdb.door import lazy
from memdb.door.place import Place

if TYPE_CHECKING:
    from memdb.linting.lint import Review
    from memdb.verification.drift import ModelsVerification
    from memdb.verification.snapshot import Snapshot


class Project(Place):
    """A database as one of a project with SQL and models of its own."""

    def lint(self, *, all: bool = False) -> "Review":
        """Reviews pending migrations, or with `all` every file, for which no database is needed.

        Locks, lost data, rollbacks that do not undo their file. `ok` where nothing is an error.
        """
        sets = self.sets
        if all:
            return lazy.lint.lint(sets, sets.migrations, options=self.trial)
        with self.connected("lint") as connection:
            pending = lazy.lint.pending(connection, sets, self.settings.sets)
        return lazy.lint.lint(sets, pending, options=self.trial)

    def snapshot(self, *, check: bool = False) -> "Snapshot":
        """Writes down what the SQL files make, for verify(); from fresh temporary databases.

        With `check` nothing is written, and `stale` names what is not as the file has it. Raises UsageError where the
        SQL is that of memdb itself.
        """
        directory = self.settings.sql_dir
        if not check:
            lazy.project.require_own(directory)
        patches = lazy.recording.record(
            self.sets, options=self.trial, on_start=lambda migration: self.say(f"Applying {migration.id} …")
        )
        return lazy.snapshot.check(directory, patches) if check else lazy.snapshot.write(directory, patches)

    def verify_models(self, models: str = "memdb.models:Base", *, offline: bool = False) -> "ModelsVerification":
        """Compares models of SQLAlchemy, `package.module:Base`, with the snapshot and, unless `offline`, the database.

        Reads only.
        """
        sets, expected = self.sets, self.expected
        if offline:
            return lazy.drift.verify_models(models, sets, expected)
        with self.connected("verify-models") as connection:
            return lazy.drift.verify_models(models, sets, expected, connection)
