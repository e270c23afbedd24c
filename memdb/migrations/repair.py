"""Bringing the history back in line with files that were edited, renamed or removed, after showing what that means."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from memdb import database, trust
from memdb.catalog import Patch
from memdb.database import Connection, query
from memdb.errors import HistoryError, UsageError
from memdb.ledger import changes, history, homes, sqlfiles, texts
from memdb.ledger.changes import Changes
from memdb.ledger.history import History
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.migrations import session
from memdb.migrations.outcome import Hooks
from memdb.migrations.session import Limits
from memdb.verification import verify
from memdb.verification.comparison import Difference


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that is no longer what was run as `applied_as`: edited or renamed, for then that is another id.

    `diff` goes from what was run to what the file says, unified; nothing where it says the same.
    """

    id: str
    path: str
    diff: str
    applied_as: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair changes in the history. Nothing but the history is changed.

    `unsettled` are migrations that no repair can settle by itself, each with why, and what to do: applied and without a
    file, or with an entry that yoyo's table has lost.
    `effect` is where the database differs from what the files would make, if they were run now.
    """

    edits: tuple[Edit, ...]
    mark: tuple[str, ...]
    unmark: tuple[str, ...]
    unsettled: dict[str, str]
    effect: tuple[Difference, ...]
    done: bool

    @property
    def needed(self) -> bool:
        return bool(self.edits or self.mark or self.unmark)

    @property
    def ok(self) -> bool:
        """Whether the history is as the files are, now that it is done or as nothing is needed."""
        return not self.unsettled and (self.done or not self.needed)


def propose(
    connection: Connection,
    sets: Sets,
    record: Callable[[], Mapping[str, Patch]],
    *,
    mark: Iterable[str] = (),
    unmark: Iterable[str] = (),
) -> Repair:
    """What there is to repair: every edited or renamed file, and what is to be marked or unmarked. Changes nothing.

    `record` finds out the patches of the files as they are now. Raises UsageError before that, which takes longer, for
    what cannot be marked or unmarked.
    """
    past = history.read(connection, sets)
    found = changes.find(sets, past)
    to_mark = {_to_mark(sets, past, found, name).id for name in mark}
    marks = tuple(file.id for file in sets.migrations if file.id in to_mark)  # the last one is rolled back first
    unmarks = tuple(_to_unmark(past, found, id) for id in unmark)
    names = {change.id: change.file.id for change in found.renamed}
    after = [names.get(item.id, item.id) for item in past.applied if item.id not in unmarks]
    patches = record()
    effect = verify.verify(connection, sets, patches, assumed=[id for id in (*after, *marks) if id in patches])
    renamed = [_edit(connection, past, change.file, change.id) for change in found.renamed]
    edited = [_edit(connection, past, migration, migration.id) for migration in found.edited]
    unsettled = {
        id: f"{id} is applied, but has no file here. repair cannot resolve that. {found.reason(id).hint}"
        for id in found.missing
        if id not in unmarks
    } | _lost(sets, past, [*marks, *unmarks])
    return Repair((*edited, *renamed), marks, unmarks, unsettled, effect.differences, done=False)


def _lost(sets: Sets, past: History, settled: Collection[str]) -> dict[str, str]:
    ids = [item.id for item in past.unfinished if item.lost and item.id in sets.by_id and item.id not in settled]
    return {id: f"{error}. {error.hint}" for id in ids for error in [history.lost(past.home, id)]}


def carry_out(
    connection: Connection, sets: Sets, proposal: Repair, *, limits: Limits = Limits(), hooks: Hooks = Hooks()
) -> Repair:
    """Writes into the history what was proposed, and into its log who did it and why.

    Raises HistoryError where the history has changed since it was proposed.
    """
    from memdb.migrations.scribe import Scribe

    with session.exclusive(connection, limits, hooks.on_wait):
        past = history.read(connection, sets)
        _require_unchanged(past, proposal)
        trust.require(connection, past.home.schema, limits.trusted_schemas)
        scribe = Scribe(connection, past.home)
        with scribe.writing():
            for edit in proposal.edits:
                file = sets.by_id[edit.id]
                what = "an edit" if edit.id == edit.applied_as else f"the new name of {edit.applied_as}"
                scribe.accept(file, edit.applied_as, f"memdb repair: accepted {what}, checksum now {file.checksum}")
            for id in proposal.mark:
                later = past.on_top_of(sets.by_id[id], sets)
                scribe.mark(sets.by_id[id], "memdb repair: marked as applied, without running it", later)
            for id in proposal.unmark:
                scribe.unmark(id, "memdb repair: forgotten, without rolling it back")
    return replace(proposal, done=True)


def _require_unchanged(past: History, proposal: Repair) -> None:
    needed = {edit.applied_as for edit in proposal.edits} | set(proposal.unmark)
    if not needed <= past.ids | _begun(past) or past.ids & set(proposal.mark):
        raise HistoryError(
            "the history has changed since this was proposed", hint="Look again, and decide again: memdb repair"
        )


def _to_mark(sets: Sets, past: History, found: Changes, name: str) -> Migration:
    migration = sqlfiles.find(sets.migrations, name)
    if migration.id in past.ids:
        raise UsageError(f"{migration.id} is already applied", hint="An edited file is accepted without --mark.")
    if any(change.file.id == migration.id for change in found.renamed):
        raise UsageError(f"{migration.id} is applied under another name", hint="Accept its name: memdb repair")
    return migration


def _to_unmark(past: History, found: Changes, name: str) -> str:
    known = past.ids | _begun(past)
    matches = sorted(id for id in known if name and id.startswith(name))
    if name not in known and len(matches) != 1:
        listed = ", ".join(matches or [item.id for item in past.applied]) or "none"
        raise UsageError(
            f"several applied migrations begin with {name}" if matches else f"{name} is not applied",
            hint=f"Applied are {listed}.",
        )
    id = name if name in known else matches[0]
    if id in found.newer or any(change.id == id for change in found.renamed):
        # Its file would be pending, and run again, as soon as it is there.
        error = found.reason(id)
        raise UsageError(f"{id} cannot be forgotten: {error.message}", hint=error.hint)
    return id


def _begun(past: History) -> set[str]:
    """What was begun outside of a transaction and not finished."""
    return {item.id for item in past.unfinished}


def _edit(connection: Connection, past: History, migration: Migration, applied_as: str) -> Edit:
    statement = query("history", "sql_that_was_run", schema=[past.home.schema])
    with database.own_names(connection), homes.held(connection, past.home):
        was_run = connection.value(statement, [applied_as])
    before, after = (texts.normalised(text).splitlines() for text in (was_run or "", migration.sql))
    lines = difflib.unified_diff(before, after, "as it was run", str(migration.path), lineterm="")
    return Edit(migration.id, str(migration.path), "\n".join(lines), applied_as)
