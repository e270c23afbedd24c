"""Bringing the history back in line with files that were edited or removed, after showing what that means."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memdb.catalog import Patch
from memdb.database import Connection, query
from memdb.errors import UsageError
from memdb.migrations import Hooks, Limits, history, locking, plan
from memdb.migrations.history import History
from memdb.migrations.plan import Sets
from memdb.sqlfiles import Migration
from memdb.verification import verify
from memdb.verification.comparison import Difference


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that is no longer what was run; `diff` goes from what was run to what the file says, unified."""

    id: str
    path: str
    diff: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair changes in the history. Nothing but the history is changed.

    `effect` is where the database differs from what the files would make, if they were run now.
    """

    edits: tuple[Edit, ...]
    mark: tuple[str, ...]
    unmark: tuple[str, ...]
    effect: tuple[Difference, ...]
    done: bool

    @property
    def needed(self) -> bool:
        return bool(self.edits or self.mark or self.unmark)


def propose(
    connection: Connection,
    sets: Sets,
    patches: Mapping[str, Patch],
    *,
    mark: Iterable[str] = (),
    unmark: Iterable[str] = (),
) -> Repair:
    """What there is to repair: every edited file, and the migrations to be marked or unmarked. Changes nothing.

    `patches` are of the files as they are now. Raises UsageError for what cannot be marked or unmarked.
    """
    past = history.read(connection)
    marks = tuple(_to_mark(sets, past, name).id for name in mark)
    unmarks = tuple(_to_unmark(past, id) for id in unmark)
    after = (past.ids | set(marks)) - set(unmarks)
    in_order = [migration.id for migrations in sets.values() for migration in migrations if migration.id in after]
    effect = verify.verify(connection, sets, patches, assumed=in_order).differences
    edits = tuple(_edit(connection, migration) for migration in plan.edited(sets, past))
    return Repair(edits, marks, unmarks, effect, done=False)


def carry_out(
    connection: Connection, sets: Sets, proposal: Repair, *, limits: Limits = Limits(), hooks: Hooks = Hooks()
) -> Repair:
    """Writes into the history what was proposed, and into its log who did it and why."""
    from memdb.migrations.runner import Runner

    files = {migration.id: migration for migrations in sets.values() for migration in migrations}
    locking.prepare_session(connection, lock_timeout_seconds=limits.lock_timeout_seconds)
    with locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=hooks.on_wait):
        runner = Runner(connection)
        for edit in proposal.edits:
            runner.mark(files[edit.id], f"memdb repair: accepted an edit, checksum now {files[edit.id].checksum}")
        for id in proposal.mark:
            runner.mark(files[id], "memdb repair: marked as applied, without running it")
        for id in proposal.unmark:
            runner.unmark(id, "memdb repair: forgotten, without rolling it back")
    return Repair(proposal.edits, proposal.mark, proposal.unmark, proposal.effect, done=True)


def _to_mark(sets: Sets, past: History, name: str) -> Migration:
    migration = plan.find([migration for migrations in sets.values() for migration in migrations], name)
    if migration.id in past.ids:
        raise UsageError(f"{migration.id} is applied already", hint="An edited file is accepted without --mark.")
    return migration


def _to_unmark(past: History, id: str) -> str:
    if id not in past.ids:
        applied = ", ".join(item.id for item in past.applied) or "none"
        raise UsageError(f"{id} is not applied", hint=f"Applied are {applied}.")
    return id


def _edit(connection: Connection, migration: Migration) -> Edit:
    row = connection.execute(query("history", "sql_that_was_run"), [migration.id]).fetchone()
    before, after = str(row[0] if row else "").splitlines(), migration.sql.splitlines()
    lines = difflib.unified_diff(before, after, "as it was run", str(migration.path), lineterm="")
    return Edit(migration.id, str(migration.path), "\n".join(lines))
